"""Where the gradient norm begins to rise: the write-up's own indicator of the edge, which sets the LR of a step against its norm.

In warm-up the LR rises from step to step, so each trial tries all LRs up to its maximum. The norm of a trial rises at the first
step of its warm-up whose norm is above twice the median of the steps before.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from lrsweep.analysis import settings
from lrsweep.analysis.ranges import Bounded
from lrsweep.analysis.spikes import known
from lrsweep.seeding import generator

RISEN = 2.0  # times the median of the earlier norms


@dataclass(frozen=True)
class Rise:
    """The LR of the step at which the norm of half of the trials has risen, with its 95 % interval.

    trials: those whose norms are known. rose: those in which it rose at all.
    """

    lr: Bounded
    trials: int
    rose: int


class Warmed(NamedTuple):
    """The warm-up of a trial: the LR of the step at which its norm rose or, where it did not, the highest LR."""

    lr: float
    rose: bool


def rise_of(steps: pd.DataFrame, warmup_steps: int, section: settings.Edge, seed: int) -> Rise | None:
    """Find where the norm rises in warm-up; None where no trial has two steps with a norm there.

    steps: the table of that name. A trial whose norm did not rise counts up to its highest LR, by the estimator of Kaplan and
    Meier (1958). The interval is a percentile bootstrap over trials.
    """
    used = known(steps[(steps["step"] <= warmup_steps) & steps["lr"].notna()].sort_values(["trial", "step"], ignore_index=True))
    trials = [_warmed(one["lr"].to_numpy(), one["grad_norm"].to_numpy()) for _, one in used.groupby("trial") if len(one) > 1]
    if not trials:
        return None
    n, lrs, rose = len(trials), np.array([one.lr for one in trials]), np.array([one.rose for one in trials])
    draws = generator(seed, "edge/rising").integers(0, n, (section.bootstrap if n >= section.fewest_trials else 0, n))
    found = [median_lr(lrs, rose, np.bincount(draw, minlength=n)) for draw in draws]
    ends = np.quantile(found, [0.025, 0.975], method="inverted_cdf").tolist() if found else (math.inf, math.inf)
    lr, low, high = (None if math.isinf(value) else float(value) for value in (median_lr(lrs, rose, np.ones(n)), *ends))
    return Rise(Bounded(lr, low, high), n, int(rose.sum()))


def _warmed(lrs: np.ndarray, norms: np.ndarray) -> Warmed:
    before = pd.Series(norms).where(np.isfinite(norms)).expanding().median().shift(1).to_numpy()
    above = ~np.isnan(before) & ~(norms <= RISEN * before)  # written as "not below", so that NaN counts
    first = int(np.argmax(above))
    return Warmed(float(lrs[first]), True) if above[first] else Warmed(float(lrs[-1]), False)


def median_lr(lrs: np.ndarray, rose: np.ndarray, weights: np.ndarray) -> float:
    """Give the lowest LR up to which at least half of the trials have risen; infinite where fewer than half do.

    lrs, rose: of each trial as in Warmed, shape N. weights: how often each trial counts, shape N.
    """
    tried, places = np.unique(lrs, return_inverse=True)
    risen, all_n = np.bincount(places, weights * rose), np.bincount(places, weights)
    left = all_n[::-1].cumsum()[::-1]  # trials that came to this LR
    calm = np.cumprod(1 - np.divide(risen, left, out=np.zeros(len(tried)), where=left > 0))
    half = calm <= 0.5 + 1e-12
    return float(tried[np.argmax(half)]) if half.any() else math.inf
