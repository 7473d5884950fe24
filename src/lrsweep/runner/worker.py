"""A worker: it trains one trial of a study after the other, the lowest that nobody else is at, until the study is whole.

Workers speak by files alone: a lock says that a trial is being trained, a record that it has ended. So any number may join or leave
at any time, on any machine that shares the folder, and the records are the same.
"""

import time
from pathlib import Path

from lrsweep.config import checking
from lrsweep.runner import checkpoints, progress, studies
from lrsweep.runner.studies import Study, state_path
from lrsweep.runner.supervisor import Announce
from lrsweep.runner.trainer import make_trainer
from lrsweep.search import curves
from lrsweep.search.plan import Task
from lrsweep.search.trial import Record
from lrsweep.store import records, results
from lrsweep.store.locking import claim
from lrsweep.store.results import Results
from lrsweep.trainers.trainer import Trainer

PARAMS = Path("params.yaml")
FIRST_WAIT_S, LONGEST_WAIT_S = 0.02, 1.0  # between two looks for a trial that may be started
SHOWN = 200  # lines of progress in a study at most: to make one, all its events are read


def work(announce: Announce, stage: str) -> None:
    """Train until the study of a stage is whole.

    Raises:
        UserError: a record is damaged, or what the study is made from is missing.
    """
    study = studies.of(stage, checking.load(PARAMS), Results(results.FOLDER))
    if study.plan.whole:
        return
    study.identity.open()
    trainer, wait_s = make_trainer(study.params, study.results, study.identity.digest), FIRST_WAIT_S
    while not study.plan.whole:
        if train_next(study, trainer, announce):
            wait_s = FIRST_WAIT_S
        else:
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def train_next(study: Study, trainer: Trainer, announce: Announce) -> bool:
    """Train the first task that is open and claimed by nobody; say whether there was one."""
    for task in study.plan.open():
        with claim(study.identity.folder / "locks" / f"{task.trial:05d}-{task.level}") as free:
            if free and task not in study.done:
                announce(f"{study.stage} trial {task.trial}")
                train(study, task, trainer)
                announce(None)
                return True
    return False


def train(study: Study, task: Task, trainer: Trainer) -> None:
    """Train a task and write its record; goes on from a checkpoint where a killed training has left one."""
    began_s = time.monotonic()
    proposal, seed = study.planned(task)
    path, eval_every = study.path(task), study.budget.eval_every
    run = trainer.start(proposal.values, seed, study.budget)
    identity = records.canonical_digest([study.identity.digest, dict(proposal.values), seed])
    series = checkpoints.Series(path.with_suffix(".checkpoints"), identity, study.params.execution.checkpoint_every)
    curve = series.resume(run, study.start(task))
    started = curve.last_step
    decide = study.decide(task, proposal)
    watch = progress.Watch(
        study.identity.folder / progress.FILE, task.trial, task.until, dict(proposal.values), time.monotonic() - began_s
    )
    watch.start()
    curves.follow(series.keep(run.observe(task.until), run, curve, eval_every), curve, decide)
    if study.keeps_state(task):
        checkpoints.write(state_path(path), identity, run, curve)
    evals, rungs = tuple(curve.evals), tuple(curve.rungs)
    record = Record(study.identity.digest, proposal, seed, curve.state, curve.last_step, evals, rungs)
    records.save(path, record, curve.steps)
    watch.end(curve.state, curve.last_step, curve.last_step - started, curve.evals[-1].loss_nats)
    series.remove()
    _show(study, task)


def _show(study: Study, task: Task) -> None:
    plan = progress.plan_of(study.stage, study.params)
    if task.trial % (1 + plan.trials // SHOWN) == 0:
        progress.show(progress.summarize(progress.read(study.identity.folder / progress.FILE), plan))
