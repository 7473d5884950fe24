"""The probes of sharpness as a study: a few trials of phase 1, trained again and measured, below and above the edge."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from lrsweep.runner.identity import TRAINING
from lrsweep.runner.progress import Size, Watch
from lrsweep.runner.study import BUDGET, Study
from lrsweep.search import plan, repeats
from lrsweep.search.plan import Plan, Task
from lrsweep.search.trial import COMPLETE
from lrsweep.space import Budget
from lrsweep.store import records
from lrsweep.store.records import canonical_digest
from lrsweep.trainers.trainer import Trainer

Row = dict[str, Any]


class Probes(Study):
    """The probed trials; the record of each is its rows of the table `probes`."""

    stage = "sharpness"
    roots = (*TRAINING, "trainers.builtin.probes")

    @property
    def budget(self) -> Budget:
        """The length of a trial of phase 1."""
        return self.params.sweep_uniform

    @property
    def size(self) -> Size:
        """All trials at once, where anything is measured; each is trained to its last probe."""
        section = self.params.sharpness
        most, until = (2 * section.trials_per_side, max(section.steps)) if section else (0, 0)
        return Size(self.stage, most, 0 if self.params.unmeasured else most, (until,))

    @cached_property
    def chosen(self) -> list[Row]:
        """The trials that are measured, each with its side of the edge."""
        section = self.params.sharpness
        if self.params.unmeasured or section is None:
            return []
        trials = self.results.read_table("sweep_uniform/trials.parquet").to_dict("records")
        edge_lr = self.results.read_json("edge/edge.json")["edge_lr"]

        def side(lr: float) -> str:
            return "under" if edge_lr is not None and lr <= edge_lr else "over"

        places = repeats.probed([row["lr"] for row in trials], edge_lr, section.trials_per_side)
        return [{**trials[place], "side": side(trials[place]["lr"])} for place in places]

    @cached_property
    def plan(self) -> Plan:
        """The chosen trials, which are independent of each other."""
        return plan.independent(len(self.chosen), self.budget.steps, self.done)

    @property
    def own(self) -> Mapping[str, Any]:
        """What is measured, and the length of the trials, which decides their schedule."""
        section = self.params.sharpness
        probes = section and section.model_dump(mode="json", exclude={"trials_per_side"})
        return {**self.budget.model_dump(mode="json", include=BUDGET), "probes": probes}

    def path(self, task: Task) -> Path:
        """Give the path of the rows of a trial, by its LR and seed."""
        row = self.chosen[task.trial]
        key = canonical_digest([float(row["lr"]), int(row["seed"])])[:16]
        return self.identity.folder / "probes" / f"{key}.json"

    def read(self, task: Task) -> list[Row] | None:
        """Read the rows of a trial; None where it has not been measured, or the file is cut short or was edited."""
        body = records.kept(self.path(task), self.identity.digest)
        return body["rows"] if body else None

    def train(self, task: Task, trainer: Trainer) -> None:
        """Train the trial again, bit for bit, and measure on the way."""
        from lrsweep.trainers.builtin.probes import probe
        from lrsweep.trainers.builtin.trainer import Builtin

        section, row = self.params.sharpness, self.chosen[task.trial]
        assert section is not None and isinstance(trainer, Builtin), "nothing is chosen where it is null, or for another trainer"
        values, seed = {"lr": float(row["lr"])}, int(row["seed"])
        watch = Watch(self.events, int(row["trial"]), max(section.steps), values, 0.0)
        watch.start()
        rows = [asdict(one) for one in probe(trainer, values, seed, self.budget, section, self.params.seed)]
        watch.stop()
        records.keep(self.path(task), self.identity.digest, {"rows": rows})
        last = rows[-1]["step"] if rows else 0
        watch.end(COMPLETE, last, last, rows[-1]["loss_nats"] if rows else None)
