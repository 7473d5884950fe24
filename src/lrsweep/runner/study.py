"""A study: what a stage trains, where its records lie, and what they depend on.

A study says from its records which tasks can be started. Workers train these, each one after the other.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.runner import identity, progress
from lrsweep.runner.checkpoints import Series
from lrsweep.runner.identity import TRAINING, Identity
from lrsweep.runner.trainer import make_script, make_trainer
from lrsweep.runner.training import Trained, train
from lrsweep.search.curve import Decide
from lrsweep.search.plan import Plan, Task
from lrsweep.search.trial import Proposal, Record
from lrsweep.seeding import derive_seed
from lrsweep.space import Budget
from lrsweep.store import records
from lrsweep.store.records import Found, canonical_digest
from lrsweep.store.results import Results
from lrsweep.trainers.trainer import RunFailed, Trainer

BUDGET = set(Budget.model_fields)


@dataclass
class Study:
    """The trainings of one stage."""

    params: Params
    results: Results

    stage = ""
    roots: ClassVar[tuple[str, ...]] = TRAINING  # the modules that, with all that they import, decide a training
    tested = False  # whether its trainings are measured on the test text, which then is part of their identity

    @property
    def budget(self) -> Budget:
        """The length of a training."""
        return self.params.sweep_bayes

    def title(self, task: Task) -> str:
        """Name a training as complaints do: its trial, and the command of a script."""
        script = self.params.trainer
        return f"{self.stage} trial {task.trial}" + (f": `{script.command}`" if script else "")

    def length(self, task: Task) -> Budget:
        """Give the length of the training of a task; that of the study, unless its trainings differ."""
        return self.budget

    @property
    def size(self) -> progress.Size:
        """The size of the study as params.yaml has it, before its inputs are there."""
        raise NotImplementedError

    @cached_property
    def plan(self) -> Plan:
        """The tasks, and which of them can be started."""
        raise NotImplementedError

    @cached_property
    def done(self) -> "Done":
        """The tasks that have ended, here or elsewhere."""
        return Done(self)

    @property
    def stops(self) -> tuple[int, ...]:
        """The steps at which a trial may be stopped; by default none."""
        return ()

    @property
    def own(self) -> Mapping[str, Any]:
        """What the trainings depend on beside trainer, data and code."""
        return self.budget.model_dump(mode="json", include=BUDGET)

    @cached_property
    def identity(self) -> Identity:
        """The digest of all that the trainings depend on, and the folder of their records."""
        return identity.of(self.stage, self.own, self.roots, self.params, self.results, self.tested)

    def trainer(self) -> Trainer:
        """Make what trains this study.

        Raises:
            UserError: its text or the files that it reads are missing or damaged.
        """
        if self.params.trainer:
            return make_script(self.params, self.identity.folder / "runs", self.stops)
        return make_trainer(self.params, self.results, self.identity.digest, self.tested)

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Give the configuration of a task, and its training seed."""
        raise NotImplementedError

    def decide(self, task: Task, proposal: Proposal) -> Decide:
        """Give the rule that stops a task at a rung; by default nothing stops."""
        return lambda *_: None

    def path(self, task: Task) -> Path:
        """Give the path of a task's record."""
        return records.record_path(self.identity.folder / "trials", task.trial)

    def start(self, task: Task) -> Path | None:
        """Give the saved state that a task goes on from; None where it starts afresh."""
        return None

    def keep(self, task: Task, trained: Trained) -> None:
        """Keep what later stages need of the end of a training, beside its record; by default nothing."""

    def read(self, task: Task) -> Any:
        """Read the record of a task; None where it has not ended."""
        path = self.path(task)
        return records.load(path, self.identity.digest) if records.exists(path) else None

    def train(self, task: Task, trainer: Trainer) -> None:
        """Train a task, and write its record. Its end is logged last, so that despite kills each logged end has its record."""
        began_s = time.monotonic()
        proposal, seed = self.planned(task)
        identity, path, values = self.identity.digest, self.path(task), dict(proposal.values)
        state = canonical_digest([identity, values, seed])
        series = Series(path.with_suffix(".checkpoints"), state, self.params.execution.checkpoint_every)
        decide = self.decide(task, proposal)
        watch = progress.Watch(self.events, proposal.trial, task.until, values, time.monotonic() - began_s, proposal.promise)
        watch.start()
        try:
            trained = train(trainer, values, seed, self.length(task), task.until, decide, series, self.start(task))
        except RunFailed as failed:
            raise UserError(f"{self.stage} trial {task.trial}: {failed}") from None
        watch.stop()
        self.keep(task, trained)
        curve = trained.curve
        evals, rungs = tuple(curve.evals), tuple(curve.rungs)
        records.save(path, Record(identity, proposal, seed, curve.state, curve.last_step, evals, rungs), curve.steps)
        watch.end(curve.state, curve.last_step, trained.steps, evals[-1].loss_nats)
        series.remove()
        progress.show_some(self.log, self.size, task.trial)

    def found(self) -> Iterator[Found]:
        """Give the trials that have ended, in order, each with the path of the record beside which its curve lies."""
        yield from ((self.done[task], self.path(task)) for task in self.plan.ended)

    def label(self, task: Task) -> Mapping[str, Any]:
        """Say what a training is for, where its values do not say it; by default nothing."""
        return {}

    @property
    def events(self) -> Path:
        """The log of trainings that started and ended."""
        return self.identity.folder / progress.FILE

    @cached_property
    def log(self) -> progress.Log:
        """What the log says, read on at each look."""
        return progress.Log(self.events)

    def seed(self, trial: int) -> int:
        """Give the training seed of a trial."""
        return derive_seed(self.params.seed, f"{self.stage}/trial", trial)


class Done:
    """The records of a study by their tasks, each read once."""

    def __init__(self, study: Study) -> None:
        self._study, self._read = study, dict[Task, Any]()

    def __contains__(self, task: object) -> bool:
        if task in self._read:
            return True
        assert isinstance(task, Task)
        if (found := self._study.read(task)) is not None:
            self._read[task] = found
        return task in self._read

    def __getitem__(self, task: Task) -> Any:
        if task not in self:
            raise FileNotFoundError(self._study.path(task))
        return self._read[task]
