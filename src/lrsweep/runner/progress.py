"""The progress of a study: workers log when a training starts and when it ends, and these events add up to one line.

Events lie beside the records in work/. They hold times, hosts and processes, so no artifact is made from them. The events of
trainings that ended are the one count of what was trained.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from lrsweep import terminal
from lrsweep.files import alive, append_line
from lrsweep.search.ending import ended_at
from lrsweep.search.settings import SweepBayes
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from lrsweep.space import Value
from lrsweep.terminal import on_a_line

FILE = "events.jsonl"
SHOWN = 200  # lines of progress in a study at most
RECENT = 24  # trainings, the latest, that the speed is taken from


@dataclass(frozen=True)
class Event:
    """The start (state None) or the end of a training run; `until` is the step that it was to reach."""

    trial: int
    until: int
    at_s: float
    host: str
    pid: int
    values: Mapping[str, Value]
    state: str | None = None
    steps: int = 0  # where it ended, counted from the trial's beginning
    trained: int = 0  # steps of this run
    seconds: float = 0.0  # that it trained
    loss_nats: float | None = None
    proposing_s: float = 0.0
    writing_s: float = 0.0
    promise: float | None = None  # of its proposal, which the ending of the study reads


@dataclass(frozen=True)
class Size:
    """The size of a study: its number of trials, at most and at once, and its first block, whose last level is the end.

    `at_once` is 0 where nothing is trained here.
    """

    stage: str
    trials: int
    at_once: int
    levels: tuple[int, ...]
    first_block: int = 0
    eta: int = 1
    section: SweepBayes | None = None  # where its ending may come before the last trial, which is not known yet

    def places(self, level: int) -> int:
        """Give the number of trials of the first block that are trained to a level."""
        return self.first_block // self.eta**level


@dataclass(frozen=True)
class Progress:
    """A study at a moment. `pruned` is by rung, in steps; `left_s` is None while the speed is not known."""

    size: Size
    done: int
    running: int
    pruned: dict[int, int]
    diverged: int
    best: Event | None
    left_s: float | None

    def __str__(self) -> str:
        most = "at most " if self.size.section else ""
        parts = [f"{self.size.stage} {self.done} of {most}{self.size.trials} done, {self.running} running"]
        if self.pruned:
            parts.append("pruned " + ", ".join(f"{n} at {rung}" for rung, n in sorted(self.pruned.items())))
        parts.append(f"{self.diverged} diverged")
        if self.best:
            values = ", ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in self.best.values.items())
            parts.append(f"best {self.best.loss_nats:.4f} nats at {values} (trial {self.best.trial})")
        if self.done < self.size.trials:
            parts.append("time left not known yet" if self.left_s is None else f"{most or 'about '}{duration(self.left_s)} left")
        return "; ".join(parts)


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def duration(seconds: float) -> str:
    """Give a duration in words, from seconds to hours.

    >>> [duration(s) for s in (42.3, 100, 7500)]
    ['42 s', '1 min 40 s', '2 h 5 min']
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


@dataclass
class Watch:
    """A watch over one training run, which logs its start and its end in the events of a study."""

    path: Path
    trial: int
    until: int
    values: Mapping[str, Value]
    proposing_s: float  # that its proposal took, with the records it was made from
    promise: float | None = None  # of its proposal
    began_s: float = field(default_factory=time.time)
    clock_s: float = field(default_factory=time.monotonic)  # the other may jump
    seconds: float = 0.0

    def start(self) -> None:
        """Log that the run has started."""
        self._note(self._event(self.began_s))

    def stop(self) -> None:
        """Stop the clock of the training: what follows is writing."""
        self.seconds = time.monotonic() - self.clock_s

    def end(self, state: str, steps: int, trained: int, loss_nats: float | None) -> None:
        """Log how the run has ended: the trial's last step, and how many steps this run trained itself."""
        whole_s = time.monotonic() - self.clock_s
        ended = replace(self._event(self.began_s + whole_s), state=state, steps=steps, trained=trained, loss_nats=loss_nats)
        writing_s = whole_s - self.seconds
        self._note(replace(ended, seconds=self.seconds, proposing_s=self.proposing_s, writing_s=writing_s))

    def _event(self, at_s: float) -> Event:
        host, pid = socket.gethostname(), os.getpid()
        return Event(self.trial, self.until, at_s, host, pid, self.values, promise=self.promise)

    def _note(self, event: Event) -> None:
        append_line(self.path, json.dumps(asdict(event)))


