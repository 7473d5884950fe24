"""Outliers of phase 1, trials far below the others, and decades of the range that the draw hardly reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lrsweep.analysis import settings
from lrsweep.analysis.endings import Ending
from lrsweep.space import Float

NORMAL = 1.4826  # standard deviation / median absolute deviation of a normal distribution


@dataclass(frozen=True)
class Outlier:
    """A trial with a loss far below the median of all trials, or of its neighbours in LR; `against` names which."""

    trial: int
    lr: float
    final_loss_nats: float | None
    below_median_nats: float
    below_neighbours_nats: float
    trials_at_lower_lr: int
    against: tuple[str, ...]


@dataclass(frozen=True)
class Decade:
    """The share of the trials in a decade of the range, and the share that a log-uniform draw would give it."""

    lr_low: float
    lr_high: float
    trials: int
    share: float
    log_uniform_share: float
    under_sampled: bool


def find_outliers(endings: Sequence[Ending], losses: np.ndarray, section: settings.Edge) -> tuple[Outlier, ...]:
    """Find trials with a loss far below the median of all trials, or of their neighbours in LR, like run 4 of the write-up.

    Far means more than outlier_deviations · 1.4826 · median absolute deviation, and more than `tolerance` of the median. Where no
    loss is known, not even that of the untrained model, the losses are infinite, and none stands out.
    """
    n, near = len(endings), section.outlier_neighbours
    if n <= near or not np.isfinite(losses).all():
        return ()
    neighbours = []
    for i in range(n):  # trials are in order of LR; the window of nearest ranks is moved inside at the ends
        start = min(max(0, i - near // 2), n - near - 1)
        neighbours.append(float(np.median([losses[j] for j in range(start, start + near + 1) if j != i])))
    middle = float(np.median(losses))
    gaps = {"median": losses - middle, "neighbours": losses - np.array(neighbours)}
    scale = section.outlier_deviations * NORMAL
    limits = {name: scale * float(np.median(np.abs(gap - np.median(gap)))) for name, gap in gaps.items()}
    found = []
    for i, row in enumerate(endings):
        against = tuple(name for name, gap in gaps.items() if gap[i] < -max(limits[name], section.tolerance * abs(middle)))
        if against:
            below = (-float(gaps["median"][i]), -float(gaps["neighbours"][i]))
            found.append(Outlier(row.trial, row.lr, row.final_loss_nats, *below, trials_at_lower_lr=i, against=against))
    return tuple(found)


def sampling(lrs: np.ndarray, tried: Float, under_sampled: float) -> tuple[Decade, ...]:
    """Count the trials in each decade of the range; below this share of a log-uniform draw's trials it is under-sampled."""
    low, high = float(np.log10(tried.min)), float(np.log10(tried.max))
    inner = [float(d) for d in range(int(np.floor(low)), int(np.ceil(high)) + 1) if low + 1e-9 < d < high - 1e-9]
    borders, found = [low, *inner, high], []
    for i, (start, end) in enumerate(pairwise(borders)):
        inside = (np.log10(lrs) >= start) & ((np.log10(lrs) < end) | (i == len(borders) - 2))
        share, even = (float(inside.mean()) if len(lrs) else 0.0), (end - start) / (high - low)
        ends = float(f"{10**start:.6g}"), float(f"{10**end:.6g}")
        found.append(Decade(*ends, int(inside.sum()), share, even, share < under_sampled * even))
    return tuple(found)
