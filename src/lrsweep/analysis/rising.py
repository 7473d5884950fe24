"""Where the gradient norm begins to rise: the write-up's own indicator of the edge, which sets the LR of a step against its norm.

In warm-up the LR rises from step to step, so each trial tries all LRs up to its maximum. The norm of a trial rises at the first
step of its warm-up whose norm is above twice the median of the steps before. It rose between the LR of the step before and that
of this one. A trial that shows no rise would rise above its highest LR, or had risen at its first step, before which nothing is
known. With the distribution of stability.py over log LR, each trial so has a likelihood (observations that are censored in
intervals, Turnbull 1976).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from lrsweep.analysis.ranges import Bounded
from lrsweep.analysis.spikes import known
from lrsweep.analysis.stability import Onset, logistic

RISEN = 2.0  # times the median of the earlier norms
LEAST = 1e-300  # probability below which the logarithm would be infinite


@dataclass(frozen=True)
class Rise:
    """The LR of the step by which the norm of half of the trials has risen, with its 95 % interval.

    trials: those whose norms are known. rose: those in which it rose at all.
    """

    lr: Bounded
    trials: int
    rose: int


class Warmed(NamedTuple):
    """The warm-up of a trial: the LRs of its first and last steps and, where its norm rose, the two that it rose between."""

    first: float
    last: float
    between: tuple[float, float] | None


class Rises(Onset):
    """What warm-ups say of the LR at which the norm rises. There is at least one."""

    def __init__(self, trials: list[Warmed]) -> None:
        super().__init__(float(np.log(min(one.first for one in trials))), float(np.log(max(one.last for one in trials))))
        self._learn(np.log(np.maximum(self._likelihood(one), LEAST)) for one in trials)

    def _likelihood(self, trial: Warmed) -> np.ndarray:
        low, high = trial.between or (trial.first, trial.last)
        inside = self._risen(high) - self._risen(low)
        return inside if trial.between else 1 - inside

    def _risen(self, lr: float) -> np.ndarray:
        return logistic(self._margin(float(np.log(lr))))


def rise_of(steps: pd.DataFrame, warmup_steps: int, seed: int) -> Rise | None:
    """Find where the norm rises in warm-up; None where no trial has two steps with a norm there.

    steps: the table of that name. seed: of the draws from the posterior.
    """
    used = known(steps[(steps["step"] <= warmup_steps) & (steps["lr"] > 0)].sort_values(["trial", "step"], ignore_index=True))
    trials = [_warmed(one["lr"].to_numpy(), one["grad_norm"].to_numpy()) for _, one in used.groupby("trial") if len(one) > 1]
    if not trials:
        return None
    rose = sum(one.between is not None for one in trials)  # where none rose, it is not known on which side of all the LR lies
    return Rise(Rises(trials).lr_at(0.5, seed) if rose else Bounded(None, None, None), len(trials), rose)


def _warmed(lrs: np.ndarray, norms: np.ndarray) -> Warmed:
    before = pd.Series(norms).where(np.isfinite(norms)).expanding().median().shift(1).to_numpy()
    above = ~np.isnan(before) & ~(norms <= RISEN * before)  # written as "not below", so that NaN counts
    at = int(np.argmax(above))
    return Warmed(float(lrs[0]), float(lrs[-1]), (float(lrs[at - 1]), float(lrs[at])) if above[at] else None)
