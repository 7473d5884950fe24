"""Phase 2 that begins with phase 1's trials: what it is told and compared with, and a run through Snakemake."""

from pathlib import Path

import pytest

from lrsweep.config import checking
from lrsweep.errors import UserError
from lrsweep.runner.sweeps import SweepBayes
from lrsweep.search import study
from lrsweep.search.curve import Curve
from lrsweep.search.proposing import propose
from lrsweep.space import Float
from lrsweep.store.results import Results
from tests.pipeline import ROOT, clone, run, with_value
from tests.search.studies import SECTION, SPACE, record

TOLD = SECTION.model_copy(update={"prior": "sweep_uniform", "first_block": 0})
NARROW = SPACE.of(SPACE.dimensions, Float(min=5e-3, max=5e-2, scale="log"))
CHANGES = {
    "sweep_uniform.steps": "40",
    "sweep_uniform.eval_every": "5",
    "sweep_bayes.prior": "sweep_uniform",
    "sweep_bayes.first_block": "0",
    "sweep_bayes.trials": "5",
}


def phase_1(n=8):
    """Complete trials over four decades, of which the second best LR tried is the best of the range NARROW."""
    return [record(i, "COMPLETE", [3 + 0.5 * (i - 4) ** 2] * 30, 10 ** (-4 + 0.5 * i)) for i in range(n)]


def test_the_first_trial_is_proposed_from_the_prior():
    found = propose(phase_1(), [], 0, TOLD, NARROW, seed=0)
    assert (found.sampler, found.n_complete, found.n_pending) == ("mfgp", 8, 0)
    assert 7e-3 < found.lr < 2e-2  # the valley is at 0.01
    assert propose([], [], 0, TOLD, NARROW, seed=0).sampler == "sobol"


def test_trials_of_both_phases_may_have_the_same_number():
    own = [record(i, "COMPLETE", [9.0] * 30, 0.03 + 0.001 * i) for i in range(8)]
    both = TOLD.model_copy(update={"most_told": 16})
    assert propose([*phase_1(), *own], [], 12, both, NARROW, seed=0).lr < 0.03


def test_optuna_is_told_of_what_lies_in_the_ranges():
    near = [record(i, "COMPLETE", [3 + i / 10] * 30, 0.01 + 0.001 * i) for i in range(4)]
    gp = TOLD.model_copy(update={"sampler": "gp"})
    inside = [r for r in phase_1() if NARROW.contains(r.proposal.values)]
    assert len(inside) == 2
    assert propose([*phase_1(), *near], [], 0, gp, NARROW, seed=0) == propose([*inside, *near], [], 0, gp, NARROW, seed=0)
    assert propose(phase_1(), [], 0, gp, NARROW, seed=0).sampler == "sobol"  # two are too few


def test_the_prior_is_compared_with_at_the_rungs():
    decide = study.judge_by(phase_1(), TOLD, 0.01)
    poor, good = (Curve(evals=list(record(0, "PRUNED", [loss] * 4).evals)) for loss in (7.0, 3.0))
    assert decide(poor, 40).stopped and not decide(good, 40).stopped and decide(good, 40).references == 8


def known(prior, folder):
    params = checking.load(ROOT / "params.yaml")
    section = params.sweep_bayes.model_copy(update={"prior": prior})
    return SweepBayes(params.model_copy(update={"sweep_bayes": section}), Results(folder)).prior


def test_without_a_prior_nothing_is_read():
    assert known(None, Path("none")) == []


def test_a_prior_that_was_not_trained_is_named(tmp_path):
    with pytest.raises(UserError, match=r"sweep_uniform/trials\.parquet: no such file"):
        known("sweep_uniform", tmp_path)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Both phases of the tiny pipeline, the second begun with the first."""
    folder = clone(tmp_path_factory.mktemp("prior") / "project")
    content = (folder / "params.yaml").read_text()
    for key, new in CHANGES.items():
        content = with_value(content, key, new)
    (folder / "params.yaml").write_text(content)
    done = run(folder, "snakemake", "--cores", "2", "--", "results/sweep_bayes/trials.parquet")
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def test_a_run_with_a_prior_can_be_derived_again(project, monkeypatch):
    monkeypatch.chdir(project)
    results, params = Results(Path("results")), checking.load(Path("params.yaml"))
    first = results.read_table("sweep_uniform/trials.parquet")
    known = SweepBayes(params, results).prior
    assert [r.trial for r in known] == first["trial"].tolist() and [r.seed for r in known] == first["seed"].tolist()
    fixed = {"beta2": params.optimizer.beta2, "weight_decay": params.optimizer.weight_decay}
    assert all(r.proposal.values == {"lr": r.proposal.lr, **fixed} for r in known)
    ends = {r.trial: r.evals[-1].loss_nats for r in known if r.state == "COMPLETE"}
    assert ends == first.dropna(subset="final_loss_nats").set_index("trial")["final_loss_nats"].to_dict()
    proposals = results.read_table("sweep_bayes/proposals.parquet")
    assert set(proposals["sampler"]) == {"mfgp"}
    assert proposals["n_complete"][0] == len(ends)
    assert results.read_table("sweep_bayes/rungs.parquet")["references"][0] >= len(ends)
    said = run(project, "lrsweep", "replay", "sweep_bayes")
    assert said.returncode == 0 and said.stdout.startswith("5 proposals"), said.stderr
    again = run(project, "snakemake", "--cores", "1", "--", "results/sweep_bayes/trials.parquet")
    assert again.returncode == 0 and "Nothing to be done" in again.stderr + again.stdout
