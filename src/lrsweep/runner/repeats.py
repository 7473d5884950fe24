"""The studies that train configurations of phase 2 again: the audit, the race and the final training."""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from safetensors.numpy import save

from lrsweep import files
from lrsweep.runner.progress import Size
from lrsweep.runner.study import Study
from lrsweep.runner.trainer import default_values
from lrsweep.runner.training import Trained
from lrsweep.search import plan, repeats
from lrsweep.search.plan import Plan, Task
from lrsweep.search.racing import Entry
from lrsweep.search.trial import Proposal
from lrsweep.seeding import derive_seed
from lrsweep.space import Budget, Values
from lrsweep.store.records import canonical_digest
from lrsweep.store.results import Results
from lrsweep.store.tables import SIMULATED, space_of
from lrsweep.trainers.trainer import HasWeights


class Repeats(Study):
    """Trainings of known configurations. A record is found by its values and its seed, whatever its number."""

    def path(self, task: Task) -> Path:
        """Give the path of a record, by its values and its seed."""
        proposal, seed = self.planned(task)
        key = canonical_digest([dict(proposal.values), seed])[:16]
        return self.identity.folder / "trials" / key[:2] / f"{key}.json"


class Audit(Repeats):
    """A sample of the pruned trials of phase 2, trained to their end."""

    stage = "assess"

    @property
    def size(self) -> Size:
        """All of the sample at once; none of a study that was trained elsewhere."""
        most = self.params.assess.audit_trials
        return Size(self.stage, most, 0 if self.params.sweep_bayes.imported else most, (self.budget.steps,))

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
        """The sample, whose trials are independent of each other."""
        return plan.independent(len(self.sample), self.budget.steps, self.done)

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Give the configuration and the seed of the pruned trial."""
        _, values, seed = self.sample[task.trial]
        return Proposal.known(task.trial, values, "repeat"), seed


class Race(Repeats):
    """The best trials and the default, trained over seeds that no study has used."""

    stage = "select"

    @property
    def size(self) -> Size:
        """The first round at once. The race may end with fewer trainings."""
        section, all_n = self.params.select, self.params.select.candidates + 1
        return Size(self.stage, min(section.budget, all_n * section.seeds), all_n * section.first_seeds, (self.budget.steps,))

    @property
    def numbers(self) -> Iterator[int]:
        """The numbers of all trainings of the candidates, by candidate and seed."""
        for candidate, repeat in product(range(len(self.candidates)), range(self.params.select.seeds)):
            yield Entry(candidate, repeat).trial

    @cached_property
    def candidates(self) -> list[repeats.Candidate]:
        """The configurations in the race; number 0 is the default."""
        names, rows = study_trials(self.results)
        return repeats.candidates(rows, names, self.params.select.candidates, default_values(self.params))

    @cached_property
    def plan(self) -> Plan:
        """The rounds, each of which is known when the one before has ended."""
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
    def size(self) -> Size:
        """One training."""
        return Size(self.stage, 1, 1, (self.budget.steps,))

    @property
    def budget(self) -> Budget:
        """The length of the final training."""
        return self.params.train

    @cached_property
    def plan(self) -> Plan:
        """One training."""
        return plan.independent(1, self.budget.steps, self.done)

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Give the selected values, with `lr` of params.yaml where it is set."""
        values = dict(self.results.read_json("select/choice.json")["selected"])
        values |= {} if self.params.lr is None else {"lr": self.params.lr}
        return Proposal.known(task.trial, values, "repeat"), derive_seed(self.params.seed, "train")

    def keep(self, task: Task, trained: Trained) -> None:
        """Keep the weights after their SHA-256; a trainer without weights leaves an empty file of them, marked as simulated."""
        weights = trained.run.weights() if isinstance(trained.run, HasWeights) else save({}, {SIMULATED: "true"})
        files.write_bytes(self._kept(task), hashlib.sha256(weights).digest() + weights)

    def weights(self, task: Task) -> bytes | None:
        """Give the final weights, as safetensors; None where they are gone or damaged."""
        path = self._kept(task)
        kept = path.read_bytes() if path.exists() else b""
        return kept[32:] if hashlib.sha256(kept[32:]).digest() == kept[:32] else None

    def read(self, task: Task) -> Any:
        """Read the record of the training; None where there is none with sound weights beside it, to train again."""
        return None if self.weights(task) is None else super().read(task)

    def _kept(self, task: Task) -> Path:
        return self.path(task).with_suffix(".weights")


def study_trials(results: Results) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """Give the names that phase 2 varied, and the rows of its table `trials`.

    Raises:
        UserError: phase 2 has not run.
    """
    table = results.read_table("sweep_bayes/trials.parquet")
    return space_of(table).names, table.to_dict("records")
