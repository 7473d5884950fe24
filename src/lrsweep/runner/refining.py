"""The runs that refine phase 1 as a study: some about the best LR, and some about the maximum stable one."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from lrsweep.analysis.edge import Refining, Trials, trials_of
from lrsweep.analysis.endings import Ending, judge
from lrsweep.analysis.spikes import mark_spikes
from lrsweep.analysis.stability import breaks_of
from lrsweep.runner.progress import Size
from lrsweep.runner.repeats import Placed
from lrsweep.runner.tables import Tables, tables_of
from lrsweep.search import plan
from lrsweep.search.plan import AT_ONCE, Chain, Plan, Task
from lrsweep.search.racing import Entry
from lrsweep.search.trial import Proposal
from lrsweep.seeding import derive_seed
from lrsweep.space import Budget

PROFILE = 0  # the chain of the runs about the best LR; the other is of those about the maximum stable one
HIGHEST = 4  # times the highest LR of phase 1, up to which runs look for the LRs that break


class Refine(Placed):
    """Runs as those of phase 1, each placed where it narrows the answer most. The profile of an Entry is its chain."""

    stage = "edge"

    @property
    def budget(self) -> Budget:
        """The length of a trial of phase 1."""
        return self.params.sweep_uniform

    @property
    def own(self) -> Mapping[str, Any]:
        """Nothing: a record is found by its length too."""
        return {}

    @property
    def chains(self) -> tuple[Chain, ...]:
        """The runs of each kind; none where `edge.refine` is null or phase 1 was trained elsewhere."""
        section, steps = self.params.edge.refine, self.budget.steps
        if section is None or self.params.sweep_uniform.imported:
            return ()
        return Chain(steps, section.profile, AT_ONCE), Chain(steps, section.breaks, 1)

    @property
    def size(self) -> Size:
        """The runs that no other one places, at once."""
        runs, at_once = (sum(getattr(chain, name) for chain in self.chains) for name in ("runs", "at_once"))
        return Size(self.stage, runs, at_once, (self.budget.steps,))

    @cached_property
    def plan(self) -> Plan:
        """The runs, each placed when those that it is placed by have ended."""
        return plan.placed(self.chains if self.phase_1.endings else (), self.done)

    @property
    def entries(self) -> Iterator[Entry]:
        """The runs, chain by chain."""
        chains = self.chains if self.phase_1.endings else ()
        yield from (Entry(number, run) for number, chain in enumerate(chains) for run in range(chain.runs))

    def about(self, entry: Entry) -> str:
        """Say which LR a run is placed for."""
        return "best LR" if entry.candidate == PROFILE else "maximum stable LR"

    def label(self, task: Task) -> Mapping[str, Any]:
        """Say which LR a run is placed for."""
        return {"purpose": self.about(Entry.of(task.trial))}

    @cached_property
    def tables(self) -> Tables:
        """The tables of phase 1.

        Raises:
            UserError: phase 1 has not run.
        """
        return Tables(*(self.results.read_table(f"sweep_uniform/{name}.parquet") for name in Tables._fields))

    @cached_property
    def phase_1(self) -> Trials:
        """The trials of phase 1."""
        return self._ended(self.tables)

    def _ended(self, tables: Tables) -> Trials:
        marked = mark_spikes(tables.steps, self.params.edge)
        return trials_of(tables.trials, tables.evals, marked, self.params.edge, self.params.sweep_uniform)

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Give the LR of a run, all other names as in phase 1, and its seed."""
        lr = self.lr(Entry.of(task.trial))
        return Proposal.known(task.trial, {"lr": lr}, "refining"), derive_seed(self.params.seed, "edge/run", task.trial)

    def place(self, entry: Entry) -> float:
        """Place a run by those of its kind before it."""
        return self._about_best(entry) if entry.candidate == PROFILE else self._about_stable(entry)

    def _about_best(self, entry: Entry) -> float:
        """Place a run by the profile. It begins at the best LR of phase 1 or, where no trial learned, at the lowest."""
        section = self.params.edge.refine
        assert section is not None, "nothing is planned where it is null"
        endings = self.phase_1.endings
        best = min((row for row in endings if row.learned), key=lambda row: row.final_loss_nats or 0.0, default=endings[0])
        seed = derive_seed(self.params.seed, "edge/profile", entry.repeat)
        return self.by_profile(entry, best.lr, section.factor, seed)

    def _about_stable(self, entry: Entry) -> float:
        """Place a run where it tells most of the maximum stable LR; at the highest LR where no run is known to break or not."""
        lrs = [row.lr for row in self.phase_1.endings]
        known = breaks_of(judge((*self.phase_1.endings, *self.endings(self.before(entry))))[0])
        return known.next_lr(self.params.edge.stable_to, min(lrs), HIGHEST * max(lrs)) if known else max(lrs)

    def endings(self, entries: Sequence[Entry]) -> tuple[Ending, ...]:
        """Give the ends of runs, which must have ended, in order of LR."""
        if not entries:
            return ()
        found = [(self.record(one), self.path(self.task(one))) for one in entries]
        return self._ended(tables_of(found, self.params.sweep_bayes.metric)).endings

    def refining(self) -> Refining:
        """Give all runs, which must have ended."""
        entries = list(self.entries)
        return Refining(tuple(self.run(one) for one in entries if one.candidate == PROFILE), self.endings(entries))
