"""The probes of sharpness as a study: runs across the LRs where training becomes unstable, which are measured on the way."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lrsweep.analysis.edge import Edge
from lrsweep.runner.identity import TRAINING
from lrsweep.runner.progress import Size, Watch
from lrsweep.runner.study import BUDGET, Study
from lrsweep.search import plan
from lrsweep.search.plan import Plan, Task
from lrsweep.search.trial import COMPLETE
from lrsweep.seeding import derive_seed
from lrsweep.space import Budget
from lrsweep.store import records
from lrsweep.store.records import canonical_digest
from lrsweep.trainers.trainer import Trainer

Row = dict[str, Any]


class Probes(Study):
    """The probed runs; the record of each is its rows of the table `probes`."""

    stage = "sharpness"
    roots = (*TRAINING, "trainers.builtin.probes")

    @property
    def budget(self) -> Budget:
        """The length of a trial of phase 1."""
        return self.params.sweep_uniform

    @property
    def size(self) -> Size:
        """All runs at once, where anything is measured; each is trained to its last probe."""
        section = self.params.sharpness
        most, until = (section.lrs, max(section.steps)) if section else (0, 0)
        return Size(self.stage, most, 0 if self.params.unmeasured else most, (until,))

    @cached_property
    def lrs(self) -> tuple[float, ...]:
        """The maximum LRs, evenly in log LR: from half the largest near-optimal one to where half of the runs break.

        Where that is not known they go up to the highest LR tried. There are none where no trial of phase 1 learned.
        """
        section = self.params.sharpness
        if self.params.unmeasured or section is None:
            return ()
        edge = self.results.read_as(Edge, "edge/edge.json")
        if edge.near_optimal_lr is None or edge.near_optimal_lr.lr is None:
            return ()
        half, tried = edge.half_break_lr, max(point.lr for point in edge.break_curve)
        low, high = edge.near_optimal_lr.lr / 2, half.lr if half and half.lr else tried
        return tuple(float(f"{lr:.4g}") for lr in np.geomspace(low, max(2 * low, high), section.lrs))

    @cached_property
    def plan(self) -> Plan:
        """The runs, which are independent of each other."""
        return plan.independent(len(self.lrs), self.budget.steps, self.done)

    @property
    def own(self) -> Mapping[str, Any]:
        """What is measured, and the length of the runs, which decides their schedule."""
        section = self.params.sharpness
        probes = section and section.model_dump(mode="json", exclude={"lrs"})
        return {**self.budget.model_dump(mode="json", include=BUDGET), "probes": probes}

    def path(self, task: Task) -> Path:
        """Give the path of the rows of a run, by its LR and seed."""
        key = canonical_digest([self.lrs[task.trial], self.seed(task.trial)])[:16]
        return self.identity.folder / "probes" / f"{key}.json"

    def read(self, task: Task) -> list[Row] | None:
        """Read the rows of a run; None where it has not been measured, or the file is cut short or was edited."""
        body = records.kept(self.path(task), self.identity.digest)
        return body["rows"] if body else None

    def train(self, task: Task, trainer: Trainer) -> None:
        """Train a run, and measure on the way."""
        from lrsweep.trainers.builtin.probes import probe
        from lrsweep.trainers.builtin.trainer import Builtin

        section, values, seed = self.params.sharpness, {"lr": self.lrs[task.trial]}, self.seed(task.trial)
        assert section is not None and isinstance(trainer, Builtin), "there are no runs where it is null, or for another trainer"
        watch = Watch(self.events, task.trial, max(section.steps), values, 0.0)
        watch.start()
        rows = [
            asdict(one) for one in probe(trainer, values, seed, self.budget, section, derive_seed(self.params.seed, "sharpness"))
        ]
        watch.stop()
        records.keep(self.path(task), self.identity.digest, {"rows": rows})
        last = rows[-1]["step"] if rows else 0
        watch.end(COMPLETE, last, last, rows[-1]["loss_nats"] if rows else None)
