"""Figures of the assessment: how well the metric ranks trials early, and what other stopping rules would have cost."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.figures.drawing import PALETTE, SHAPES, usable
from lrsweep.figures.figure import figure


def prepare_correlations(correlations: pd.DataFrame) -> pd.DataFrame:
    """Give the correlations: one row per metric and rung."""
    return correlations[["metric", "rung", "n", "spearman", "spearman_low", "spearman_high"]].reset_index(drop=True)


@figure(
    ("assess/correlations.parquet",),
    prepare=prepare_correlations,
    caption="Spearman's rank correlation of each metric at each rung with the final loss, with its 95 % interval. Near 1 the "
    "metric ranks trials correctly at that rung. Below 0 it ranks them the wrong way round.",
)
def correlations(ax: Axes, data: pd.DataFrame) -> None:
    """Draw points with intervals by rung, with a colour and a mark for each metric."""
    ax.set(xlabel="rung (steps)", ylabel="Spearman correlation\nwith the final loss", ylim=(-1.05, 1.05))
    known = data[data["spearman"].notna()]
    if not usable(ax, known, "no rung with enough trials"):
        return
    rungs = sorted(known["rung"].unique())
    groups = list(known.groupby("metric", sort=False))
    for i, (metric, part) in enumerate(groups):
        x = np.array([rungs.index(rung) for rung in part["rung"]]) + 0.14 * (i - (len(groups) - 1) / 2)
        middle = part["spearman"].to_numpy()
        spread = np.nan_to_num([middle - part["spearman_low"], part["spearman_high"] - middle]).clip(0)
        ax.errorbar(x, middle, spread, fmt=SHAPES[i % len(SHAPES)], color=PALETTE[i % len(PALETTE)], capsize=4, label=metric)
    ax.axhline(0, color="black", linewidth=1)
    ax.set_xticks(range(len(rungs)), [str(rung) for rung in rungs])
    ax.legend(loc="lower right")


def prepare_replay(replay: pd.DataFrame) -> pd.DataFrame:
    """Give one row per rule and metric: medians over the random orders."""
    grouped = replay.groupby(["rule", "metric"], as_index=False, sort=False)
    return grouped.agg(
        orders=("order", "nunique"),
        steps=("steps", "median"),
        best_loss_nats=("best_loss_nats", "median"),
        stopped=("stopped", "median"),
    )


@figure(
    ("assess/replay.parquet",),
    prepare=prepare_replay,
    caption="The recorded curves replayed under other stopping rules and metrics: the steps that would have been trained, and "
    "the best final loss that would have been kept (medians). Lower left is better.",
)
def replay(ax: Axes, data: pd.DataFrame) -> None:
    """Draw a point for each rule (mark) and metric (colour): steps trained against the best loss kept."""
    ax.set(xlabel="steps trained (median)", ylabel="best final loss kept\n(nats, median)")
    if not usable(ax, data, "nothing to replay"):
        return
    metrics = list(dict.fromkeys(data["metric"]))
    for i, (rule, part) in enumerate(data.groupby("rule", sort=False)):
        for row in part.itertuples():
            colour, shape = PALETTE[metrics.index(row.metric) % len(PALETTE)], SHAPES[i % len(SHAPES)]
            ax.plot(row.steps, row.best_loss_nats, shape, color=colour, markersize=9, alpha=0.85)
        ax.plot([], [], shape, color="#777777", label=f"rule: {str(rule).replace('_', ' ')}")
    for metric, colour in zip(metrics, PALETTE, strict=False):
        ax.plot([], [], "-", color=colour, linewidth=6, label=f"metric: {metric.replace('_', ' ')}")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
