"""The studies: what each stage that fans out trains, where its records lie, and what they depend on.

A study says which tasks can be started, from the records that are there; a worker trains one after the other.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.runner import identity, progress
from lrsweep.runner.identity import STUDY, TRAINING, Identity
from lrsweep.runner.trainer import default_values, fixed_values
from lrsweep.runner.training import Trained, Training
from lrsweep.search import plan, repeats, study
from lrsweep.search.curves import Decide
from lrsweep.search.plan import Plan, Task
from lrsweep.search.proposing import propose, uniform
from lrsweep.search.racing import Entry
from lrsweep.search.trial import Proposal, Record
from lrsweep.seeding import derive_seed
from lrsweep.space import Budget, Float, Space, Values
from lrsweep.store import prior, records
from lrsweep.store.records import canonical_digest
from lrsweep.store.results import Results
from lrsweep.store.tables import space_of
from lrsweep.trainers.trainer import Trainer

BUDGET = set(Budget.model_fields)


@dataclass
class Study:
    """The trainings of one stage."""

    params: Params
    results: Results

    stage = ""

    @property
    def budget(self) -> Budget:
        """The length of a training."""
        return self.params.sweep_bayes

    @cached_property
    def plan(self) -> Plan:
        """Which tasks there are, and which can be started."""
        raise NotImplementedError

    @cached_property
    def done(self) -> "Done":
        """The tasks that have ended, here or elsewhere."""
        return Done(self)

    @property
    def own(self) -> Mapping[str, Any]:
        """What the trainings depend on beside trainer, data and code."""
        return self.budget.model_dump(mode="json", include=BUDGET)

    @cached_property
    def identity(self) -> Identity:
        """The digest of all that the trainings depend on, and the folder of their records."""
        return identity.of(self.stage, self.own, TRAINING, self.params, self.results)

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Give the configuration of a task, and its training seed."""
        raise NotImplementedError

    def decide(self, task: Task, proposal: Proposal) -> Decide:
        """Give the rule that stops a task at a rung; here none does."""
        return lambda *_: None

    def path(self, task: Task) -> Path:
        """Give the place of a task's record."""
        return records.record_path(self.identity.folder / "trials", task.trial)

    def start(self, task: Task) -> Path | None:
        """Give the saved state that a task goes on from; None where it begins."""
        return None

    def keep(self, task: Task, trained: Trained) -> None:
        """Keep what is needed of the end of a training, beside its record; here nothing is."""

    def read(self, task: Task) -> Any:
        """Read the record of a task; None where it has not ended."""
        path = self.path(task)
        return records.load(path, self.identity.digest) if records.exists(path) else None

    def train(self, task: Task, trainer: Trainer) -> None:
        """Train a task, and write its record."""
        began_s = time.monotonic()
        proposal, seed = self.planned(task)
        training = Training(
            study=self.identity.digest,
            proposal=proposal,
            seed=seed,
            budget=self.budget,
            until=task.until,
            decide=self.decide(task, proposal),
            path=self.path(task),
            start=self.start(task),
            events=self.events,
            checkpoint_every=self.params.execution.checkpoint_every,
            proposing_s=time.monotonic() - began_s,
        )
        trained = training.run(trainer)
        self.keep(task, trained)
        trained.record()
        progress.show_some(self.events, progress.plan_of(self.stage, self.params), task.trial)

    @property
    def events(self) -> Path:
        """The log of trainings that started and ended."""
        return self.identity.folder / progress.FILE

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


