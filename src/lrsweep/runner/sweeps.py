"""The two phases as studies."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lrsweep.runner.identity import STUDY, TRAINING
from lrsweep.runner.progress import Size
from lrsweep.runner.study import BUDGET, Study
from lrsweep.runner.trainer import completed, plain_names
from lrsweep.runner.training import Trained
from lrsweep.search import plan, study
from lrsweep.search.curve import Decide
from lrsweep.search.evals import values_by_step
from lrsweep.search.plan import Plan, Task
from lrsweep.search.trial import Proposal, Record
from lrsweep.search.uniform import uniform
from lrsweep.space import Budget, Float, Space
from lrsweep.store import records
from lrsweep.store.records import Found
from lrsweep.store.results import Results


class SweepUniform(Study):
    """Phase 1: trials at uniformly drawn LRs, all to their end."""

    stage = "sweep_uniform"
    roots = (*TRAINING, "search.uniform")

    @property
    def budget(self) -> Budget:
        """The length of a training."""
        return self.params.sweep_uniform

    @property
    def size(self) -> Size:
        """All trials at once; none of a study that was trained elsewhere."""
        section = self.params.sweep_uniform
        return Size(self.stage, section.trials, 0 if section.imported else section.trials, (section.steps,))

    @cached_property
    def plan(self) -> Plan:
        """All trials, which are independent of each other."""
        return plan.independent(self.size.trials, self.budget.steps, self.done)

    @property
    def own(self) -> Mapping[str, Any]:
        """The length of the trials, and the range of their LRs."""
        return self.params.sweep_uniform.model_dump(mode="json", include=BUDGET | {"lr"})

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Draw the LR of a trial."""
        section = self.params.sweep_uniform
        return uniform(self.params.seed, self.stage, task.trial, section.lr), self.seed(task.trial)


