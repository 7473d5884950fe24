"""A worker: it trains one trial of a study after the other, each time the lowest that no other worker trains.

Workers communicate through files alone: a lock says that a trial is being trained, a record that it has ended. So any number may
join or leave at any time, on any machine that shares the folder, and the records are the same.
"""

import time
from typing import TypeVar

from lrsweep.runner import meaning, premise
from lrsweep.runner.catalogue import study_of
from lrsweep.runner.study import Study
from lrsweep.runner.supervisor import Announce
from lrsweep.store import results
from lrsweep.store.locking import claim
from lrsweep.store.records import record_path
from lrsweep.store.results import Results
from lrsweep.trainers.trainer import Trainer

FIRST_WAIT_S, LONGEST_WAIT_S = 0.02, 1.0  # between two looks for a trial that may be started
S = TypeVar("S", bound=Study)


def work(announce: Announce, stage: str) -> None:
    """Train until the study of a stage is whole.

    Raises:
        UserError: a record is damaged, an input of the study is missing, or what the run began with was edited.
    """
    complete(study_of(stage, premise.load(), Results(results.FOLDER)), announce)


def complete(study: S, announce: Announce = lambda training: None) -> S:
    """Train what a study lacks, beside other workers, until it is whole; return the study.

    Raises:
        UserError: as in work.
    """
    if study.plan.whole:
        return study
    meaning.load()
    trainer, wait_s, watch = study.trainer(), FIRST_WAIT_S, premise.Watch()
    premise.hold_data(study.identity, study.results)
    study.identity.open()
    while not study.plan.whole:
        watch.check()
        if train_next(study, trainer, announce):
            wait_s = FIRST_WAIT_S
        else:
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
    return study


def train_next(study: Study, trainer: Trainer, announce: Announce) -> bool:
    """Train the first open task that no other worker has claimed; say whether there was one."""

    for task in study.plan.open():
        with claim(record_path(study.identity.folder / "locks", task.trial).with_suffix(f".{task.level}")) as free:
            if free and task not in study.done:
                announce(study.title(task))
                study.train(task, trainer)
                announce(None)
                return True
    return False
