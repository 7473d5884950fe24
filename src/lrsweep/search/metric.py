"""The metrics by which trials are compared: the loss, two plain alternatives and the composite M_u, from the evals of one curve.

The composite is that of the write-up that this pipeline automates, divided by the sum of its weights. So rungs are comparable,
and a trial that was stopped early does not look good for being short. The eval at step 0 is eval 0 and enters no metric.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lrsweep.search.settings import Metric

NAMES = ("loss", "trailing_mean", "minimum", "m_u")


@dataclass(frozen=True)
class Components:
    """All metrics at one eval, and the terms of M_u; None where there are too few evals."""

    loss_nats: float
    trailing_mean_nats: float | None
    minimum_nats: float | None
    reference_nats: float | None
    u: float | None
    m_u: float | None

    def value(self, name: str) -> float | None:
        """Give the metric `name`, one of NAMES; lower is better."""
        return self.m_u if name == "m_u" else getattr(self, f"{name}_nats")


def components(lrs: Sequence[float], losses_nats: Sequence[float], max_lr: float, section: Metric) -> list[Components]:
    """Compute the metrics at every eval of one curve; index i is eval i, and eval 0 is at step 0.

    With window w: r_i = mean(L_(i-w) … L_(i-1)) for i > w; u_i = -lambda (L_i - r_i) where lr_i >= rho · max_lr, else L_i;
    M_u(n) = sum kappa^(i-w-1) u_i / sum kappa^(i-w-1) over i = w+1 … n. Both sums are kept divided by the last weight, so that
    they do not overflow. Where an LR is not known (NaN), M_u is None from there on.
    """
    window, rows = section.window, []
    weighted, weights = 0.0, 0.0
    for i, (lr, loss) in enumerate(zip(lrs, losses_nats, strict=True)):
        past = losses_nats[max(1, i - window + 1) : i + 1]
        trailing = sum(past) / len(past) if past else None
        minimum = min(losses_nats[1 : i + 1]) if past else None
        reference = u = m_u = None
        if i > window:
            reference = sum(losses_nats[i - window : i]) / window
            near_peak = lr >= section.rho * max_lr
            u = -section.rise_weight * (loss - reference) if near_peak else loss
            u = None if math.isnan(lr) else u
            weighted, weights = weighted / section.kappa + (math.nan if u is None else u), weights / section.kappa + 1.0
            m_u = None if math.isnan(weighted) else weighted / weights
        rows.append(Components(loss, trailing, minimum, reference, u, m_u))
    return rows


def weight_ratio(kappa: float, n_evals: int, window: int) -> float:
    """Give the weight of the last term of M_u over the first, after n_evals evals: kappa^(n_evals - window - 1)."""
    return float(kappa ** (n_evals - window - 1))
