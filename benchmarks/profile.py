"""Profiles on the recorded pools: how near the best LR comes in 7 runs, and how often each interval holds the truth.

    python -m benchmarks.profile --seeds 80

A seed draws beta2 and weight decay. Its valley is the smooth truth of the pool along the LR, made narrower or wider by a factor
about its best LR. A run observes the valley times the residual of one of the pool's 12 curves that are nearest in LR, about their
mean. The first run starts off the best LR by a factor of up to `off` either way. Writes docs/benchmarks/profile.csv.
"""

import argparse
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from benchmarks.frame import FOLDER
from benchmarks.search import POOLS, build, table_of
from benchmarks.world import NEAR, World, draws
from lrsweep import files
from lrsweep.analysis.profile import BAND, NEAR_OPTIMAL, Profile, Run, next_lr, profile_of

RUNS, STEP = 7, 2.5
FACTOR, SHARE = 1.2, 0.003  # of the best LR, of the best loss
LOGS = (np.log(1e-4), np.log(1.0))  # ends of the pools' LRs
POINTS = 2001
CASES = [*product((0.5, 1.0, 2.0), (4.0,)), (1.0, 16.0)]  # width, off


@dataclass(frozen=True)
class Valley:
    """True losses over log LR, and the seeds' residuals there."""

    xs: np.ndarray
    losses: np.ndarray
    place: np.ndarray
    residuals: np.ndarray
    width: float

    @property
    def best(self) -> float:
        return float(self.xs[self.losses.argmin()])

    def _of_pool(self, x: float) -> float:
        return float(np.clip(self.best + (x - self.best) / self.width, *LOGS))

    def true(self, x: float) -> float:
        return float(np.interp(self._of_pool(x), self.xs, self.losses))

    def observe(self, x: float, rng: np.random.Generator) -> float:
        """A run's final loss; the residuals are widened for what their mean took."""
        near = np.argsort(np.abs(self.place - self._of_pool(x)), kind="stable")[:NEAR]
        centred = (self.residuals[near] - self.residuals[near].mean()) * np.sqrt(NEAR / (NEAR - 1))
        return self.true(x) * float(np.exp(centred[rng.integers(NEAR)]))

    def within(self, share: float) -> tuple[float, float]:
        """The ends of the LRs around the best whose loss is within the share of its loss."""
        i = int(self.losses.argmin())
        outside = np.flatnonzero(self.losses > self.losses[i] * (1 + share))
        low, high = outside[outside < i].max(initial=0), outside[outside > i].min(initial=POINTS - 1)
        return tuple(self.best + self.width * (float(self.xs[at]) - self.best) for at in (low, high))


def valley(world: World, width: float, seed: int) -> Valley:
    others = draws(seed, "profile/cut").random(2)
    grid = np.linspace(0, 1, POINTS)
    losses = world.truth(np.column_stack([grid, *(np.full(POINTS, value) for value in others)]))[:, -1]
    log_lrs = [LOGS[0] + (LOGS[1] - LOGS[0]) * shares for shares in (grid, world.points_ND[:, 0])]
    return Valley(log_lrs[0], losses, log_lrs[1], world.residuals_NE[:, -1], width)


def profiled(truth: Valley, off: float, seed: int) -> tuple[list[Run], Profile]:
    start = float(np.exp(truth.best + np.log(off) * draws(seed, "profile/start").uniform(-1, 1)))
    runs: list[Run] = []
    for k in range(RUNS):
        placed = next_lr(runs, [], start, STEP, seed)
        loss = truth.observe(float(np.log(placed.lr)), draws(seed, "profile/run", k))
        runs.append(Run(placed.lr, placed.seed, loss))
    return runs, profile_of(runs, seed)


def judged(truth: Valley, off: float, seed: int) -> dict[str, float]:
    """What a seed gave: 1 where the goal was met, and where an interval holds the truth."""
    runs, found = profiled(truth, off, seed)
    least, ends = truth.true(truth.best), np.log([min(run.lr for run in runs), max(run.lr for run in runs)])
    excess = float(np.mean([truth.true(x) for x in np.linspace(*ends, 400)])) - least
    band, edge = truth.within(BAND), truth.within(NEAR_OPTIMAL)[1]
    right = {
        "lr": (found.lr, np.exp(truth.best)),
        "band_low": (found.band_low, np.exp(band[0])),
        "band_high": (found.band_high, np.exp(band[1])),
        "edge": (found.near_optimal_lr, np.exp(edge)),
        "loss": (found.loss_nats, least),
        "sensitivity": (found.sensitivity_nats, excess),
    }
    error = abs(np.log(found.lr.value) - truth.best)
    near = {"within_factor": error <= np.log(FACTOR), "within_share": truth.true(np.log(found.lr.value)) <= least * (1 + SHARE)}
    held = {name: interval.low <= value <= interval.high for name, (interval, value) in right.items()}
    return {**near, **held, "lr_ratio": found.lr.high / found.lr.low, "loss_ratio": found.loss_nats.high / found.loss_nats.low}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, required=True)
    seeds, rows = range(parser.parse_args().seeds), []
    for pool in POOLS:
        world = build(table_of(pool))
        for width, off in CASES:
            found = pd.DataFrame([judged(valley(world, width, seed), off, seed) for seed in seeds])
            means, medians = found.drop(columns=["lr_ratio", "loss_ratio"]).mean(), found[["lr_ratio", "loss_ratio"]].median()
            rows.append({"pool": pool, "width": width, "off": off, "seeds": len(seeds), **means, **medians})
            print(
                {name: value if isinstance(value, str) else round(float(value), 3) for name, value in rows[-1].items()},
                flush=True,
            )
    write = partial(pd.DataFrame(rows).to_csv, index=False, float_format="%.4g", lineterminator="\n")
    files.write_text(FOLDER / "profile.csv", write())


if __name__ == "__main__":
    main()
