"""The live page is right at any moment of a run, from the files alone, and touches nothing but itself."""

import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from html import unescape

import pytest
from pytest import approx

from lrsweep.cli.workflow import LOCK
from lrsweep.config import checking
from lrsweep.provenance import pipeline
from lrsweep.report import live
from lrsweep.runner import progress, worker
from lrsweep.runner.catalogue import study_of
from lrsweep.runner.trainer import make_trainer
from lrsweep.search.trial import DIVERGED
from lrsweep.stages import sweep_uniform
from lrsweep.stages.edge import run as find_edge
from lrsweep.stages.watch import Watch
from lrsweep.store.locking import claim
from lrsweep.store.results import FOLDER, Results
from tests.pipeline import ROOT, configured, run

LR = {"min": 0.001, "max": 0.1, "scale": "log"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder in which made-up studies can be trained."""
    for name in ("params.yaml", "dvc.yaml", "workflow"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    assert run(tmp_path, "lrsweep", "preset", "tiny").returncode == 0
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LRSWEEP_WORK", raising=False)
    return configured(tmp_path, {"simulate": True, "sweep_bayes": {"space": {"lr": LR, "beta2": {"choices": [0.9, 0.99]}}}})


def train(stage, trainings):
    """So many trainings of a study, which begins anew with what is on disk."""
    params, results = checking.load(checking.PARAMS), Results(FOLDER)
    study = study_of(stage, params, results)
    study.identity.open()
    trainer = make_trainer(params, results, study.identity.digest)
    for _ in range(trainings):
        assert worker.train_next(study, trainer, lambda _: None)
    return study


def watch():
    return Watch(checking.load(checking.PARAMS), Results(FOLDER), pipeline.load(), LOCK, every_s=7)


def heading(page):
    return unescape(re.search("<h1>(.*?)</h1>", page)[1])


@contextmanager
def a_run():
    with claim(LOCK):
        yield


def test_before_anything_and_with_one_trial_and_two(project):
    found = watch()
    assert found.write() == live.NONE
    assert "Nothing has started" in heading(found.path.read_text())
    assert not (project / "results").exists() or not any((project / "results").rglob("*.*"))
    for n in (1, 2):
        train("sweep_uniform", 1)
        assert found.write() == live.STOPPED
        page = found.path.read_text()
        assert "Nothing runs now" in heading(page) and f"{n} of 6 trials {'has' if n == 1 else 'have'} ended" in page
        assert page.count("<img") == 2 and "nan" not in page.split("data:image")[0]
    with a_run():
        assert found.write() == live.RUNS


def test_a_first_trial_without_a_finite_eval_is_shown_too(project):
    train("sweep_uniform", 1)
    found = watch()
    found.look()
    (one,) = found.studies.values()
    one.found = {path: replace(record, state=DIVERGED, evals=()) for path, record in one.found.items()}
    edge = one.edge()
    assert edge is not None and edge.counts.diverged == 1
    assert len(one.pictures(edge)) == 2


def test_the_block_while_it_is_halved(project):
    study, found = train("sweep_bayes", 3), watch()
    found.look()
    (one,) = found.studies.values()
    assert {one.state(record) for record, _ in one.trials.values()} == {"waiting at a rung"}
    train("sweep_bayes", 5)
    found.look()
    states = [one.state(record) for record, _ in one.trials.values()]
    assert sorted(states) == ["PRUNED"] * 4 + ["waiting at a rung"] * 4
    study = train("sweep_bayes", 4 + 2 + 2 + 1)  # the block to its end, and more
    found.look()
    closed = {record.trial: record.state for record in study.block}
    assert {record.trial: one.state(record) for record, _ in one.trials.values() if record.trial in closed} == closed


def test_what_runs_and_what_it_has_found(project):
    study = train("sweep_uniform", 6)
    progress.Watch(study.events, trial=3, until=20, values={"lr": 0.0123}, proposing_s=0.0).start()
    found = watch()
    assert found.write() == live.RUNS
    page, (seen,) = found.path.read_text(), found.look().studies
    assert heading(page) == "Phase 1: how high the learning rate can go: 5 of 6 trials"
    assert '<meta http-equiv="refresh" content="7">' in page and ">0.0123<" in page and os.uname().nodename in page
    finals = [record.final_loss_nats for record, _ in next(iter(found.studies.values())).trials.values()]
    assert seen.best.loss_nats == approx(min(loss for loss in finals if loss is not None))
    assert found.look().left is not None
    page = page.split("data:image")[0]
    assert "trained to its end" not in page and "Simulated" in page


def test_the_edge_so_far_is_that_of_the_stage(project):
    configured(project, {"edge": {"refine": None}})
    train("sweep_uniform", 6)
    found = watch().look()
    params, results = checking.load(checking.PARAMS), Results(FOLDER)
    sweep_uniform.run(params, results)
    find_edge(params, results)
    recorded = results.read_json("edge/edge.json")
    assert vars(found.edge.near_optimal_lr) == recorded["near_optimal_lr"]


def test_a_damaged_record_is_named_and_the_others_are_shown(project):
    study, found = train("sweep_uniform", 3), watch()
    path = sorted(study.identity.folder.glob("trials/*/*.json"))[-1]
    path.write_text(path.read_text().replace("0.", "1.", 1))
    found.write()
    assert "truncated or edited" in found.path.read_text()


def test_where_every_trial_diverged(project):
    configured(project, {"sweep_uniform": {"lr": {"min": 5.0, "max": 50.0, "scale": "linear"}}})
    train("sweep_uniform", 2)
    found = watch()
    found.write()
    assert {record.state for record, _ in next(iter(found.studies.values())).trials.values()} == {DIVERGED}
    page = found.path.read_text().split("data:image")[0]
    assert "2 diverged" in page and "no trial has been trained to its end" in page and "no trial of phase 1 has learned" in page


def test_a_run_that_is_over_points_at_its_page_and_changes_nothing(finished, monkeypatch):
    before = {path: path.read_bytes() for path in (finished / "results").rglob("*") if path.is_file()}
    done = run(finished, "lrsweep", "watch")
    assert done.returncode == 0, done.stderr
    page = (finished / "work/live.html").read_text()
    assert heading(page) == "The run is over" and 'http-equiv="refresh"' not in page
    assert (finished / "results/report/index.html").resolve().as_uri() in page
    assert done.stdout.strip() == f"open {(finished / 'work/live.html').resolve().as_uri()}"
    assert page.count("✓") == len(pipeline.load(finished / "dvc.yaml"))
    assert before == {path: path.read_bytes() for path in (finished / "results").rglob("*") if path.is_file()}
