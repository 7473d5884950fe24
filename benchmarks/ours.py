"""Our study in the world of the replay. What a trial sees does not depend on time: it is made in trial order, and timed after."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import phase_1
from benchmarks.clock import Ended, trial_seed
from benchmarks.world import World
from lrsweep import artifacts, study
from lrsweep.curves import Curve
from lrsweep.params import VARIED, Params, Range, SweepBayes
from lrsweep.records import Proposal, Record


@dataclass(frozen=True)
class Variant:
    """A study: what proposes, what its objective is, what stops its trials, and the parameters of a phase 1 before it, if any."""

    propose: Callable[..., Proposal]
    objective: SweepBayes
    stopping: SweepBayes
    phase_1: Params | None = None


class OurStudy:
    """The trials of one seed: the steps and the true final loss of each, None where it was stopped."""

    def __init__(self, variant: Variant, world: World, seed: int) -> None:
        self.variant, self.world, self.seed = variant, world, seed
        self.lr = Range(min=float(world.least_D[0]), max=float(world.most_D[0]), scale="log")
        self.prior: list[Record] = []
        section = variant.stopping
        if variant.phase_1:
            known = phase_1.trials(world, variant.phase_1, seed)
            self.lr = phase_1.lr_range(world, known, variant.phase_1, seed) if section.lr == "auto" else self.lr
            self.prior = known if section.prior else []
        self.block = range(section.first_block)
        self.proposals = [variant.propose([], [], k, variant.objective, self.lr, seed) for k in self.block]
        levels, trials = [], list(self.block)
        for goal in (*section.rungs, section.steps):
            levels.append({k: self._record(k, goal) for k in trials})
            if goal < section.steps:
                trials = study.survivors(levels[-1], goal, section)
        self.records = study.close_block(levels, section)

    def _record(self, k: int, until: int) -> Record:
        return phase_1.trained(self.world, self.proposals[k], self.variant.stopping, trial_seed(self.seed, k), until)

    def place(self, k: int) -> np.ndarray:
        return self.world.place({name: getattr(self.proposals[k], name) for name in VARIED})

    def true_nats(self, k: int) -> float | None:
        complete = self.records[k].state == artifacts.COMPLETE
        return float(self.world.truth(self.place(k)[None])[0, -1]) if complete else None

    def grow(self) -> None:
        """One trial more."""
        section, k = self.variant.stopping, len(self.records)
        seen = [*self.prior, *(self.records[j] for j in (*self.block, *study.sight(k, section)))]
        waiting = [self.proposals[j] for j in study.pending(k, section)]
        self.proposals.append(self.variant.propose(seen, waiting, k, self.variant.objective, self.lr, self.seed))
        whole = self._record(k, section.steps)
        decide = study.judge_by(seen, section, whole.proposal.lr)
        for rung in section.rungs:
            evals = tuple(point for point in whole.evals if point.step <= rung)
            if decide(Curve(evals=list(evals)), rung).stopped:
                whole = replace(whole, state=artifacts.PRUNED, steps=rung, evals=evals)
                break
        self.records.append(whole)


def play(variant: Variant, world: World, workers: int, seed: int) -> Iterator[Ended]:
    """Trials in the order in which they end on this many workers, without end; see benchmarks.clock.play."""
    ours, section = OurStudy(variant, world, seed), variant.stopping
    now, spent, before = 0, 0, 0
    for goal in (*section.rungs, section.steps):
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
