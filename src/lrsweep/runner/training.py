"""The training of one task, from its start or a checkpoint to its end or a stop, and its record."""

from dataclasses import dataclass
from pathlib import Path

from lrsweep.runner import checkpoints, progress
from lrsweep.search.curve import Curve, Decide, follow
from lrsweep.search.trial import Proposal, Record
from lrsweep.space import Budget
from lrsweep.store import records
from lrsweep.store.records import canonical_digest
from lrsweep.trainers.trainer import Run, Trainer


@dataclass(frozen=True)
class Training:
    """One planned training.

    study: the identity of its study. path: the path of its record. until: the step that it is trained to. start: a kept state
    that it goes on from. events: the log of its start and its end. proposing_s: the time that planning it took.
    """

    study: str
    proposal: Proposal
    seed: int
    budget: Budget
    until: int
    decide: Decide
    path: Path
    start: Path | None
    events: Path
    checkpoint_every: int | None
    proposing_s: float

    @property
    def identity(self) -> str:
        """The digest of all that its state depends on."""
        return canonical_digest([self.study, dict(self.proposal.values), self.seed])

    def run(self, trainer: Trainer) -> "Trained":
        """Train, from a checkpoint where a killed training left one."""

        watch = progress.Watch(self.events, self.proposal.trial, self.until, dict(self.proposal.values), self.proposing_s)
        watch.start()
        run = trainer.start(self.proposal.values, self.seed, self.budget)
        series = checkpoints.Series(self.path.with_suffix(".checkpoints"), self.identity, self.checkpoint_every)
        curve = series.resume(run, self.start)
        started = curve.last_step
        follow(series.keep(run.observe(self.until), run, curve, self.budget.eval_every), curve, self.decide)
        watch.stop()
        return Trained(self, run, curve, series, watch, curve.last_step - started)


@dataclass(frozen=True)
class Trained:
    """A training that has ended, with its run, before its record is written."""

    training: Training
    run: Run
    curve: Curve
    series: checkpoints.Series
    watch: progress.Watch
    steps: int  # of this process

    def keep_state(self, folder: Path) -> None:
        """Keep the state, for a later training that goes on from it."""
        checkpoints.write(folder, self.training.identity, self.run, self.curve)

    def record(self) -> None:
        """Write the record, and then log the end, so that despite kills each logged end has its record."""
        planned, curve = self.training, self.curve
        evals, rungs = tuple(curve.evals), tuple(curve.rungs)
        found = Record(planned.study, planned.proposal, planned.seed, curve.state, curve.last_step, evals, rungs)
        records.save(planned.path, found, curve.steps)
        self.watch.end(curve.state, curve.last_step, self.steps, evals[-1].loss_nats)
        self.series.remove()
