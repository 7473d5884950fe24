"""Figures of phase 2: its proposals and curves, the clusters of the survivors, and the shapes of the best curves."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.figures.drawing import COLOURS, DASHES, MARKERS, Style, draw_states, legend_above, limit, usable
from lrsweep.figures.figure import figure
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from lrsweep.store.tables import space_of

BEST = 5  # trials whose curves are drawn beside their shapes


def prepare_proposals(trials: pd.DataFrame) -> pd.DataFrame:
    """Give one row per trial, in order: its last loss (none where it diverged), and the best final loss so far."""
    data = trials[["trial", "state", *space_of(trials), "last_loss_nats"]].sort_values("trial", ignore_index=True)
    data.loc[data["state"] == DIVERGED, "last_loss_nats"] = np.nan
    best = data["last_loss_nats"].where(data["state"] == COMPLETE).astype(float).cummin().ffill()
    return data.rename(columns={"state": "series"}).assign(best_nats=best)


@figure(
    ("sweep_bayes/trials.parquet",),
    prepare=prepare_proposals,
    caption="Phase 2 in the order of its proposals: the last loss of each trial, and the best final loss so far (line). Look "
    "how early the line falls. Trials without a loss, or with one above the axis, stand at the upper border.",
)
def proposals(ax: Axes, data: pd.DataFrame) -> None:
    """Draw trials by state in the order of proposal, and the best final loss so far as a step line."""
    ax.set(xlabel="trial, in the order of proposal", ylabel="last eval loss (nats)")
    if not usable(ax, data, "no trial"):
        return
    draw_states(ax, data, "trial", "last_loss_nats")
    if data["best_nats"].notna().any():
        ax.step(data["trial"], data["best_nats"], where="post", color="black", label="best final loss so far")
    legend_above(ax, 4)


def prepare_curves(trials: pd.DataFrame, evals: pd.DataFrame, rungs: pd.DataFrame) -> pd.DataFrame:
    """Give the evals of every trial, with its state as `series`; rows `rung` mark the rungs."""
    states = trials.set_index("trial")["state"]
    data = evals[["trial", "step", "loss_nats"]].assign(series=evals["trial"].map(states))
    levels = sorted(rungs["rung"].unique())
    marks = pd.DataFrame({"series": "rung", "step": levels, "trial": pd.NA, "loss_nats": np.nan})
    both = pd.concat([data.astype({"trial": "Int32"}), marks.astype({"trial": "Int32"})], ignore_index=True)
    return both[["series", "trial", "step", "loss_nats"]]


@figure(
    ("sweep_bayes/trials.parquet", "sweep_bayes/evals.parquet", "sweep_bayes/rungs.parquet"),
    prepare=prepare_curves,
    caption="Eval loss of the trials of phase 2 over their steps. Dotted lines are the rungs. Look whether the stopped trials "
    "were clearly above the survivors at their rung.",
)
def curves(ax: Axes, data: pd.DataFrame) -> None:
    """Draw a line for each trial, by state: the complete ones on top."""
    ax.set(xlabel="steps", ylabel="eval loss (nats)")
    points = data[data["loss_nats"].notna()]
    if not usable(ax, points, "no finite eval"):
        return
    for state in (DIVERGED, PRUNED, COMPLETE):
        for i, (_, curve) in enumerate(points[points["series"] == state].groupby("trial")):
            dash = "-" if state == COMPLETE else "--"
            label = None if i else state.lower()
            style: Style = {"color": COLOURS[state], "linewidth": 1.2, "alpha": 0.7, "label": label}
            if state == DIVERGED:  # marked where the last finite eval was, which may be the only one
                style |= {"marker": MARKERS[state], "markevery": [-1]}
            ax.plot(curve["step"], curve["loss_nats"], dash, **style)
    for i, step in enumerate(data.loc[data["series"] == "rung", "step"]):
        ax.axvline(step, color="black", linestyle=":", linewidth=1.2, label=None if i else "rungs")
    limit(ax, points["loss_nats"], points.loc[points["step"] == points["step"].min(), "loss_nats"].median() * 1.05)
    ax.legend()


def prepare_clusters(assignments: pd.DataFrame, evals: pd.DataFrame) -> pd.DataFrame:
    """Give per cluster and step: the number of trials, and the mean, least and greatest eval loss."""
    joined = evals[["trial", "step", "loss_nats"]].merge(assignments[["trial", "cluster"]], on="trial")
    grouped = joined.groupby(["cluster", "step"], as_index=False)
    return grouped.agg(
        trials=("trial", "nunique"),
        mean_nats=("loss_nats", "mean"),
        low_nats=("loss_nats", "min"),
        high_nats=("loss_nats", "max"),
    )


@figure(
    ("cluster/assignments.parquet", "sweep_bayes/evals.parquet"),
    prepare=prepare_clusters,
    caption="Mean eval loss of each cluster of survivors, with the least and the greatest loss of its trials (band). Look "
    "whether the best cluster has the shape that the write-up describes: flat in warm-up, then a steep drop, then "
    "slightly convex.",
)
def clusters(ax: Axes, data: pd.DataFrame) -> None:
    """Draw the mean curve of each cluster, in a band from its least to its greatest loss."""
    ax.set(xlabel="steps", ylabel="eval loss (nats)")
    if not usable(ax, data, "no clusters: too few trials survived"):
        return
    for (cluster, part), dash in zip(data.groupby("cluster"), cycle(DASHES)):
        n = part["trials"].max()
        (line,) = ax.plot(part["step"], part["mean_nats"], dash, label=f"cluster {cluster} ({n} trial{'s' if n > 1 else ''})")
        ax.fill_between(part["step"], part["low_nats"], part["high_nats"], color=line.get_color(), alpha=0.15, linewidth=0)
    limit(ax, data["mean_nats"], data.loc[data["step"] == data["step"].min(), "mean_nats"].max() * 1.05)
    ax.legend()


def prepare_shapes(shapes: pd.DataFrame, evals: pd.DataFrame) -> pd.DataFrame:
    """Give rows `curve`: the evals of the best trials; `steepest`: their steepest drop; `shape`: the numbers of every trial."""
    best = shapes[shapes["rank"] <= BEST].sort_values("rank")
    curves = evals[["trial", "step", "loss_nats"]].merge(best[["trial", "rank"]], on="trial").sort_values(["rank", "step"])
    marks = []
    for row in best[best["steepest_step"].notna() & best["trial"].isin(curves["trial"])].itertuples():
        curve = curves[curves["trial"] == row.trial]
        loss = float(np.interp(row.steepest_step, curve["step"], curve["loss_nats"]))
        marks.append({"series": "steepest", "trial": row.trial, "rank": row.rank, "step": row.steepest_step, "loss_nats": loss})
    numbers = shapes[["trial", "rank", "final_loss_nats", "warmup_flatness", "convexity"]].assign(series="shape")
    columns = ["series", "trial", "rank", "step", "loss_nats", "final_loss_nats", "warmup_flatness", "convexity"]
    parts = [curves.assign(series="curve"), pd.DataFrame(marks, columns=columns[:5]), numbers]
    data = pd.concat([part.reindex(columns=columns).astype(object) for part in parts], ignore_index=True)
    return data.astype({"trial": "Int32", "rank": "Int32", **dict.fromkeys(columns[3:], float)})


@figure(
    ("cluster/shapes.parquet", "sweep_bayes/evals.parquet"),
    prepare=prepare_shapes,
    panels=2,
    caption=f"Left: the {BEST} best curves, with the steepest drop of each. Right, for every complete trial: the share of its "
    "whole drop that comes after warm-up (1 means flat in warm-up), and the convexity after the steepest drop (1: the "
    "rest comes at once, 0: evenly, -1: at the end). Look whether the best trials, on the left, share a shape that the "
    "others lack.",
)
def shapes(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    """Draw on the left the best curves with their steepest drops, on the right the numbers of every complete trial."""
    curves, numbers = axes
    curves.set(xlabel="steps", ylabel="eval loss (nats)")
    numbers.set(xlabel="final eval loss (nats)", ylabel="share")
    if usable(curves, data[data["series"] == "curve"], "no trial completed"):
        for (rank, part), dash in zip(data[data["series"] == "curve"].groupby("rank"), cycle(DASHES)):
            curves.plot(part["step"], part["loss_nats"], dash, linewidth=1.4, label=f"{rank}.")
        steepest = data[data["series"] == "steepest"]
        curves.plot(steepest["step"], steepest["loss_nats"], "o", color="black", markersize=5, label="steepest drop")
        legend_above(curves, 6)
    shape = data[data["series"] == "shape"]
    if usable(numbers, shape, "no trial completed"):
        numbers.axhline(0, color="black", linewidth=1)
        for name, mark, words in (("warmup_flatness", "o", "flat in warm-up"), ("convexity", "s", "convex after the drop")):
            numbers.plot(shape["final_loss_nats"], shape[name], mark, alpha=0.8, label=words)
        legend_above(numbers, 2)
