"""The jobs of the stages that fan out: a run of trials in one process, each with a record of its own.

A job's only declared output is its receipt: Snakemake deletes the outputs of a job that it starts again, and a finished trial
must survive that. So the records lie beside the receipts, and a trial that has one is not trained again.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lrsweep import files
from lrsweep.config.params import VARIED
from lrsweep.runner import progress, receipts
from lrsweep.search import curves, study
from lrsweep.search.curves import Curve, Decide
from lrsweep.search.proposing import propose, uniform
from lrsweep.search.repeats import audit_sample
from lrsweep.search.trial import Proposal, Record
from lrsweep.seeding import derive_seed
from lrsweep.stages.job import Job
from lrsweep.store import artifacts, packs, records
from lrsweep.store.locking import alone
from lrsweep.trainers import simulated as simulation
from lrsweep.trainers.builtin import checkpoints, training
from lrsweep.trainers.devices import device
from lrsweep.trainers.simulated import is_simulated

SHOWN = 200  # lines of progress in a study at most: to make one, all its events are read

if TYPE_CHECKING:
    import pandas as pd


def run_trials(job: Job, first: int, last: int) -> None:
    """Trains the trials first … last of a stage that have no record yet, and writes the receipt."""
    job.open()
    numbers = range(first, last + 1)
    if job.stage == "sweep_bayes":
        found = _each(job, partial(_sequential, sight=_Sight(job)), study.at_once(numbers, job.params.sweep_bayes))
    else:
        found = _each(job, _independent, [numbers])
    written = [job.path(trial) for trial, record in zip(numbers, found, strict=True) if record]
    receipts.write(receipts.path(job.study, "trials", first, last), job.folder, written)


def run_block(job: Job, level: int, first: int, last: int) -> None:
    """Trains the places first … last of the first block on to a level: a rung, or the end."""
    job.open()
    trials = _places(job, _segments(job, level))[first : last + 1]
    missing = [trial for trial in trials if not job.finished(job.segment_path(level, trial))]
    _each(job, partial(_segment, level=level), [missing])
    written = [job.segment_path(level, trial) for trial in trials]
    receipts.write(receipts.path(job.study, f"block-{level}", first, last), job.folder, written)


def _each(job: Job, train: Callable[..., Record | None], parts: Iterable[Sequence[int]]) -> list[Record | None]:
    """Calls train(job, trial) for each; as many of a part at once as the execution says, which do not wait for one another."""
    if job.params.execution.trials_at_once == 1:
        return [train(job, trial) for trials in parts for trial in trials]
    with ProcessPoolExecutor(job.params.execution.trials_at_once, get_context("spawn")) as pool:
        return [record for trials in parts for record in pool.map(partial(train, job), trials)]


def block_records(job: Job) -> list[Record]:
    """The closed records of the first block."""
    section = job.params.sweep_bayes
    return study.close_block(_segments(job, len(section.levels)), section)


def block_curve_path(job: Job, trial: int) -> Path:
    """Where the whole curve of a trial of the block lies: with its last segment."""
    levels = range(len(job.params.sweep_bayes.levels))
    return [path for level in levels if records.exists(path := job.segment_path(level, trial))][-1]


def _segments(job: Job, n_levels: int) -> list[dict[int, Record]]:
    """The records of the block's segments at its first levels, each level's trials found from the level before."""
    levels: list[dict[int, Record]] = []
    for level in range(n_levels):
        trials = _places(job, levels)
        levels.append({trial: records.load(job.segment_path(level, trial), job.context) for trial in trials})
    return levels


def _places(job: Job, levels: list[dict[int, Record]]) -> list[int]:
    """The trials of the block that are trained on to the level after these."""
    section = job.params.sweep_bayes
    return study.survivors(levels[-1], section.rungs[len(levels) - 1], section) if levels else list(range(section.first_block))


def _segment(job: Job, trial: int, level: int) -> Record:
    """Trains a trial of the block from the state at the rung before to the next, and saves its state there."""
    section = job.params.sweep_bayes
    goal = section.levels[level]
    path, before = job.segment_path(level, trial), job.segment_path(level - 1, trial)
    proposal = records.load(before, job.context).proposal if level else _proposal(job, trial, [])
    start = before.with_suffix(".state") if level else None
    return _Training(job, path, proposal, _seed(job, trial), start, 0.0).run(lambda *_: None, goal)


class _Sight:
    """The records that trials after the block see; each is read once, since the sight of a job's trials only grows."""

    def __init__(self, job: Job) -> None:
        self.job, self.later = job, list[Record]()

    @cached_property
    def first(self) -> list[Record]:
        return [*self.job.prior, *block_records(self.job)]

    def of(self, k: int) -> list[Record]:
        """The records in sight of trial k: the prior's, then in trial order."""
        sight = study.sight(k, self.job.params.sweep_bayes)
        self.later.extend(packs.load(self.job.folder, sight[len(self.later) :], self.job.context))
        return [*self.first, *self.later[: len(sight)]]


def _sequential(job: Job, k: int, sight: _Sight) -> Record:
    """Trial k of phase 2 after the block."""
    if record := job.finished(job.path(k)):
        return record
    section, began = job.params.sweep_bayes, time.monotonic()
    seen = sight.of(k)
    proposal = _proposal(job, k, seen)
    decide = study.judge_by(seen, section, proposal.lr)
    run = _Training(job, job.path(k), proposal, _seed(job, k), None, time.monotonic() - began)
    return run.run(decide, section.steps)


