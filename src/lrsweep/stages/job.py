"""A job: the trials of one stage, where their files lie, and what they read."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lrsweep.config.params import Params
from lrsweep.provenance import lineage
from lrsweep.runner import progress
from lrsweep.search.trial import Record
from lrsweep.space import Budget, Float
from lrsweep.stages import data
from lrsweep.store import prior, records
from lrsweep.trainers.simulated import is_simulated


@dataclass(frozen=True)
class Job:
    """The trials of one stage; `study` is its folder under work/."""

    stage: str
    params: Params
    study: Path

    def __reduce__(self) -> tuple[type["Job"], tuple[str, Params, Path]]:
        """Another process finds for itself what this one has found and loaded."""
        return Job, (self.stage, self.params, self.study)

    @cached_property
    def lr(self) -> Range:
        """Phase 2's LR range."""
        return lineage.lr_range(self.params.sweep_bayes)

    @cached_property
    def prior(self) -> list[Record]:
        """What phase 2 knows from the start."""
        return prior.load(self.params.sweep_bayes)

    @cached_property
    def context(self) -> str:
        """Digest of what the trials depend on."""
        return lineage.context(self.study, self.params)

    @cached_property
    def folder(self) -> Path:
        """Where the records of the trials lie."""
        return lineage.records_folder(self.study, self.context)

    @cached_property
    def data(self) -> data.Data:
        """What the trials read: loaded and held against its digest once a job, a gigabyte takes seconds."""
        return data.load(self.params)

    @property
    def budget(self) -> Budget:
        """The length of the stage's training runs, in steps."""
        return self.params.sweep_uniform if self.stage == "sweep_uniform" else self.params.sweep_bayes

    @property
    def plan(self) -> progress.Plan:
        """What the stage's trials add up to when all have ended."""
        p, section = self.params, self.params.sweep_bayes
        if self.stage == "sweep_bayes":
            return progress.Plan(self.stage, section.trials, section.levels, section.first_block, section.stopping.eta)
        if self.stage == "select":
            trials = min(p.select.budget, (p.select.candidates + 1) * p.select.seeds)  # or fewer: the race may end before
        else:
            trials = p.assess.audit_trials if self.stage == "assess" else p.sweep_uniform.trials
        return progress.Plan(self.stage, trials, (self.budget.steps,), 0, 1)

    @property
    def events(self) -> Path:
        """The log of starts and ends that progress.py reads."""
        return self.folder / "events.jsonl"

    def path(self, trial: int) -> Path:
        """Where the record of a trial lies."""
        return records.record_path(self.folder / "trials", trial)

    def segment_path(self, level: int, trial: int) -> Path:
        """Where the record of a trial of the block lies for its part up to a level."""
        return records.record_path(self.folder / f"block-{level}", trial)

    def open(self) -> None:
        """Makes the folder; a text that nothing can be trained on is refused before anything is written.

        Raises:
            UserError: the text is not in tokens yet, or is shorter than a context.
        """
        assert self.context, "it reads what the tokens and the LR range are"
        if not is_simulated(self.params):
            assert self.data
        self.folder.mkdir(parents=True, exist_ok=True)

    def finished(self, path: Path) -> Record | None:
        """The record at a path; None where the trial has not ended."""
        return records.load(path, self.context) if records.exists(path) else None
