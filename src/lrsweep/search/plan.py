"""The plan of a study: which tasks can be trained now, as a pure function of the records that are there.

A worker asks for the open tasks, lowest first, and takes the first that no other worker holds. A task is open when all that it
depends on has ended. So workers agree through the records alone, and may join or leave at any time.
"""

from collections.abc import Generator, Iterator
from typing import NamedTuple, Protocol

from lrsweep.search.racing import Race
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


Tasks = Iterator[Task | None]  # in the order in which they are claimed; None while the next one is not known


class Plan:
    """The tasks of a study. It looks each task up once or twice; only open tasks are looked up again and again."""

    def __init__(self, tasks: Tasks, done: Done, planned: int) -> None:
        self.planned = planned  # trials, at most
        self._coming, self._done, self._open = tasks, done, dict[Task, None]()

    def open(self) -> Iterator[Task]:
        """Give the tasks that can be started now and have not ended, in order and lazily."""
        for known in list(self._open):
            if known in self._done:
                del self._open[known]
            else:
                yield known
        while (task := next(self._coming, None)) is not None:
            if task not in self._done:
                self._open[task] = None
                yield task

    @property
    def whole(self) -> bool:
        """Whether all tasks have ended; until then some task is open."""
        return next(self.open(), None) is None


def independent(trials: int, steps: int, done: Done) -> Plan:
    """Plan trials that run to their end independently of each other: phase 1 and the audit."""
    return Plan((Task(trial, 0, steps) for trial in range(trials)), done, trials)


def study(section: SweepBayes, done: Done) -> Plan:
    """Plan phase 2: the first block, halved rung by rung, then each trial when its sight is complete."""
    return Plan(_study(section, done), done, section.trials)


def race(candidates: int, section: Select, steps: int, done: Done) -> Plan:
    """Plan the race of candidates 0, 1, …, round by round; a task's trial is that of its Entry."""
    return Plan(_race(Race(candidates, section), steps, done), done, min(section.budget, candidates * section.seeds))


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
    seen = section.first_block  # trials below this have ended
    for trial in range(section.first_block, section.trials):
        stop = sight(trial, section).stop
        yield from _until_ended([Task(other, 0, section.steps) for other in range(seen, stop)], done)
        seen = stop
        yield Task(trial, 0, section.steps)


def _race(race: Race, steps: int, done: Done) -> Tasks:
    while race.open:
        tasks = {entry: Task(entry.trial, 0, steps) for entry in race.open}
        yield from tasks.values()
        yield from _until_ended(list(tasks.values()), done)
        race.close({entry: done[task].final_loss_nats for entry, task in tasks.items()})


def _until_ended(tasks: list[Task], done: Done) -> Iterator[None]:
    while not all(task in done for task in tasks):
        yield None
