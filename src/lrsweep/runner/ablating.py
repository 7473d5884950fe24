"""The ablations as a study: a profile of the selected configuration, and of each variant of it."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from lrsweep.analysis import breaking, profile
from lrsweep.config.variants import Variant, over, variants_of
from lrsweep.runner.progress import Size
from lrsweep.runner.repeats import Placed
from lrsweep.search import plan
from lrsweep.search.plan import Plan, Task
from lrsweep.search.racing import Entry
from lrsweep.search.settings import Ablate
from lrsweep.search.trial import Proposal
from lrsweep.seeding import derive_seed
from lrsweep.space import Values


class Ablation(Placed):
    """The profiles of the variants. The profile of an Entry is the number of its variant.

    The first runs of a variant stand on a ladder of LRs that all share, and at the selected LR over seeds. The next ones are
    placed about its best LR, and the last ones where its training breaks.
    """

    stage = "ablate"

    @property
    def size(self) -> Size:
        """The first runs of all variants at once; nothing where `ablate` is null."""
        section = self.params.ablate
        count, runs, first = len(self.variants), section.runs if section else 0, section.first if section else 0
        return Size(self.stage, count * runs, count * first, (self.budget.steps,))

    @cached_property
    def variants(self) -> list[Variant]:
        """The baseline first, then the variants, then those that are crossed."""
        return variants_of(self.params.ablate)

    @property
    def section(self) -> Ablate:
        """The section of params.yaml."""
        section = self.params.ablate
        assert section is not None, "nothing is planned where it is null"
        return section

    def label(self, task: Task) -> Mapping[str, Any]:
        """Give the name of the variant, and what the run is for."""
        entry = Entry.of(task.trial)
        return {"variant": self.variants[entry.candidate].name, "purpose": self.purpose(entry)}

    def entries(self, variant: int) -> Iterator[Entry]:
        """Give the runs of a variant in the order of placement."""
        yield from (Entry(variant, run) for run in range(self.section.runs))

    @cached_property
    def selected(self) -> Values:
        """The selected configuration of phase 2."""
        return self.results.read_json("select/choice.json")["selected"]

    @cached_property
    def plan(self) -> Plan:
        """The runs of all profiles, each placed when those that it is placed by have ended."""
        if not self.variants:
            return plan.independent(0, self.budget.steps, self.done)
        return plan.ablations(len(self.variants), self.section.first, self.section.runs, self.budget.steps, self.done)

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Give the values of a variant with the placed LR of a run, and its seed, which the variants share."""
        entry = Entry.of(task.trial)
        values = over({**self.selected, "lr": self.lr(entry)}, self.variants[entry.candidate].overrides)
        return Proposal.known(task.trial, values, "profile"), derive_seed(self.params.seed, "ablate/run", entry.repeat)

    def place(self, entry: Entry) -> float:
        """Place a run on the ladder, at the selected LR, about the best LR of its variant, or where its training breaks."""
        section, lr, number, purpose = self.section, float(self.selected["lr"]), entry.repeat, self.purpose(entry)
        if purpose in ("ladder", "seed"):
            power = section.ladder[number] if purpose == "ladder" else 0
            return float(f"{lr * section.factor**power:.4g}")
        known = [self.run(one) for one in self.before(entry)]
        if purpose == "edge":
            return breaking.next_lr(known, self.limit_nats, section.factor)
        seed = derive_seed(self.params.seed, f"ablate/{self.variants[entry.candidate].name}", number)
        return profile.next_lr(breaking.without_loss(known, self.limit_nats), [], lr, section.factor, seed).lr

    @cached_property
    def limit_nats(self) -> float | None:
        """The loss above which a run of any variant is broken, from the first runs of the baseline, which must have ended."""
        first = [Entry(0, run) for run in range(self.section.first)]
        return breaking.limit_nats([self.run(entry) for entry in first], self.untrained_nats, self.section.broken)

    @cached_property
    def untrained_nats(self) -> float | None:
        """The loss of the baseline at its first eval: the median over its first runs."""
        records = [self.record(Entry(0, run)) for run in range(self.section.first)]
        losses = [record.evals[0].loss_nats for record in records if record.evals and record.evals[0].loss_nats is not None]
        return float(np.median(losses)) if losses else None

    def purpose(self, entry: Entry) -> str:
        """Say what a run is for: the ladder, another seed at the selected LR, the best LR, or the edge where training breaks."""
        section, number = self.section, entry.repeat
        if number < section.first:
            return "ladder" if number < len(section.ladder) else "seed"
        return "best" if number < section.first + section.profile_runs else "edge"
