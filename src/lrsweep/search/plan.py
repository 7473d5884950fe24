"""The plan of a study: which tasks can be trained now, as a pure function of the records that are there.

A worker asks for the open tasks, lowest first, and takes the first that no other worker holds. A task is open when all that it
depends on has ended. So workers agree through the records alone, and may join or leave at any time.
"""

from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple, Protocol

from lrsweep.search.ending import has_ended
from lrsweep.search.racing import Entry, Race, confirming, winner
from lrsweep.search.settings import Select, SweepBayes
from lrsweep.search.study import close_block, sight, survivors
from lrsweep.search.trial import Record


class Task(NamedTuple):
    """One stretch of training: a trial up to the step `until`.

    At level 0 it begins afresh. At level i it goes on from the state in which level i - 1 left the same trial.
    """

    trial: int
    level: int
    until: int


class Done(Protocol):
    """The records of the tasks that have ended: a dict, or a store that is looked up each time. No record ever goes away."""

    def __contains__(self, task: object, /) -> bool: ...
    def __getitem__(self, task: Task, /) -> Record: ...


AT_ONCE = 3  # runs of a profile that are placed without knowing any other


class Chain(NamedTuple):
    """Runs of a length in steps, of which all but the first `at_once` are placed by those before them."""

    until: int
    runs: int
    at_once: int


Tasks = Iterator[Task | None]  # in the order in which they are claimed; None while the next one is not known


class Plan:
    """The tasks of a study. It looks each task up once or twice; only open tasks are looked up again and again."""

    def __init__(self, tasks: Tasks, done: Done, planned: int) -> None:
        self.planned = planned  # trials, at most
        self._coming, self._done, self._open, self._known = tasks, done, dict[Task, None](), list[Task]()

    def open(self) -> Iterator[Task]:
        """Give the tasks that can be started now and have not ended, in order and lazily."""
        for known in list(self._open):
            if known in self._done:
                del self._open[known]
            else:
                yield known
        while (task := next(self._coming, None)) is not None:
            self._known.append(task)
            if task not in self._done:
                self._open[task] = None
                yield task

    @property
    def ended(self) -> list[Task]:
        """The tasks that have ended, by trial."""
        waiting = set(self.open())
        return sorted(task for task in self._known if task not in waiting)

    @property
    def whole(self) -> bool:
        """Whether all tasks have ended; until then some task is open."""
        return next(self.open(), None) is None


def independent(trials: int, steps: int, done: Done) -> Plan:
    """Plan trials that run to their end independently of each other: phase 1 and the audit."""
    return known([Task(trial, 0, steps) for trial in range(trials)], done)


def known(tasks: Sequence[Task], done: Done) -> Plan:
    """Plan tasks that are known from the start and independent of each other."""
    return Plan(iter(tasks), done, len(tasks))


def study(section: SweepBayes, done: Done) -> Plan:
    """Plan phase 2: the first block, halved rung by rung, then each trial when its sight is complete, up to the ending."""
    return Plan(_study(section, done), done, section.trials)


def race(candidates: int, section: Select, steps: int, done: Done) -> Plan:
    """Plan the race of candidates 0, 1, …, round by round, then what confirms it; a task's trial is that of its Entry."""
    return Plan(_race(Race(candidates, section), steps, done), done, most_runs(candidates, section))


def placed(chains: Sequence[Chain], done: Done) -> Plan:
    """Plan chains 0, 1, … beside each other; a task's trial is that of its Entry."""
    return Plan(_placed(chains, done), done, sum(chain.runs for chain in chains))


def ablations(variants: int, first: int, runs: int, steps: int, done: Done) -> Plan:
    """Plan profiles of variants, of so many runs each; a task's trial is that of its Entry. Variant 0 is the baseline.

    The first runs of each can be placed at once. A later one knows all before it, and the first ones of the baseline.
    """
    return Plan(_ablations(variants, first, runs, steps, done), done, variants * runs)


def block(section: SweepBayes, done: Done) -> list[Record]:
    """Give the closed records of the first block, which must have ended."""
    coming = _block(section, done)
    while True:
        try:
            next(coming)
        except StopIteration as end:
            return end.value


def _block(section: SweepBayes, done: Done) -> Generator[Task | None, None, list[Record]]:
    levels: list[dict[int, Record]] = []
    trials = list(range(section.first_block))
    for level, until in enumerate(section.levels):
        tasks = [Task(trial, level, until) for trial in trials]
        yield from tasks
        yield from _until_ended(tasks, done)
        levels.append({task.trial: done[task] for task in tasks})
        if until < section.steps:
            trials = survivors(levels[-1], until, section)
    return close_block(levels, section)


def _study(section: SweepBayes, done: Done) -> Tasks:
    yield from _block(section, done)
    promises = list[float | None]()  # of the trials in sight
    for trial in range(section.first_block, section.trials):
        new = [Task(other, 0, section.steps) for other in sight(trial, section)[len(promises) :]]
        yield from _until_ended(new, done)
        promises += [done[task].proposal.promise if section.ending else None for task in new]
        if section.ending and has_ended(promises, section.ending):
            return
        yield Task(trial, 0, section.steps)


def most_runs(candidates: int, section: Select) -> int:
    """Give the most training runs of a race of so many candidates, the default included, with those that confirm it."""
    return min(section.budget, candidates * section.seeds) + min(candidates, 2) * section.confirm


def _race(race: Race, steps: int, done: Done) -> Tasks:
    while race.open:
        tasks = {entry: Task(entry.trial, 0, steps) for entry in race.open}
        yield from tasks.values()
        yield from _until_ended(list(tasks.values()), done)
        race.close({entry: done[task].final_loss_nats for entry, task in tasks.items()})
    yield from (Task(entry.trial, 0, steps) for entry in confirming(winner(race.standing, race.losses), race.section))


def _placed(chains: Sequence[Chain], done: Done) -> Tasks:
    for run in range(max((chain.runs for chain in chains), default=0)):
        for number, chain in enumerate(chains):
            if run >= chain.runs:
                continue
            if run >= chain.at_once:
                yield from _until_ended([Task(Entry(number, before).trial, 0, chain.until) for before in range(run)], done)
            yield Task(Entry(number, run).trial, 0, chain.until)


def _ablations(variants: int, first: int, runs: int, steps: int, done: Done) -> Tasks:
    for run in range(runs):
        for variant in range(variants):
            if run >= first:
                known = [*(Entry(variant, before) for before in range(run)), *(Entry(0, before) for before in range(first))]
                yield from _until_ended([Task(entry.trial, 0, steps) for entry in known], done)
            yield Task(Entry(variant, run).trial, 0, steps)


def _until_ended(tasks: list[Task], done: Done) -> Iterator[None]:
    while not all(task in done for task in tasks):
        yield None
