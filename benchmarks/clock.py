"""Asynchronous workers in simulated time: a step takes one unit of it, a proposal none.

A search is an object with

    ask(now) -> (trial number, point of [0, 1]^D), or None where no trial may start before another ends
    tell(trial, eval, loss_nats) -> whether the trial stops here; asked at every eval but the first, at step 0
    close(trial, complete)
"""

import heapq
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from benchmarks.world import World, draws


class Ended(NamedTuple):
    """A trial that ended: when, the steps that all trials had been trained by then, and its true final loss if complete."""

    time: int
    steps: int
    true_nats: float | None


class Search(Protocol):
    """What proposes trials and stops them."""

    def ask(self) -> np.ndarray | None: ...
    def tell(self, trial: int, at: int, loss_nats: float) -> bool: ...
    def close(self, trial: int, complete: bool) -> None: ...


def play(search: Search, world: World, workers: int, seed: int) -> Iterator[Ended]:
    """Trains trials on all workers without end, and yields each as it ends."""
    now, spent, last, count, idle = 0, 0, 0, 0, workers
    curves: dict[int, np.ndarray] = {}
    shares: dict[int, np.ndarray] = {}
    events: list[tuple[int, int, int]] = []  # time, trial, index of its eval
    while True:
        while idle and (point := search.ask()) is not None:
            shares[count], curves[count] = point, world.observe(point, trial_seed(seed, count))
            heapq.heappush(events, (now + int(world.steps_E[1]), count, 1))
            idle, count = idle - 1, count + 1
        now, trial, at = heapq.heappop(events)
        spent, last = spent + (workers - idle) * (now - last), now
        stopped = search.tell(trial, at, float(curves[trial][at]))
        complete = at == len(world.steps_E) - 1
        if not (stopped or complete):
            heapq.heappush(events, (now + int(world.steps_E[at + 1] - world.steps_E[at]), trial, at + 1))
            continue
        search.close(trial, complete)
        idle += 1
        yield Ended(now, spent, float(world.truth(shares[trial][None])[0, -1]) if complete else None)


def trial_seed(seed: int, trial: int) -> int:
    """The seed of a trial's noise."""
    return int(draws(seed, "trial", trial).integers(2**62))
