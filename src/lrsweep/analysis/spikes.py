"""Spikes of the gradient norm in phase 1: which steps they are, and how often they occur at each learning rate."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lrsweep.analysis import settings

Row = dict[str, Any]


@dataclass(frozen=True)
class Spikes:
    """The number of spikes, and their share of the steps below and above the edge."""

    total: int
    rate_below_edge: float | None
    rate_above_edge: float | None


def mark_spikes(steps: pd.DataFrame, section: settings.Edge) -> pd.DataFrame:
    """Add `judged` (a full window of finite norms precedes the step) and `spike` (its norm is above factor · their median)."""
    marked = steps.sort_values(["trial", "step"], ignore_index=True)
    norms = marked["grad_norm"].where(np.isfinite(marked["grad_norm"]))
    window = section.spike_window
    median = norms.groupby(marked["trial"]).transform(lambda one: one.rolling(window).median().shift(1))
    # written as "not below", so that NaN counts as a spike
    return marked.assign(judged=median.notna(), spike=median.notna() & ~(norms <= section.spike_factor * median))


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


def count_spikes(marked: pd.DataFrame, edge: float | None) -> Spikes:
    """Count the spikes below and above the edge."""
    under = marked["lr"] <= (edge if edge is not None else 0.0)
    return Spikes(int(marked["spike"].sum()), rate(marked[under]), rate(marked[~under]))
