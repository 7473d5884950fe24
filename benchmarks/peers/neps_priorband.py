"""NePS's PriorBand and its asynchronous Hyperband (neural-pipeline-search; make env-neps).

Both promote: a trial is trained to a rung and kept, and may be asked for again up to the next. So they have a clock of their own,
in which a promoted trial goes on from where it was. PriorBand has the defaults of params.yaml as its prior, since without one it
is Hyperband.
"""

import heapq
import logging
import random
from collections.abc import Callable, Iterator

import neps
import numpy as np
import torch

from benchmarks.clock import Ended, trial_seed
from benchmarks.world import NAMES, World

FIRST = 4  # the first eval at which a trial may be stopped, as in our study
PRIOR = {"lr": 1e-3, "beta2": 0.999, "weight_decay": 0.01}
logging.getLogger("neps").setLevel(logging.ERROR)


def space_of(world: World, prior: bool) -> neps.SearchSpace:
    """Give the space of a world, with the number of evals as its fidelity."""
    ends = zip(NAMES, world.least_D.tolist(), world.most_D.tolist(), world.log_scale_D.tolist(), strict=True)
    own = {
        name: neps.HPOFloat(low, high, log=log, **({"prior": PRIOR[name], "prior_confidence": "medium"} if prior else {}))
        for name, low, high, log in ends
    }
    return neps.SearchSpace({**own, "evals": neps.HPOInteger(FIRST, len(world.steps_E) - 1, is_fidelity=True)})


def play(make: Callable[[World], Callable], world: World, workers: int, seed: int) -> Iterator[Ended]:
    """Train trials on all workers without end, and yield each segment as it ends; see benchmarks.clock.play."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - it draws from the global generators
    torch.manual_seed(seed)
    search = neps.AskAndTell(make(world))
    points: dict[str, np.ndarray] = {}
    curves: dict[str, np.ndarray] = {}
    reached: dict[str, int] = {}  # steps, by the id of a segment
    running: list[tuple[int, int, str]] = []  # when it ends, in the order of starts, the segment's id
    now, done, count, asked = 0, 0, 0, 0
    spans: list[tuple[int, int]] = []  # of what is running
    while True:
        while len(running) < workers:
            trial = search.ask()
            before = trial.metadata.previous_trial_id
            name = trial.metadata.id
            if before is None:
                points[name] = world.place({key: float(trial.config[key]) for key in NAMES})
                curves[name] = world.observe(points[name], trial_seed(seed, count))
                count += 1
            else:
                points[name], curves[name] = points[before], curves[before]
            reached[name] = int(world.steps_E[int(trial.config["evals"])])
            end = now + reached[name] - reached.get(before, 0)
            heapq.heappush(running, (end, asked, name))
            spans.append((now, end))
            asked += 1
        now, _, name = heapq.heappop(running)
        at = int(np.searchsorted(world.steps_E, reached[name]))
        search.tell(name, float(curves[name][at]))
        done += sum(end - start for start, end in spans if end <= now)
        spans = [span for span in spans if span[1] > now]
        complete = at == len(world.steps_E) - 1
        true = float(world.truth(points[name][None])[0, -1]) if complete else None
        yield Ended(now, done + sum(now - start for start, _ in spans), true)


def _priorband(world: World):
    return neps.algorithms.priorband(space_of(world, prior=True), base="async_hb")


def _hyperband(world: World):
    return neps.algorithms.async_hb(space_of(world, prior=False))


CONTESTANTS: dict[str, Callable[[World], Callable]] = {
    "NePS PriorBand, told params.yaml's defaults": _priorband,
    "NePS asynchronous Hyperband, factor 3 (its default)": _hyperband,
}
