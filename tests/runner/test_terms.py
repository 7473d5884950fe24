"""A study in carried terms, from its trials to the page: what was searched, and what was trained at each length."""

from pathlib import Path

import pytest

from lrsweep.config import checking
from lrsweep.provenance import pipeline
from lrsweep.runner.sweeps import SweepBayes
from lrsweep.store.results import FOLDER, Results
from lrsweep.store.tables import space_of
from lrsweep.trainers.builtin.terms import TERMS
from tests.pipeline import clone, configured, run, run_stage

SPACE = {
    "lr": "auto",
    "averaging_share": {"min": 0.1, "max": 10.0, "scale": "log"},
    "beta2_share": {"min": 0.1, "max": 2.0, "scale": "log"},
    "warmup_share": {"choices": [0.05, 0.1]},
}
TRAIN = {"steps": 80, "eval_every": 20}
SWEEP = {"steps": 40, "warmup_steps": 4, "eval_every": 5}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The tiny pipeline over a space of terms, which begins with phase 1, run in this process."""
    more = {"sweep_uniform": SWEEP, "sweep_bayes": {"space": SPACE, "prior": "sweep_uniform"}, "train": TRAIN, "ablate": None}
    folder = configured(clone(tmp_path_factory.mktemp("terms") / "project"), more)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("LRSWEEP_WORK", raising=False)
        params = checking.load(Path("params.yaml"))
        for stage in pipeline.load():
            run_stage(stage, params, Results(FOLDER))
    return folder


def expected(row, steps):
    """The plain values of a row, by hand."""
    return {
        "weight_decay": 1 / (row["lr"] * row["averaging_share"] * steps),
        "beta2": 0.5 ** (1 / (row["beta2_share"] * steps)),
        "warmup_steps": round(row["warmup_share"] * steps),
    }


def test_the_tables_have_both(project):
    results = Results(project / "results")
    for name in ("sweep_bayes/trials", "sweep_bayes/proposals", "select/replicates"):
        table = results.read_table(f"{name}.parquet")
        assert space_of(table).names == tuple(SPACE)
        for row in table.to_dict("records"):
            assert {key: row[key] for key in expected(row, 40)} == pytest.approx(expected(row, 40))


def test_the_default_is_the_plain_one_in_terms(project):
    table = Results(project / "results").read_table("select/replicates.parquet")
    default = table[table["candidate"] == 0].to_dict("records")[0]
    plain = {"lr": 1e-3, "weight_decay": 0.01, "beta2": 0.999, "warmup_steps": 4}
    assert {name: default[name] for name in plain} == pytest.approx(plain)


def test_what_phase_1_trained_is_known_in_terms(project):
    params = checking.load(project / "params.yaml")
    for record in SweepBayes(params, Results(project / "results")).prior:
        plain = expected(record.proposal.values, 40)
        assert plain == pytest.approx({"weight_decay": 0.01, "beta2": 0.999, "warmup_steps": 4})


def test_the_final_training_takes_the_shares_over(project):
    results = Results(project / "results")
    selected, trained = results.read_json("select/choice.json")["selected"], results.read_json("train/metrics.json")
    law = results.read_json("scale/law.json")
    assert {name: trained[name] for name in selected} == {**selected, "lr": law["lr"]}
    assert {name: trained[name] for name in expected(trained, 80)} == pytest.approx(expected(trained, 80))
    lrs = results.read_table("train/steps.parquet")["lr"]
    assert lrs.idxmax() + 1 == trained["warmup_steps"], "the warm-up is a share of the longer run"
    chosen = results.read_json("select/choice.json")["candidates"][results.read_json("select/choice.json")["candidate"]]
    assert chosen["plain"] == pytest.approx(expected(selected, 40))


def test_the_page_says_both(project):
    page = (project / "results/report/index.html").read_text()
    assert page.count(" at 40 steps and ") == len(TERMS)
    assert "averaging share" in page and "weight decay at 40 steps" in page


def test_proposals_can_be_derived_again(project):
    said = run(project, "lrsweep", "replay", "sweep_bayes")
    assert said.returncode == 0, said.stderr
