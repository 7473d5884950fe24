"""A training that goes wrong is data: all stages after it give their outs, and the report begins with what to change."""

import re
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from lrsweep.config import checking
from lrsweep.provenance import pipeline
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from lrsweep.store.results import FOLDER, Results
from lrsweep.store.tables import space_of
from tests.pipeline import clone, run_stage, with_value

STAGES = pipeline.load(Path(__file__).parents[2] / "dvc.yaml")
TOO_HIGH = "{min: 1.0e+30, max: 1.0e+31, scale: linear}"  # the first step takes all weights out of the range of a float


def run_from(first, **changes):
    """Runs a stage and all after it in this folder, with these values (the dots of their keys as __), and gives the page."""
    content = Path("params.yaml").read_text()
    for key, new in changes.items():
        content = with_value(content, key.replace("__", "."), new)
    Path("params.yaml").write_text(content)
    params = checking.load(Path("params.yaml"))
    for name in list(STAGES)[list(STAGES).index(first) :]:
        run_stage(name, params, Results(FOLDER))
        assert all(Path(path).is_file() for path in STAGES[name].artifacts), name
    return Path("results/report/index.html").read_text()


def beginning(page):
    """The words of the page up to its first table."""
    head = page.split("<header>")[1].split("<table")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", head)).split())


def assert_whole(page):
    """Nothing that is not there is shown as a number."""
    words = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", words)


def test_when_everything_diverges(tmp_path, monkeypatch):
    """Phase 1, so phase 2 below it as well, the default in the race, and the final training."""
    monkeypatch.chdir(clone(tmp_path / "project"))
    monkeypatch.delenv("LRSWEEP_WORK", raising=False)
    page = run_from("check", sweep_uniform__lr=TOO_HIGH, select__default__lr="1.0e+30")
    said = beginning(page)
    assert said.startswith("lrsweep report No maximum learning rate was found Nothing that was searched trained to its end")
    assert "6 of 6 diverged; lower sweep_uniform.lr.min (the lowest LR tried is 2.78e+30)" in said
    assert "0 of the 14 trials of phase 2 survived, so there are no clusters" in page
    assert (
        "Phase 2 has no complete trial (14 of 14 diverged): lower its LR range" in said and "lower select.default.lr too" in said
    )
    assert "The final training diverged after" in said and "set a lower one with lr in params.yaml" in said
    assert_whole(page)


@pytest.fixture
def project(finished, monkeypatch):
    monkeypatch.chdir(finished)
    monkeypatch.delenv("LRSWEEP_WORK", raising=False)
    return finished


def test_when_the_final_training_diverges(project):
    page = run_from("train", lr="1.0e+30")
    selected = Results(FOLDER).read_json("select/choice.json")["selected"]["lr"]
    said = beginning(page)
    assert "The final training diverged after" in said and "at a maximum learning rate of 1e+30" in said
    assert f"lower it with lr in params.yaml (the selected one is {selected:.4g}), and train again" in said
    assert_whole(page)


@pytest.mark.parametrize("ends", [(PRUNED, DIVERGED), (PRUNED,)], ids=str)
def test_when_no_trial_of_phase_2_is_left(project, ends):
    """Stopped or diverged, all of them; the default is trained and taken."""
    results = Results(FOLDER)
    table = results.read_table("sweep_bayes/trials.parquet")
    lost = table["state"] == COMPLETE
    table.loc[lost, "state"] = [ends[i % len(ends)] for i in range(int(lost.sum()))]
    table["final_loss_nats"] = None
    rows = table.astype(object).where(pd.notna(table), None).to_dict("records")
    results.write_rows("sweep_bayes/trials.parquet", rows, space_of(table))
    page = run_from("cluster", lr="null")
    said, diverged = beginning(page), int((table["state"] == DIVERGED).sum())
    assert said.startswith("lrsweep report Use a maximum learning rate of ") and "steps stays stable up to" in said
    assert (
        "Nothing that was searched trained to its end, so this page shows the library's default: a maximum learning rate of 0.001"
        in said
    )
    assert f"Phase 2 has no complete trial ({diverged} of 14 diverged, {14 - diverged} were stopped): lower its LR range" in said
    assert "give sweep_bayes more trials" in said and "diverged as well" not in said
    assert_whole(page)
