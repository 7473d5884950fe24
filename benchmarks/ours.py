"""Our study in the world of the replay. What a trial sees does not depend on time: it is made in trial order, and timed after."""

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from benchmarks.clock import Ended, trial_seed
from benchmarks.pool import SPACE
from benchmarks.world import World
from lrsweep.search import study
from lrsweep.search.curve import Curve
from lrsweep.search.settings import SweepBayes
from lrsweep.search.trial import COMPLETE, PRUNED, EvalPoint, Proposal, Record
from lrsweep.space import Budget, Space


class Start(NamedTuple):
    """What a study has before its first trial: its space, and the records of trials that it is told of."""

    space: Space
    prior: list[Record]


def whole(_world: World, _seed: int) -> Start:
    """Start in the whole space of the pool, with nothing known."""
    return Start(SPACE, [])


@dataclass(frozen=True)
class Variant:
    """A study: what proposes, what its objective is, what stops its trials, and where a seed of it starts from in a world."""

    propose: Callable[..., Proposal]
    objective: SweepBayes
    stopping: SweepBayes
    start: Callable[[World, int], Start] = whole


def trained(world: World, proposal: Proposal, budget: Budget, seed: int, until: int) -> Record:
    """Give what training to the step `until` would have shown."""
    losses = world.observe(world.place(dict(proposal.values)), seed)
    points = zip(world.steps_E.tolist(), losses.tolist(), strict=True)
    evals = tuple(EvalPoint(step, proposal.lr * of_peak(step, budget), loss) for step, loss in points if step <= until)
    return Record("replay", proposal, seed, COMPLETE, until, evals, ())


def of_peak(step: int, budget: Budget) -> float:
    """Give the LR of a step over the maximum LR, as in the pools: linear, then a cosine down to a tenth."""
    if step <= budget.warmup_steps:
        return step / budget.warmup_steps
    progress = (step - budget.warmup_steps) / (budget.steps - budget.warmup_steps)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * progress))


class OurStudy:
    """The trials of one seed: the steps and the true final loss of each, None where it was stopped."""

    def __init__(self, variant: Variant, world: World, seed: int) -> None:
        self.variant, self.world, self.seed = variant, world, seed
        section = variant.stopping
        self.space, self.prior = variant.start(world, seed)
        self.block = range(section.first_block)
        self.proposals = [variant.propose([], [], k, variant.objective, self.space, seed) for k in self.block]
        levels, trials = [], list(self.block)
        for goal in section.levels:
            levels.append({k: self._record(k, goal) for k in trials})
            if goal < section.steps:
                trials = study.survivors(levels[-1], goal, section)
        self.records = study.close_block(levels, section)

    def _record(self, k: int, until: int) -> Record:
        return trained(self.world, self.proposals[k], self.variant.stopping, trial_seed(self.seed, k), until)

    def place(self, k: int) -> np.ndarray:
        return self.world.place(dict(self.proposals[k].values))

    def true_nats(self, k: int) -> float | None:
        complete = self.records[k].state == COMPLETE
        return float(self.world.truth(self.place(k)[None])[0, -1]) if complete else None

    def grow(self) -> None:
        """One trial more."""
        section, k = self.variant.stopping, len(self.records)
        seen = [*self.prior, *(self.records[j] for j in (*self.block, *study.sight(k, section)))]
        waiting = [self.proposals[j] for j in study.pending(k, section)]
        self.proposals.append(self.variant.propose(seen, waiting, k, self.variant.objective, self.space, self.seed))
        whole = self._record(k, section.steps)
        decide = study.judge_by(seen, section, whole.proposal.lr)
        for rung in section.rungs:
            evals = tuple(point for point in whole.evals if point.step <= rung)
            if decide(Curve(evals=list(evals)), rung).stopped:
                whole = replace(whole, state=PRUNED, steps=rung, evals=evals)
                break
        self.records.append(whole)


def play(variant: Variant, world: World, workers: int, seed: int) -> Iterator[Ended]:
    """Trials in the order in which they end on this many workers, without end; see benchmarks.clock.play."""
    ours, section = OurStudy(variant, world, seed), variant.stopping
    now, spent, before = 0, 0, 0
    for goal in section.levels:
        places = [k for k in ours.block if ours.records[k].steps >= goal]
        spent += (goal - before) * len(places)
        now += (goal - before) * -(-len(places) // workers)
        before = goal
    for k in ours.block:
        yield Ended(now, spent, ours.true_nats(k))
    free, starts, ends = [now] * workers, {}, {}
    running: list[tuple[int, int]] = []
    while True:
        # no later trial starts before the last one did, so all that end by then are known
        k = len(ours.records)
        ours.grow()
        ready = max((ends[j] for j in study.sight(k, section)), default=now)
        starts[k] = max(heapq.heappop(free), ready, max(starts.values(), default=now))
        ends[k] = starts[k] + ours.records[k].steps
        heapq.heappush(free, ends[k])
        heapq.heappush(running, (ends[k], k))
        while running and running[0][0] <= starts[k]:
            time, j = heapq.heappop(running)
            trained = sum(max(0, min(ends[i], time) - starts[i]) for i in ends)
            yield Ended(time, spent + trained, ours.true_nats(j))