class SweepUniform(Study):
    """Phase 1: trials at uniformly drawn LRs, all to their end."""

    stage = "sweep_uniform"

    @property
    def budget(self) -> Budget:
        """The length of a training."""
        return self.params.sweep_uniform

    @cached_property
    def plan(self) -> Plan:
        """All trials, which do not depend on one another."""
        return plan.independent(self.params.sweep_uniform.trials, self.budget.steps, self.done)

    @property
    def own(self) -> Mapping[str, Any]:
        """The length, and the range that LRs are drawn from."""
        return self.params.sweep_uniform.model_dump(mode="json", include=BUDGET | {"lr"})

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Draw the LR of a trial."""
        section = self.params.sweep_uniform
        return uniform(self.params.seed, self.stage, task.trial, section.lr, {}), self.seed(task.trial)


class SweepBayes(Study):
    """Phase 2: proposals from the records in sight, stopped at rungs."""

    stage = "sweep_bayes"

    @cached_property
    def space(self) -> Space:
        """What is varied, with the LR range that the edge gave or params.yaml says.

        Raises:
            UserError: the edge has not been found.
        """
        lr = self.params.sweep_bayes.space["lr"]
        return self.params.sweep_bayes.space_with(lr if isinstance(lr, Float) else edge_range(self.results))

    @cached_property
    def plan(self) -> Plan:
        """The first block, halved rung by rung, then trials as soon as their sight is complete."""
        return plan.study(self.params.sweep_bayes, self.done)

    @cached_property
    def prior(self) -> list[Record]:
        """What is known from the start."""
        section = self.params.sweep_bayes
        return prior.load(section.prior, fixed_values(self.params, self.space, section), self.results)

    @property
    def own(self) -> Mapping[str, Any]:
        """The section, but for how many trials there are: more keep the first ones. The space and the rungs are those in force."""
        section = self.params.sweep_bayes
        values = section.model_dump(mode="json", exclude={"trials", "imported", "space"})
        before = SweepUniform(self.params, self.results) if section.prior else None
        known = before and [before.identity.digest, self.params.sweep_uniform.trials, self.params.sweep_uniform.imported]
        return {**values, "space": self.space.to_json(), "rungs": list(section.rungs), "prior": known}

    @cached_property
    def identity(self) -> Identity:
        """That of a study whose trials depend on one another."""
        return identity.of(self.stage, self.own, (*TRAINING, *STUDY), self.params, self.results)

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Propose the configuration of a trial from what it may see; a proposal is kept, since others wait for it."""
        return self._proposal(task.trial), self.seed(task.trial)

    def decide(self, task: Task, proposal: Proposal) -> Decide:
        """Give the stopping rule of a trial after the block; the block is halved by the plan."""
        section = self.params.sweep_bayes
        if task.trial < section.first_block:
            return lambda *_: None
        return study.judge_by(self.seen(task.trial), section, proposal.lr)

    def path(self, task: Task) -> Path:
        """Give the place of a record; the block has one a level."""
        block = task.trial < self.params.sweep_bayes.first_block
        return records.record_path(self.identity.folder / (f"block-{task.level}" if block else "trials"), task.trial)

    def start(self, task: Task) -> Path | None:
        """Give the state at the level before, in the block."""
        if not task.level:
            return None
        before = task.level - 1
        return state_path(self.path(Task(task.trial, before, self.params.sweep_bayes.levels[before])))

    def keep(self, task: Task, trained: Trained) -> None:
        """Keep the state of a trial of the block, which may go on from there."""
        if task.trial < self.params.sweep_bayes.first_block and task.until < self.budget.steps:
            trained.keep_state(state_path(self.path(task)))

    def seen(self, k: int) -> list[Record]:
        """Give the records in sight of trial k: the prior's, the block's, then in trial order."""
        section = self.params.sweep_bayes
        if k < section.first_block:
            return []
        return [*self.prior, *self.block, *(self.of_trial(j) for j in study.sight(k, section))]

    @cached_property
    def block(self) -> list[Record]:
        """The closed records of the first block, which must have ended."""
        return plan.block(self.params.sweep_bayes, self.done)

    def of_trial(self, k: int) -> Record:
        """Give the record of a trial after the block, which must have ended."""
        return self.done[Task(k, 0, self.budget.steps)]

    def trials(self) -> list[Record]:
        """Give the records of all trials, in their order, of a study that is whole."""
        section = self.params.sweep_bayes
        return [*self.block, *(self.of_trial(k) for k in range(section.first_block, section.trials))]

    def curve_path(self, trial: int) -> Path:
        """Give the place of the record that a trial's whole curve lies beside: in the block that of its last level."""
        section = self.params.sweep_bayes
        if trial >= section.first_block:
            return self.path(Task(trial, 0, section.steps))
        tasks = [Task(trial, level, until) for level, until in enumerate(section.levels)]
        return [self.path(task) for task in tasks if task in self.done][-1]

    def _proposal(self, k: int) -> Proposal:
        section, path = self.params.sweep_bayes, records.record_path(self.identity.folder / "proposals", k)
        if kept := records.load_proposal(path, self.identity.digest):
            return kept
        waiting = [self._proposal(j) for j in study.pending(k, section)] if k >= section.first_block else []
        proposal = propose(self.seen(k), waiting, k, section, self.space, self.params.seed)
        records.save_proposal(path, self.identity.digest, proposal)
        return proposal