def _independent(job: Job, trial: int) -> Record | None:
    """A trial of a stage whose trials run to their end, whatever the others do; None where there is none of that number."""
    planned = _planned(job, trial)
    return train_whole(job, job.path(trial), *planned) if planned else None


def train_whole(job: Job, path: Path, proposal: Proposal, seed: int) -> Record:
    """Trains from the start to the end, if that very training has no record yet."""
    return _Training(job, path, proposal, seed, None, 0.0).run(lambda *_: None, job.budget.steps)


def _planned(job: Job, trial: int) -> tuple[Proposal, int] | None:
    """The configuration and the seed of a trial that does not depend on its neighbours."""
    p = job.params
    if job.stage == "sweep_uniform":
        proposal = uniform(p.seed, job.stage, trial, p.sweep_uniform.lr, p.optimizer.beta2, p.optimizer.weight_decay)
        return proposal, _seed(job, trial)
    table = study_trials()
    sample = audit_sample(table, p.assess, p.seed)
    if trial >= len(sample):
        return None
    row = table.set_index("trial").loc[sample[trial]]
    return Proposal.known(trial, {name: float(row[name]) for name in VARIED}, "repeat"), int(row["seed"])


def study_trials() -> "pd.DataFrame":
    """The table `trials` of phase 2."""
    return artifacts.read_table(artifacts.RESULTS / "sweep_bayes/trials.parquet", "trials")


def _proposal(job: Job, k: int, seen: list[Record]) -> Proposal:
    """The proposal of trial k; those of pending trials are made on the way, and kept, since each is a pure function."""
    section = job.params.sweep_bayes
    path = records.record_path(job.folder / "proposals", k)
    if kept := records.load_proposal(path, job.context):
        return kept
    waiting, always = [], len(seen) - len(study.sight(k, section))
    for j in study.pending(k, section):
        waiting.append(_proposal(job, j, seen[: always + len(study.sight(j, section))]))
    proposal = propose(seen, waiting, k, section, job.lr, job.params.seed)
    records.save_proposal(path, job.context, proposal)
    return proposal


def _seed(job: Job, trial: int) -> int:
    return derive_seed(job.params.seed, f"{job.stage}/trial", trial)


@dataclass(frozen=True)
class _Training:
    """The training of one trial, or of a segment of it that goes on from the state at `start`, up to its record at `path`."""

    job: Job
    path: Path
    proposal: Proposal
    seed: int
    start: Path | None
    proposing_s: float

    def run(self, decide: Decide, until: int) -> Record:
        """Trains to the step `until`, or to where `decide` stops it, unless it has a record of that: this or another run's."""
        with alone(self.path.parents[1], self.proposal.trial):
            record = self.job.finished(self.path)
            if record and (record.proposal, record.seed) == (self.proposal, self.seed):
                return record
            return self._train(decide, until)

    def _train(self, decide: Decide, until: int) -> Record:
        """What is noted as trained has its record, despite kills."""
        job, curve, trial, started = self.job, self.curve, self.proposal.trial, self.curve.last_step
        watch = progress.Watch(job.events, trial, until, self.proposal.hyperparameters.model_dump(), self.proposing_s)
        watch.start()
        curves.follow(self.observe(until), curve, decide)
        if until < job.budget.steps and not is_simulated(job.params):  # a segment of the first block
            checkpoints.write(self.path.with_suffix(".state"), self.identity, self.state, curve)
        record = Record(
            job.context, self.proposal, self.seed, curve.state, curve.last_step, tuple(curve.evals), tuple(curve.rungs)
        )
        records.save(self.path, record, {name: np.asarray(values) for name, values in curve.steps.items()})
        watch.end(curve.state, curve.last_step, curve.last_step - started, curve.evals[-1].loss_nats)
        files.append_line(job.folder / "trained.log", f"trial {trial} steps {started} to {curve.last_step}")
        self.series.remove()
        if trial % (1 + job.plan.trials // SHOWN) == 0:
            progress.show(progress.summarize(progress.read(job.events), job.plan))
        return record

    def observe(self, until: int) -> Iterator[training.Step | training.Eval]:
        """Training up to the step `until` with checkpoints, or a made-up curve in its place."""
        p = self.job.params
        run = training.Run(p.optimizer, self.job.budget, self.proposal.lr, self.seed, p.model.context_length)
        if is_simulated(p):
            return simulation.observe(self.proposal.hyperparameters, run, until)
        return self.series.keep(
            training.observe(self.state, run, *self.job.data, until), self.state, self.curve, run.budget.eval_every
        )

    @cached_property
    def identity(self) -> str:
        return records.canonical_digest([self.job.context, asdict(self.proposal), self.seed])

    @cached_property
    def series(self) -> checkpoints.Series:
        every = self.job.params.execution.checkpoint_every
        return checkpoints.Series(self.path.with_suffix(".checkpoints"), self.identity, every)

    @cached_property
    def state(self) -> training.State:
        training.use_one_thread()
        p = self.job.params
        state = training.start(p.model, p.tokenize.vocab_size, p.optimizer, self.proposal.hyperparameters, self.seed)
        return state.move(device(p.execution))

    @cached_property
    def curve(self) -> Curve:
        return Curve() if is_simulated(self.job.params) else self.series.resume(self.state, self.start)
