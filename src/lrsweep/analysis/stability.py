"""The maximum stable LR: the highest at which training breaks with at most a stated probability.

Whether a run breaks depends on its seed too, so that calm runs lie above broken ones. Its probability is modelled over log LR:

    P(break) = 1 / (1 + exp(-(log LR - m) / s))

m is the log LR at which half of the runs break, s the width of the rise in nats of log LR. The posterior over (m, s) is summed on
a grid. It also says where the next run tells most (Kontsevich and Tyler 1999, Vision Research 39, 2729, who minimize an entropy).
"""

from collections.abc import Iterable, Sequence

import numpy as np

from lrsweep.analysis.ranges import Bounded
from lrsweep.seeding import generator

WIDTHS = np.geomspace(0.02, 1.5, 15)  # nats of log LR
WIDTH_PRIOR = (np.log(0.2), 0.8)  # of the log
BEYOND = 3.0  # nats of log LR beyond the runs that the half of all breaks may lie at
STEP = 0.04  # nats of log LR between the cells of the grid
DRAWS = 2000
LEVELS = (0.025, 0.5, 0.975)


class Onset:
    """What is known of the LRs at which something sets in. A subclass says what was seen.

    low, high: of the LRs tried, in nats of log LR.
    """

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high
        middles = np.arange(low - BEYOND, high + BEYOND, STEP)
        self._m, self._s = (cells.ravel() for cells in np.meshgrid(middles, WIDTHS, indexing="ij"))

    def _learn(self, seen: Iterable[np.ndarray]) -> None:
        """Set the posterior from log likelihoods in each cell, one of each observation."""
        logs = -0.5 * ((np.log(self._s) - WIDTH_PRIOR[0]) / WIDTH_PRIOR[1]) ** 2
        for part in seen:
            logs += part
        weights = np.exp(logs - logs.max())
        self._weights = weights / weights.sum()

    def _margin(self, x: float) -> np.ndarray:
        """Give the log odds in each cell that it has set in."""
        return (x - self._m) / self._s

    def _at(self, probability: float) -> np.ndarray:
        """Give the log LR at which it sets in with a probability, in each cell."""
        return self._m + self._s * np.log(probability / (1 - probability))

    def lr_at(self, probability: float, seed: int) -> Bounded:
        """Find the LR by which it has set in with a probability. seed: of the draws from the posterior."""
        draws = generator(seed, "stability")
        cells = draws.choice(len(self._weights), DRAWS, p=self._weights)
        found = self._at(probability)[cells] + STEP * (draws.random(DRAWS) - 0.5)
        low, middle, high = (self._tried(float(x)) for x in np.quantile(found, LEVELS))
        return Bounded(middle, low, high)

    def _tried(self, log_lr: float) -> float | None:
        return float(np.exp(log_lr)) if self._low <= log_lr <= self._high else None


class Breaks(Onset):
    """What runs say of the LRs at which training breaks.

    log_lrs: of the runs, in nats, shape N. broken: whether each broke, shape N. There is at least one run.
    """

    def __init__(self, log_lrs: np.ndarray, broken: np.ndarray) -> None:
        super().__init__(float(log_lrs.min()), float(log_lrs.max()))
        runs = zip(log_lrs, broken, strict=True)
        self._learn(-np.logaddexp(0, -self._margin(x) if broke else self._margin(x)) for x, broke in runs)

    def probability(self, log_lr: float) -> float:
        """Give the probability that a run at this log LR breaks."""
        return float(self._weights @ logistic(self._margin(log_lr)))

    def next_lr(self, probability: float, lowest: float, highest: float) -> float:
        """Give the LR in a range at which one more run leaves the least variance of the log LR that `lr_at` finds."""
        places = np.linspace(np.log(lowest), np.log(highest), 81)
        stable = self._at(probability)
        return float(f"{np.exp(min(places, key=lambda place: self._left(place, stable))):.4g}")

    def _left(self, log_lr: float, stable: np.ndarray) -> float:
        """Give the variance of a value of the cells that a run at this log LR is expected to leave."""
        breaks, left = logistic(self._margin(log_lr)), 0.0
        for share in (breaks, 1 - breaks):
            weights = self._weights * share
            total = float(weights.sum())
            if total > 0:
                mean = float(weights @ stable) / total
                left += float(weights @ (stable - mean) ** 2)
        return left


def breaks_of(runs: Sequence[tuple[float, bool]]) -> Breaks | None:
    """Make what runs say, each an LR and whether it broke; None without runs."""
    return Breaks(np.log([lr for lr, _ in runs]), np.array([broke for _, broke in runs])) if runs else None


def logistic(x: np.ndarray) -> np.ndarray:
    """Give 1 / (1 + exp(-x)), also where exp(-x) overflows."""
    return np.exp(-np.logaddexp(0, -x))