class Repeats(Study):
    """Trainings of configurations that are known, each found by its values and its seed: who asks for it does not matter."""

    def path(self, task: Task) -> Path:
        """Give the place of a record, by what is trained."""
        proposal, seed = self.planned(task)
        key = canonical_digest([dict(proposal.values), seed])[:16]
        return self.identity.folder / "trials" / key[:2] / f"{key}.json"


class Audit(Repeats):
    """A sample of the pruned trials of phase 2, trained to their end."""

    stage = "assess"

    @cached_property
    def sample(self) -> list[tuple[int, Values, int]]:
        """The sampled trials: number, configuration, seed."""
        if self.params.sweep_bayes.imported:
            return []
        names, rows = study_trials(self.results)
        by_trial = {row["trial"]: row for row in rows}
        chosen = repeats.audit_sample(rows, self.params.assess.audit_trials, self.params.seed)
        return [(k, {name: by_trial[k][name] for name in names}, int(by_trial[k]["seed"])) for k in chosen]

    @cached_property
    def plan(self) -> Plan:
        """The sample, whose trials do not depend on one another."""
        return plan.independent(len(self.sample), self.budget.steps, self.done)

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Give the configuration and the seed of the pruned trial."""
        _, values, seed = self.sample[task.trial]
        return Proposal.known(task.trial, values, "repeat"), seed


class Race(Repeats):
    """The best trials and the default, trained over seeds that no study has used."""

    stage = "select"

    @cached_property
    def candidates(self) -> list[repeats.Candidate]:
        """The configurations that are raced; number 0 is the default."""
        names, rows = study_trials(self.results)
        return repeats.candidates(rows, names, self.params.select.candidates, default_values(self.params))

    @cached_property
    def plan(self) -> Plan:
        """Round by round: who goes on is known when the round before has ended."""
        return plan.race(len(self.candidates), self.params.select, self.budget.steps, self.done)

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Give the configuration of a training run, and its seed."""
        entry = Entry.of(task.trial)
        seed = derive_seed(self.params.seed, f"select/candidate {entry.candidate}", entry.repeat)
        return Proposal.known(task.trial, self.candidates[entry.candidate].values, "repeat"), seed


class FinalTraining(Repeats):
    """The final training: the selected configuration, at `lr` of params.yaml where that is set, for the final length."""

    stage = "train"

    @property
    def budget(self) -> Budget:
        """The length of the final training."""
        return self.params.train

    @cached_property
    def plan(self) -> Plan:
        """One training."""
        return plan.independent(1, self.budget.steps, self.done)

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Give the selected values, with the LR that is asked for."""
        values = dict(self.results.read_json("select/choice.json")["selected"])
        values |= {} if self.params.lr is None else {"lr": self.params.lr}
        return Proposal.known(task.trial, values, "repeat"), derive_seed(self.params.seed, "train")

    def keep(self, task: Task, trained: Trained) -> None:
        """Keep the weights."""
        files.write_bytes(weights_path(self.path(task)), trained.run.weights())


STUDIES: Mapping[str, type[Study]] = {kind.stage: kind for kind in (SweepUniform, SweepBayes, Audit, Race, FinalTraining)}


def of(stage: str, params: Params, results: Results) -> Study:
    """Make the study of a stage."""
    return STUDIES[stage](params, results)


def weights_path(record: Path) -> Path:
    """Give the place of the final weights that are kept beside a record."""
    return record.with_suffix(".weights")


def state_path(record: Path) -> Path:
    """Give the place of the state that is kept beside a record."""
    return record.with_suffix(".state")


def study_trials(results: Results) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """Give the names that phase 2 varied, and the rows of its table `trials`.

    Raises:
        UserError: phase 2 has not run.
    """
    table = results.read_table("sweep_bayes/trials.parquet")
    return space_of(table).names, table.to_dict("records")


def edge_range(results: Results) -> Float:
    """Give the LR range that the edge gave for phase 2.

    Raises:
        UserError: the stage `edge` has not run.
    """
    return Float.model_validate(results.read_json("edge/edge.json")["lr_range"])