class SweepBayes(Study):
    """Phase 2: proposals from the records in sight, stopped at rungs."""

    stage = "sweep_bayes"
    roots = (*TRAINING, *STUDY)

    @cached_property
    def space(self) -> Space:
        """The space of the study, with the LR range of params.yaml or of the edge.

        Raises:
            UserError: the edge has not been found.
        """
        lr = self.params.sweep_bayes.space["lr"]
        space = self.params.sweep_bayes.space_with(lr if isinstance(lr, Float) else edge_range(self.results))
        return replace(space, plain=plain_names(self.params))

    @property
    def size(self) -> Size:
        """The first block at once, or as many trials as the lag lets; none of a study that was trained elsewhere."""
        section = self.params.sweep_bayes
        at_once = 0 if section.imported else max(section.first_block, section.lag)
        open_end = section if section.ending else None
        return Size(self.stage, section.trials, at_once, section.levels, section.first_block, section.stopping.eta, open_end)

    @cached_property
    def plan(self) -> Plan:
        """The first block, halved rung by rung, then trials as soon as their sight is complete, up to the ending."""
        return plan.study(self.params.sweep_bayes, self.done)

    @property
    def stops(self) -> tuple[int, ...]:
        """The rungs."""
        return self.params.sweep_bayes.rungs

    @cached_property
    def prior(self) -> list[Record]:
        """The records that every trial after the block has in sight: of phase 1, where this phase is told of it.

        Raises:
            UserError: phase 1 has not run.
        """
        section = self.params.sweep_bayes
        if not section.prior:
            return []
        trials, evals = (self.results.read_table(f"{section.prior}/{name}.parquet") for name in ("trials", "evals"))
        return records.of_tables(trials, evals, "prior", lambda values: completed(self.params, values, self.space, section))

    @property
    def own(self) -> Mapping[str, Any]:
        """The section without what ends the study, since more trials keep the first ones; with the space and rungs in force."""
        section = self.params.sweep_bayes
        values = section.model_dump(mode="json", exclude={"trials", "ending", "imported", "space"})
        known = self._told_of() if section.prior else None
        space = [list(one) for one in self.space.to_json().items()]  # in order, which a digest of a mapping does not see
        return {**values, "space": space, "rungs": list(section.rungs), "prior": known}

    def _told_of(self) -> list[Any]:
        """Give what phase 1 is, of which this phase is told."""
        phase_1 = self.params.sweep_uniform
        imported = phase_1.imported and phase_1.imported.sha256
        return [SweepUniform(self.params, self.results).identity.digest, phase_1.trials, imported]

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Propose the configuration of a trial from the records in sight; the proposal is kept, since later trials need it."""
        return self._proposal(task.trial), self.seed(task.trial)

    def decide(self, task: Task, proposal: Proposal) -> Decide:
        """Give the stopping rule of a trial after the block. The plan halves the block."""
        section = self.params.sweep_bayes
        if task.trial < section.first_block:
            return lambda *_: None
        seen = self.seen(task.trial)
        self._values += [values_by_step(record, section.metric) for record in seen[len(self._values) :]]
        return study.judge_against(self._values[: len(seen)], section, proposal.lr)

    def path(self, task: Task) -> Path:
        """Give the path of a record; a trial of the block has one for each level."""
        block = task.trial < self.params.sweep_bayes.first_block
        return records.record_path(self.identity.folder / (f"block-{task.level}" if block else "trials"), task.trial)

    def start(self, task: Task) -> Path | None:
        """Give the state of a trial of the block at the level before."""
        if not task.level:
            return None
        before = task.level - 1
        return state_path(self.path(Task(task.trial, before, self.params.sweep_bayes.levels[before])))

    def keep(self, task: Task, trained: Trained) -> None:
        """Keep the state of a trial of the block, which may go on from it."""
        if task.trial < self.params.sweep_bayes.first_block and task.until < self.budget.steps:
            trained.keep_state(state_path(self.path(task)))

    def seen(self, k: int) -> list[Record]:
        """Give the records in sight of trial k: of the prior, of the block, and then in trial order."""
        section = self.params.sweep_bayes
        if k < section.first_block:
            return []
        known, before = self._known, len(self.prior) + section.first_block
        sight = study.sight(k, section)
        known += [self.done[Task(j, 0, section.steps)] for j in sight[len(known) - before :]]
        return known[: before + len(sight)]

    @cached_property
    def _known(self) -> list[Record]:
        """The records that were in any sight so far, in their order: a sight is the beginning of a later one."""
        return [*self.prior, *self.block]

    @cached_property
    def _values(self) -> list[Mapping[int, float]]:
        """What trials are compared by, of these records or of the first of them."""
        return []

    @cached_property
    def block(self) -> list[Record]:
        """The closed records of the first block, which must have ended."""
        return plan.block(self.params.sweep_bayes, self.done)

    def found(self) -> Iterator[Found]:
        """Give the trials that have ended, in order; none before the first block is closed."""
        section = self.params.sweep_bayes
        if any(task.trial < section.first_block for task in self.plan.open()):
            return
        for record in self.block:
            tasks = [Task(record.trial, level, until) for level, until in enumerate(section.levels)]
            yield record, [self.path(task) for task in tasks if task in self.done][-1]
        after = (task for task in self.plan.ended if task.trial >= section.first_block)
        yield from ((self.done[task], self.path(task)) for task in after)

    def _proposal(self, k: int) -> Proposal:
        if k not in self._proposals:
            path = records.record_path(self.identity.folder / "proposals", k)
            made = records.kept(path, self.identity.digest)
            self._proposals[k] = Proposal(**made) if made else self._propose(k)
            if not made:
                records.keep(path, self.identity.digest, asdict(self._proposals[k]))
        return self._proposals[k]

    @cached_property
    def _proposals(self) -> dict[int, Proposal]:
        return {}

    def _propose(self, k: int) -> Proposal:
        from lrsweep.search.proposing import propose  # with scipy, which workers of other studies need not wait for

        section = self.params.sweep_bayes
        waiting = [self._proposal(j) for j in study.pending(k, section)] if k >= section.first_block else []
        return propose(self.seen(k), waiting, k, section, self.space, self.params.seed)


def state_path(record: Path) -> Path:
    """Give the path of the state that is kept beside a record."""
    return record.with_suffix(".state")


def edge_range(results: Results) -> Float:
    """Give the LR range that the edge gave for phase 2.

    Raises:
        UserError: the stage `edge` has not run.
    """
    return Float.model_validate(results.read_json("edge/edge.json")["lr_range"])
