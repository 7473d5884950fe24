"""A run whose study ends before its last trial: the same on one worker and on two, derived again, and said where it is asked."""

import json

import pytest

from tests.pipeline import clone, configured, run

LARGE = {"trials": 30, "first_block": 8, "ending": {"gain": 100.0, "patience": 2}}  # a promise that no proposal keeps
END = 13  # trials 8 and 9 promise too little, and trial 13, whose lag is 4, is the first that sees both
TABLES = "results/sweep_bayes/trials.parquet"


def ended(folder, cores):
    project = configured(clone(folder), {"simulate": True, "sweep_bayes": LARGE})
    path = project / "params.yaml"
    assert "gain: 100.0" in path.read_text()
    done = run(project, "snakemake", "--cores", cores, "--", TABLES)
    assert done.returncode == 0, done.stderr[-4000:]
    return project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return ended(tmp_path_factory.mktemp("ending") / "project", "2")


def summary(project):
    return json.loads((project / "results/sweep_bayes/summary.json").read_text())


def test_the_study_ends_and_says_why(project):
    found = summary(project)
    assert (found["ended_at_trial"], found["ended_by"], found["ending_gain"], found["ending_patience"]) == (END, "ending", 100, 2)
    assert found["trials_complete"] + found["trials_pruned"] + found["trials_diverged"] == END
    again = run(project, "snakemake", "--cores", "1", "--", TABLES)
    assert again.returncode == 0 and "Nothing to be done" in again.stderr + again.stdout


def test_the_number_of_workers_changes_nothing(project, tmp_path):
    other = ended(tmp_path / "project", "1")
    for name in ("trials", "proposals", "rungs", "evals"):
        paths = [one / f"results/sweep_bayes/{name}.parquet" for one in (project, other)]
        assert paths[0].read_bytes() == paths[1].read_bytes(), name


def test_replay_derives_the_ending_and_status_knows_it(project):
    said = run(project, "lrsweep", "replay", "sweep_bayes")
    assert said.returncode == 0 and f"the ending at trial {END}" in said.stdout, said.stderr
    status = run(project, "lrsweep", "status")
    assert f"sweep_bayes {END} of {END} done, 0 running" in status.stdout and "left" not in status.stdout, status.stdout
    path = project / "results/sweep_bayes/summary.json"
    kept = path.read_text()
    path.write_text(kept.replace(f'"ended_at_trial": {END}', f'"ended_at_trial": {END + 1}'))
    refused = run(project, "lrsweep", "replay", "sweep_bayes")
    path.write_text(kept)
    assert refused.returncode == 1 and "ending" in refused.stderr + refused.stdout


def test_another_ending_keeps_the_trials(project):
    """What was trained before stays trained: a later ending trains on from there, an earlier one leaves the rest out."""
    configured(project, {"sweep_bayes": {"ending": None, "trials": END + 2}})
    done = run(project, "snakemake", "--cores", "2", "--", TABLES)
    assert done.returncode == 0, done.stderr[-4000:]
    found = summary(project)
    assert (found["ended_at_trial"], found["ended_by"], found["ending_gain"]) == (END + 2, "trials", None)
    configured(project, {"sweep_bayes": LARGE})
    assert run(project, "snakemake", "--cores", "2", "--", TABLES).returncode == 0
    assert summary(project)["ended_at_trial"] == END