@dataclass
class Log:
    """The events of a study, of which each look reads those that are new."""

    path: Path
    events: list[Event] = field(default_factory=list)
    offset: int = 0  # bytes

    def read(self) -> list[Event]:
        """Give all events, in the order in which they were noted; a line that was cut by a kill or damaged is left out."""
        if self.path.is_file():
            with self.path.open("rb") as file:
                file.seek(self.offset)
                for line in file:
                    self.offset += len(line)
                    with suppress(ValueError, TypeError):
                        self.events.append(Event(**json.loads(line)))
        return self.events


def read(path: Path) -> list[Event]:
    """Give the events of a study so far."""
    return Log(path).read()


def summarize(events: Sequence[Event], size: Size) -> Progress:
    """Add the events of a study up, up to its ending."""
    if size.section:
        size = _up_to_ending(events, size, size.section)
        events = [event for event in events if event.trial < size.trials]
    ended = {key: event for key, event in _last(events).items() if event.state is not None}
    pruned, done = _count_block(ended, size)
    for (trial, _), event in ended.items():
        if trial >= size.first_block:
            done += 1
            if event.state == PRUNED:
                pruned[event.steps] = pruned.get(event.steps, 0) + 1
    finished = [event for event in ended.values() if event.state == COMPLETE and event.steps == size.levels[-1]]
    best = min(finished, key=lambda event: (event.loss_nats, event.trial), default=None)
    diverged = sum(event.state == DIVERGED for event in ended.values())
    return Progress(size, done, len(running(events)), pruned, diverged, best, _left(events, ended, size))


def running(events: Iterable[Event]) -> list[Event]:
    """Give the starts of the trainings that have not ended and whose processes may still run."""
    return [event for event in _last(events).values() if event.state is None and _alive(event)]


def _last(events: Iterable[Event]) -> dict[tuple[int, int], Event]:
    """Give the last event of each training."""
    return {(event.trial, event.until): event for event in events}


def _up_to_ending(events: Iterable[Event], size: Size, section: SweepBayes) -> Size:
    """Give the size with the number of trials at which the study ends, where that is known by now."""
    ended = ended_at({event.trial: event.promise for event in events if event.state is not None}, section)
    return size if ended is None else replace(size, trials=ended, section=None)


def _alive(event: Event) -> bool:
    """Say whether the process of a started run may still run; on another host it is taken to."""
    return event.host != socket.gethostname() or alive(event.pid)


def _count_block(ended: dict[tuple[int, int], Event], size: Size) -> tuple[dict[int, int], int]:
    """Count the trials of the first block that were stopped, by rung, and those that have ended."""
    pruned: dict[int, int] = {}
    done, expected = 0, size.first_block
    for level, goal in enumerate(size.levels):
        here = [event for (trial, until), event in ended.items() if until == goal and trial < size.first_block]
        sound = sum(event.state == COMPLETE for event in here)
        done += len(here) - sound
        if goal == size.levels[-1]:
            done += sound
        elif here and len(here) == expected:
            expected = min(size.places(level + 1), sound)
            pruned[goal] = sound - expected
            done += sound - expected
    return pruned, done


def _left(events: Iterable[Event], ended: dict[tuple[int, int], Event], size: Size) -> float | None:
    """Estimate the seconds to the end: the steps that are left, at the speed of late."""
    step_s = pace(events)
    if step_s is None:
        return None
    lengths = [event.steps for (trial, _), event in ended.items() if trial >= size.first_block]
    usual = sum(lengths) / len(lengths) if lengths else float(size.levels[-1])
    steps = (size.trials - size.first_block - len(lengths)) * usual
    for level, (start, goal) in enumerate(zip((0, *size.levels), size.levels, strict=False)):
        n_ended = sum(until == goal and trial < size.first_block for trial, until in ended)
        steps += max(0, size.places(level) - n_ended) * (goal - start)
    return steps * step_s


def pace(events: Iterable[Event]) -> float | None:
    """Give the seconds from one step of a study to the next, over its workers, in its last RECENT runs; None before one ended."""
    recent = [event for event in events if event.state is not None and event.trained][-RECENT:]
    if not recent:
        return None
    span_s = max(event.at_s for event in recent) - min(event.at_s - event.writing_s - event.seconds for event in recent)
    return span_s / sum(event.trained for event in recent)


def show_some(log: Log, size: Size, trial: int) -> None:
    """Show a line of progress after a trial; in a long study only after one of several, since each line sums all events up."""
    if trial % (1 + size.trials // SHOWN) == 0:
        show(summarize(log.read(), size))


def show(progress: Progress) -> None:
    """Print the line: on a terminal over the line before, in a log below it."""
    if sys.stderr and not sys.stderr.closed and sys.stderr.isatty():
        terminal.show("\r\x1b[K")
        terminal.note(on_a_line(str(progress)), end="\r" if progress.done < progress.size.trials else "\n")
    else:
        terminal.note(on_a_line(str(progress)))
