"""Spikes of the gradient norm in phase 1: which steps they are, and how often they occur at each learning rate."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lrsweep.analysis import settings

Row = dict[str, Any]


@dataclass(frozen=True)
class Spikes:
    """The number of spikes, and their share of the steps at near-optimal LRs and above; None where no step could be judged.

    from_above counts those at a near-optimal LR of the step, in trials whose maximum LR lies above: the decay brings them there.
    """

    total: int | None
    rate_near_optimal: float | None
    rate_above: float | None
    from_above: int


def mark_spikes(steps: pd.DataFrame, section: settings.Edge) -> pd.DataFrame:
    """Add `judged` (a full window of finite norms precedes the step) and `spike` (its norm is above factor · their median)."""
    marked = known(steps.sort_values(["trial", "step"], ignore_index=True))
    norms = marked["grad_norm"].where(np.isfinite(marked["grad_norm"]))
    window = section.spike_window
    median = norms.groupby(marked["trial"]).transform(lambda one: one.rolling(window).median().shift(1))
    # written as "not below", so that NaN counts as a spike
    return marked.assign(judged=median.notna(), spike=median.notna() & ~(norms <= section.spike_factor * median))


def known(steps: pd.DataFrame) -> pd.DataFrame:
    """Leave out the steps whose norm the trainer does not say; the last of a trial that broke may be NaN and stays."""
    last = ~steps.duplicated("trial", keep="last") & steps["lr"].notna()
    return steps[steps["grad_norm"].notna() | last].reset_index(drop=True)


def bin_steps(marked: pd.DataFrame, section: settings.Edge, warmup_steps: int) -> list[Row]:
    """Give the rows of `bins`: bins of equal width in log LR, the same for warm-up and decay, empty ones included."""
    used = marked[marked["lr"] > 0]
    if used.empty:
        return []
    low, high = used["lr"].min(), used["lr"].max()
    if low == high:
        low, high = low / 1.1, high * 1.1
    borders = np.geomspace(low, high, section.bins + 1)
    numbers = np.clip(np.searchsorted(borders, used["lr"], side="right") - 1, 0, section.bins - 1)
    stages = np.where(used["step"] <= warmup_steps, "warm-up", "decay")
    rows = []
    for stage in ("warm-up", "decay"):
        for i in range(section.bins):
            part = used[(stages == stage) & (numbers == i)]
            norms = part["grad_norm"][np.isfinite(part["grad_norm"])]
            p05, p50, p95 = np.quantile(norms, [0.05, 0.5, 0.95]).tolist() if len(norms) else (None, None, None)
            row = {"stage": stage, "lr_low": float(borders[i]), "lr_high": float(borders[i + 1]), "n_steps": len(part)}
            quantiles = {"grad_norm_p05": p05, "grad_norm_p50": p50, "grad_norm_p95": p95}
            rows.append({**row, **quantiles, "spike_rate": rate(part)})
    return rows


def rate(marked: pd.DataFrame) -> float | None:
    """Give the share of the judged steps that are spikes."""
    judged = int(marked["judged"].sum())
    return int(marked["spike"].sum()) / judged if judged else None


def count_spikes(marked: pd.DataFrame, near: float | None, max_lrs: Mapping[int, float]) -> Spikes:
    """Count the spikes up to the largest near-optimal LR and above it. max_lrs: of the trials, by their numbers."""
    limit = near if near is not None else 0.0
    under = marked["lr"] <= limit
    total = int(marked["spike"].sum()) if marked["judged"].any() else None
    above = under & (marked["trial"].map(max_lrs) > limit)
    return Spikes(total, rate(marked[under]), rate(marked[~under]), int(marked.loc[above, "spike"].sum()))
