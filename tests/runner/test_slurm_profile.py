"""The SLURM profile without SLURM: it names the rules that there are, and a cluster's jobs say how many workers a study has."""

import re

import pytest
import yaml

from lrsweep.cli.workflow import Plan
from lrsweep.config import checking
from lrsweep.provenance import pipeline
from lrsweep.runner.catalogue import STUDIES
from tests.pipeline import ROOT

PROFILE = yaml.safe_load((ROOT / "workflow/profiles/slurm/config.yaml").read_text())


def test_each_rule_that_trains_has_memory_time_and_gpus():
    rules = re.findall(r"^rule (\w+):", (ROOT / "workflow/rules/study.smk").read_text(), re.MULTILINE)
    found = PROFILE["set-resources"]
    assert found.keys() == set(rules) == {"work"}
    assert all({"mem_mb", "runtime", "gpu"} <= asked.keys() for asked in found.values())
    assert all("* attempt" in found[name][key] for name in found for key in ("mem_mb", "runtime"))
    assert PROFILE["retries"] >= 1 and PROFILE["jobs"] > 0


@pytest.fixture
def workers(tmp_path, monkeypatch):
    """How many workers each stage waits for where nothing has run, as a function of what Snakemake is told."""
    monkeypatch.chdir(ROOT)
    stages, params = pipeline.load(), checking.load(ROOT / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return lambda is_main, at_once: {
        name: len(Plan(stages, params, {}, is_main, at_once).workers(stages[name])) for name in STUDIES
    }


def test_a_study_has_as_many_workers_as_jobs_where_it_can_use_them(workers):
    most = {
        "sweep_uniform": 23,
        "edge": 4,
        "sharpness": 9,
        "sweep_bayes": 8,
        "assess": 8,
        "select": 12,
        "scale": 9,
        "ablate": 0,
        "train": 3,
    }
    assert workers(True, PROFILE["jobs"]) == most
    assert workers(True, 7) == {name: min(7, most[name]) for name in most}


def test_a_job_of_a_stage_asks_for_no_workers(workers):
    assert set(workers(False, 64).values()) == {0}
