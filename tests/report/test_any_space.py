"""The tiny pipeline over six names of every kind: each is found in every table, figure, value and sentence."""

import re
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
import yaml

from lrsweep.config import checking
from lrsweep.figures.drawing import label
from lrsweep.provenance import pipeline
from lrsweep.stages import exchange
from lrsweep.store.results import FOLDER, Results
from lrsweep.store.tables import space_of
from tests.pipeline import clone, configured, run_stage

SPACE = {
    "lr": "auto",
    "beta1": {"min": 0.8, "max": 0.98, "scale": "linear"},
    "warmup_steps": {"min": 2, "max": 8, "scale": "linear", "type": "int"},
    "batch_size": {"min": 4, "max": 16, "scale": "log", "type": "int"},
    "optimizer": {"choices": ["adamw", "muon"]},
    "schedule": {"choices": ["cosine", "wsd"]},
}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page, in the folder of the run."""
    with pytest.MonkeyPatch.context() as patch:
        project = clone(tmp_path_factory.mktemp("open") / "project")
        patch.chdir(configured(project, {"sweep_bayes": {"space": SPACE}}))
        patch.delenv("LRSWEEP_WORK", raising=False)
        params = checking.load(Path("params.yaml"))
        for stage in pipeline.load():
            run_stage(stage, params, Results(FOLDER))
        yield Path("results/report/index.html").read_text()


@pytest.mark.parametrize("name", ["sweep_bayes/trials", "sweep_bayes/proposals", "select/replicates"])
def test_tables_carry_the_space(page, name):
    table = Results(FOLDER).read_table(f"{name}.parquet")
    assert space_of(table).names == tuple(SPACE) and set(SPACE) <= set(table.columns)
    rows = table.to_dict("records")
    assert all(space_of(table).contains({name: row[name] for name in SPACE}) for row in rows if row.get("candidate") != 0)


def test_values_name_every_name(page):
    results = Results(FOLDER)
    choice, clusters = results.read_json("select/choice.json"), results.read_json("cluster/clusters.json")
    assert list(choice["selected"]) == list(choice["default"]) == list(SPACE)
    assert all(list(one["values"]) == list(SPACE) for one in clusters["clusters"])
    named = [one["hyperparameter"] for one in results.read_json("importance/importance.json")["importances"]]
    assert named in ([], list(SPACE))  # too few trials may have been trained to their end
    assert {f"selected_{name}" for name in SPACE} <= results.read_json("select/metrics.json").keys()
    assert set(SPACE) <= results.read_json("train/metrics.json").keys()


def test_figures_show_every_name(page):
    drawn = {name: pd.read_csv(f"results/figures/{name}.csv") for name in ("exploration", "proposals", "isolation")}
    assert all(set(SPACE) <= set(drawn[name]) for name in ("exploration", "proposals"))
    assert list(dict.fromkeys(drawn["isolation"]["hyperparameter"])) == list(SPACE)


def test_the_page_shows_every_name(page):
    tables = {
        unescape(head): body for head, body in re.findall(r'<table[^>]* aria-label="([^"]+)">(.*?)</table>', page, re.DOTALL)
    }
    words = unescape(re.sub(r"<script.*?</script>|<[^>]+>", " ", page, flags=re.DOTALL))
    for name in SPACE:
        for title in ("Selected after", "Candidates and the library", "Centre", "What phase 2 varies"):
            (body,) = (body for head, body in tables.items() if head.startswith(title))
            assert label(name) in body, (title, name)
        assert label(name) in words.split("Phase 2 searches")[1].split("trials that fall behind")[0]
    assert "beta2" not in page.split("<details")[0] and not re.search(r"\bnan\b|\bNone\b", words)


def test_the_export_holds_every_name(page, tmp_path):
    exchange.export(checking.load(Path("params.yaml")), tmp_path / "exported")
    assert list(yaml.safe_load((tmp_path / "exported/sweep_bayes.yaml").read_text())["parameters"]) == list(SPACE)
