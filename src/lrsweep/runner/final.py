"""The final training and what it is compared with as a study; the losses on the test text are kept beside the records."""

import hashlib
import math
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors.numpy import save

from lrsweep import files
from lrsweep.analysis.comparison import Comparison, Losses, chain, compare
from lrsweep.analysis.noise import Noise
from lrsweep.analysis.rules import FORMULAS
from lrsweep.analysis.selection import Choice
from lrsweep.runner.progress import Size
from lrsweep.runner.repeats import Repeats
from lrsweep.runner.trainer import completed, plain_values
from lrsweep.runner.training import Trained
from lrsweep.search import plan
from lrsweep.search.plan import Plan, Task
from lrsweep.search.racing import Entry
from lrsweep.search.trial import COMPLETE, Proposal
from lrsweep.seeding import derive_seed
from lrsweep.space import Budget, Values
from lrsweep.store import records
from lrsweep.store.tables import SIMULATED
from lrsweep.trainers.trainer import HasTest, HasWeights

MOST_RULES = 2 + len(FORMULAS)  # beside the default: the answer of the proxies, the selected values, the formulas


class FinalTraining(Repeats):
    """The final training, which is configuration 0, and those that it is compared with, for as long.

    A task's trial is that of its Entry: the number of its configuration and that of its seed. So all have the same seeds.
    """

    stage = "train"
    tested = True

    @property
    def size(self) -> Size:
        """One training, and as many as there can be to compare it with, all at once."""
        compare, names = self.params.train.compare, len({"lr", *self.params.sweep_bayes.space})
        most = 1
        if compare:
            most = compare.seeds * (1 + (names if compare.each else min(names, 2)) + (MOST_RULES if compare.rules else 0))
        return Size(self.stage, most, most, (self.budget.steps,))

    @property
    def budget(self) -> Budget:
        """The length of the final training."""
        return self.params.train

    @cached_property
    def values(self) -> Values:
        """The values that the proxies answer, or else the selected ones, with `lr` of params.yaml where that is set."""
        values = self.results.read_json("scale/law.json")["values"] or self.results.read_json("select/choice.json")["selected"]
        return {**values, "lr": self.params.lr or values["lr"]}

    @cached_property
    def chain(self) -> list[tuple[tuple[str, ...], Values]]:
        """The configurations from the default to the final training, each after what it changes; none where `compare` is null."""
        compare = self.params.train.compare
        if compare is None:
            return []
        chosen = plain_values(self.params, self.values, self.budget)
        default = completed(self.params, self.params.select.default, chosen, self.budget)
        *steps, (changed, _) = chain(default, chosen, compare.each)
        return [*steps, (changed, self.values)]

    @cached_property
    def rules(self) -> dict[str, Values]:
        """The configurations of other rules for the LR, by their names; none unless they are asked for."""
        compare = self.params.train.compare
        found = self.results.read_json("scale/law.json")["rules"] if compare and compare.rules else ()
        return {rule["name"]: rule["values"] for rule in found if rule["values"]}

    @cached_property
    def configurations(self) -> list[Values]:
        """All configurations, each once."""
        found = [self.values]
        for values in (*(values for _, values in self.chain), *self.rules.values()):
            found += [values] if values not in found else []
        return found

    @cached_property
    def plan(self) -> Plan:
        """The final training first, with its other seeds, and then what it is compared with."""
        return plan.known([task for number in range(len(self.configurations)) for task in self._tasks(number)], self.done)

    def _tasks(self, number: int) -> list[Task]:
        """Give the trainings of a configuration, a seed each."""
        seeds = self.params.train.compare.seeds if self.params.train.compare else 1
        return [Task(Entry(number, seed).trial, 0, self.budget.steps) for seed in range(seeds)]

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Give the configuration of a training, and its seed."""
        entry = Entry.of(task.trial)
        seed = derive_seed(self.params.seed, "train", entry.repeat)
        return Proposal.known(task.trial, self.configurations[entry.candidate], "repeat"), seed

    @property
    def comparison(self) -> Comparison:
        """What all trainings, which must have ended, say of the gain on the default."""
        noise = self.results.read_as(Choice, "select/choice.json").noise if self.chain else Noise(None, 0)
        on_test = any(self.test_loss_nats(task) is not None for task in self.plan.ended)
        rules = {name: self._losses(values, on_test) for name, values in self.rules.items()}
        text = "test" if on_test else "validation"
        steps = [(changed, plain_values(self.params, values, self.budget)) for changed, values in self.chain]
        return compare(steps, lambda number: self._losses(self.chain[number][1], on_test), text, noise, rules)

    def _losses(self, values: Values, on_test: bool) -> Losses:
        """Give the final losses of a configuration over the seeds."""
        tasks = self._tasks(self.configurations.index(values))
        return tuple(self.test_loss_nats(task) if on_test else self.done[task].final_loss_nats for task in tasks)

    def keep(self, task: Task, trained: Trained) -> None:
        """Keep the test loss, and the final weights after their SHA-256; a trainer without weights leaves a marked file."""
        if self.params.trainer:  # a script keeps its own, in its folder
            return
        if task.trial == 0:
            weights = trained.run.weights() if isinstance(trained.run, HasWeights) else save({}, {SIMULATED: "true"})
            files.write_bytes(self._beside(task, "weights"), hashlib.sha256(weights).digest() + weights)
        ended = trained.run if trained.curve.state == COMPLETE else None
        loss = ended.test_loss() if isinstance(ended, HasTest) else math.nan
        content = {"test_loss_nats": loss if math.isfinite(loss) else None}
        records.keep(self._beside(task, "test"), self.identity.digest, content)

    def weights(self, task: Task) -> bytes | None:
        """Give the final weights, as safetensors; None where they are gone or damaged."""
        path = self._beside(task, "weights")
        kept = path.read_bytes() if path.exists() else b""
        return kept[32:] if hashlib.sha256(kept[32:]).digest() == kept[:32] else None

    def test_loss_nats(self, task: Task) -> float | None:
        """Give the loss on the test text at the end; None where training diverged, or the trainer knows no such text."""
        return (self._tested(task) or {"test_loss_nats": None})["test_loss_nats"]

    def read(self, task: Task) -> Any:
        """Read the record of the training; None where it lacks sound weights or its test loss beside it, to train again."""
        weighed = task.trial != 0 or self.weights(task) is not None
        whole = self.params.trainer or (weighed and self._tested(task) is not None)
        return super().read(task) if whole else None

    def _tested(self, task: Task) -> dict[str, Any] | None:
        return records.kept(self._beside(task, "test"), self.identity.digest)

    def _beside(self, task: Task, kind: str) -> Path:
        return self.path(task).with_suffix(f".{kind}")
