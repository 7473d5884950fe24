"""The studies that train known configurations again: the audit and the race; and the base of those that place LRs."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrsweep.analysis.profile import Run, next_lr
from lrsweep.runner.progress import Size
from lrsweep.runner.study import BUDGET, Study
from lrsweep.runner.trainer import default_values
from lrsweep.search import plan, repeats
from lrsweep.search.plan import AT_ONCE, Plan, Task
from lrsweep.search.racing import Entry
from lrsweep.search.trial import Proposal, Record
from lrsweep.seeding import derive_seed
from lrsweep.store.records import canonical_digest
from lrsweep.store.tables import space_of

if TYPE_CHECKING:
    import pandas as pd


class Repeats(Study):
    """Trainings of known configurations. A record is found by its values, its seed and its length, whatever its number."""

    def path(self, task: Task) -> Path:
        """Give the path of a record, by its values, its seed and its length."""
        proposal, seed = self.planned(task)
        key = canonical_digest([dict(proposal.values), seed, self.length(task).model_dump(mode="json", include=BUDGET)])[:16]
        return self.identity.folder / "trials" / key[:2] / f"{key}.json"


class Placed(Repeats):
    """Runs whose LRs are placed one after the other. A run's trial is that of its Entry: a profile, and the place in it."""

    def place(self, entry: Entry) -> float:
        """Place the LR of a run by the runs that must have ended before it."""
        raise NotImplementedError

    def lr(self, entry: Entry) -> float:
        """Give the LR of a run, which is placed once."""
        if entry not in self._lrs:
            self._lrs[entry] = self.place(entry)
        return self._lrs[entry]

    @cached_property
    def _lrs(self) -> dict[Entry, float]:
        return {}

    def by_profile(self, entry: Entry, guess: float, factor: float, seed: int) -> float:
        """Place a run where its profile needs it: the first AT_ONCE about a guess, each later one by the ends of those before."""
        before, first = self.before(entry), entry.repeat < AT_ONCE
        known = [] if first else [self.run(one) for one in before]
        pending = [self.lr(one) for one in before] if first else []
        return next_lr(known, pending, guess, factor, seed).lr

    def before(self, entry: Entry) -> list[Entry]:
        """Give the runs of the same profile that are placed before this one."""
        return [Entry(entry.candidate, repeat) for repeat in range(entry.repeat)]

    def task(self, entry: Entry) -> Task:
        """Give the training of a run, from its start to its end."""
        started = Task(entry.trial, 0, 0)
        return started._replace(until=self.length(started).steps)

    def record(self, entry: Entry) -> Record:
        """Give the record of a run, which must have ended."""
        return self.done[self.task(entry)]

    def run(self, entry: Entry) -> Run:
        """Give a run as a profile sees it; it must have ended."""
        record = self.record(entry)
        return Run(record.proposal.lr, entry.repeat, record.final_loss_nats)


class Audit(Repeats):
    """A sample of the pruned trials of phase 2, trained to their end."""

    stage = "assess"

    @property
    def size(self) -> Size:
        """All of the sample at once; none of a study that was trained elsewhere."""
        most = self.params.assess.audit_trials
        return Size(self.stage, most, 0 if self.params.sweep_bayes.imported else most, (self.budget.steps,))

    @cached_property
    def sample(self) -> list[repeats.Audited]:
        """The sampled trials."""
        if self.params.sweep_bayes.imported:
            return []
        rows = self.trials.to_dict("records")
        return repeats.audit_sample(rows, self.params.assess.audit_trials, self.params.seed)

    @cached_property
    def trials(self) -> "pd.DataFrame":
        """The table `trials` of phase 2."""
        return self.results.read_table("sweep_bayes/trials.parquet")

    @cached_property
    def plan(self) -> Plan:
        """The sample, whose trials are independent of each other."""
        return plan.independent(len(self.sample), self.budget.steps, self.done)

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Give the configuration and the seed of the pruned trial."""
        row = self.trials[self.trials["trial"] == self.sample[task.trial].trial].to_dict("records")[0]
        return Proposal.known(task.trial, {name: row[name] for name in space_of(self.trials)}, "repeat"), int(row["seed"])


class Race(Repeats):
    """The best trials and the default, trained over seeds that no study has used."""

    stage = "select"

    @property
    def size(self) -> Size:
        """The first round at once. The race may end with fewer trainings."""
        section, all_n = self.params.select, self.params.select.candidates + 1
        return Size(self.stage, plan.most_runs(all_n, section), all_n * section.first_seeds, (self.budget.steps,))

    def label(self, task: Task) -> Mapping[str, Any]:
        """Give the candidate, 0 for the default, and the number of its seed."""
        return Entry.of(task.trial)._asdict()

    @cached_property
    def candidates(self) -> list[repeats.Candidate]:
        """The configurations in the race; number 0 is the default."""
        table = self.results.read_table("sweep_bayes/trials.parquet")
        rows, most = table.to_dict("records"), self.params.select.candidates
        return repeats.candidates(rows, space_of(table), most, default_values(self.params))

    @cached_property
    def plan(self) -> Plan:
        """The rounds, each of which is known when the one before has ended."""
        return plan.race(len(self.candidates), self.params.select, self.budget.steps, self.done)

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Give the configuration of a training run, and its seed."""
        entry = Entry.of(task.trial)
        seed = derive_seed(self.params.seed, f"select/candidate {entry.candidate}", entry.repeat)
        return Proposal.known(task.trial, self.candidates[entry.candidate].values, "repeat"), seed
