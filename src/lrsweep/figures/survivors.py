"""Figures of the survivors of phase 2: their clusters, and the shapes of the best curves."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.analysis.words import counted
from lrsweep.figures.drawing import DASHES, PALETTE, legend_above, limits, points, usable
from lrsweep.figures.figure import figure

BEST = 5  # trials whose curves are drawn beside their shapes
SHAPE = "shape"  # series of the rows that hold a trial's numbers
FLAT, STRAIGHT = 0.8, 0.1  # least flatness that is called flat; greatest convexity, either way, that is called straight


def prepare_clusters(assignments: pd.DataFrame, evals: pd.DataFrame) -> pd.DataFrame:
    """Give per cluster and step: the number of trials, and the mean, least and greatest eval loss.

    Losses are in nats above the mean of all survivors at the step, since all curves fall alike.
    """
    joined = evals[["trial", "step", "loss_nats"]].merge(assignments[["trial", "cluster"]], on="trial")
    joined["loss_nats"] -= joined.groupby("step")["loss_nats"].transform("mean")
    grouped = joined.groupby(["cluster", "step"], as_index=False)
    return grouped.agg(
        trials=("trial", "nunique"),
        mean_nats=("loss_nats", "mean"),
        low_nats=("loss_nats", "min"),
        high_nats=("loss_nats", "max"),
    )


def describe_bands(data: pd.DataFrame) -> str:
    """Say whether the clusters are apart at the end."""
    ends = data[data["step"] == data["step"].max()].sort_values("low_nats")
    if len(ends) < 2:
        return ""
    apart = (ends["low_nats"].to_numpy()[1:] > ends["high_nats"].cummax().to_numpy()[:-1]).all()
    return f"Here the bands {'are apart' if apart else 'overlap'} at the last step."


@figure(
    ("cluster/assignments.parquet", "sweep_bayes/evals.parquet"),
    prepare=prepare_clusters,
    shows=describe_bands,
    caption="Eval loss of each cluster of survivors above the mean of all survivors at the same step: the mean of the cluster, "
    "in a band from the least to the greatest loss of its trials.",
)
def clusters(ax: Axes, data: pd.DataFrame) -> None:
    """Draw the mean difference of each cluster to all survivors, in a band from its least to its greatest."""
    ax.set(xlabel="steps", ylabel="eval loss minus the mean\nof all survivors (nats)")
    if not usable(ax, data, "no clusters: too few trials survived"):
        return
    for (cluster, part), dash, colour in zip(data.groupby("cluster"), cycle(DASHES), cycle(PALETTE)):
        n = part["trials"].max()
        label = f"cluster {cluster} ({counted(n, 'trial')})"
        ax.plot(part["step"], part["mean_nats"], dash, color=colour, label=label)
        ax.fill_between(part["step"], part["low_nats"], part["high_nats"], color=colour, alpha=0.15, linewidth=0)
    ax.axhline(0, color="black", linewidth=0.8)
    legend_above(ax, 2)


def prepare_shapes(shapes: pd.DataFrame, evals: pd.DataFrame) -> pd.DataFrame:
    """Give rows `curve`: the evals of the best trials; `shape`: the numbers of every complete trial.

    `above_nats` is the loss of a curve above the median of all complete trials at the step, since their curves nearly coincide.
    """
    complete = evals[["trial", "step", "loss_nats"]].merge(shapes[["trial", "rank"]], on="trial")
    complete["above_nats"] = complete["loss_nats"] - complete.groupby("step")["loss_nats"].transform("median")
    curves = complete[complete["rank"] <= BEST].sort_values(["rank", "step"]).assign(series="curve")
    numbers = ["final_loss_nats", "warmup_flatness", "steepest_step", "convexity"]
    columns = ["series", "trial", "rank", "step", "loss_nats", "above_nats", *numbers]
    parts = [curves, shapes[["trial", "rank", *numbers]].assign(series=SHAPE)]
    data = pd.concat([part.reindex(columns=columns).astype(object) for part in parts], ignore_index=True)
    return data.astype({"trial": "Int32", "rank": "Int32", **dict.fromkeys(columns[3:], float)})


def describe_best(data: pd.DataFrame) -> str:
    """Say what shape the best curves have, from what `shapes` draws: medians over the best, and over the others."""
    numbers = data[data["series"] == SHAPE]
    steep = numbers[numbers["steepest_step"].notna()]
    best, others = (part["warmup_flatness"].dropna() for part in (steep[steep["rank"] <= BEST], steep[steep["rank"] > BEST]))
    shown = steep[(steep["rank"] <= BEST) & (steep["warmup_flatness"].notna() | best.empty)]
    if shown.empty:
        return ""
    first, last = shown["steepest_step"].min(), shown["steepest_step"].max()
    place = f"at step {first:g}" if first == last else f"between steps {first:g} and {last:g}"
    one = len(shown) == 1
    fall = "falls" if one else "fall"
    convexity = shown["convexity"].median()
    bend = "convex" if convexity > STRAIGHT else "concave" if convexity < -STRAIGHT else "nearly straight"
    after = "" if np.isnan(convexity) else f", and {'is' if one else 'are'} {bend} after that (convexity {convexity:.2f})"
    known = f"Here the best {'one' if one else len(shown)} "
    told = f"{known}{fall}" if best.empty else f"{known}{_flatness(best, others)} {'It' if one else 'They'} {fall}"
    return f"{told} most steeply {place}{after}."


def _flatness(best: pd.Series, others: pd.Series) -> str:
    """Say how flat the best curves are in warm-up, and how much of the drop of the others comes there."""
    be, their = ("is", "its") if len(best) == 1 else ("are", "their")
    kind = "flat in warm-up" if best.median() >= FLAT else "not flat in warm-up"
    beside = f" ({1 - others.median():.0%} for the others)" if len(others) else ""
    return f"{be} {kind}, where {1 - best.median():.0%} of {their} drop comes{beside}."


@figure(
    ("cluster/shapes.parquet", "sweep_bayes/evals.parquet"),
    prepare=prepare_shapes,
    shows=describe_best,
    panels=2,
    caption=f"Left: the eval loss of the {BEST} best trials minus the median of all complete ones at the same step. Right, for "
    "every complete trial of which they are known: the share of its whole drop that comes after warm-up (1 means flat in "
    "warm-up), and the convexity after the steepest drop (1: the rest comes at once, 0: evenly, -1: at the end). "
    "Trials beyond the right axis stand at its border.",
)
def shapes(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    """Draw on the left how the best curves differ from the median one, on the right the numbers of every complete trial."""
    curves, numbers = axes
    curves.set(xlabel="steps", ylabel="loss minus the median (nats)")
    numbers.set(xlabel="final eval loss (nats)", ylabel="flatness, convexity")
    if usable(curves, data[data["series"] == "curve"], "no trial completed"):
        best = data[data["series"] == "curve"].groupby("rank")
        for (rank, part), dash, colour in zip(best, cycle(DASHES), cycle(PALETTE)):
            words = "best" if rank == 1 else f"{rank}."
            curves.plot(part["step"], part["above_nats"], dash, color=colour, linewidth=1.4, label=words)
        curves.axhline(0, color="black", linewidth=1)
        legend_above(curves, 5)
    shape = data[data["series"] == SHAPE]
    if usable(numbers, shape, "no trial completed"):
        numbers.axhline(0, color="black", linewidth=1)
        across = limits(shape["final_loss_nats"])
        looks = (("warmup_flatness", "o", "flatness in warm-up"), ("convexity", "s", "convexity after the drop"))
        for name, mark, words in looks:
            places = shape["final_loss_nats"].clip(*across), shape[name]
            if shape[name].notna().any():
                points(numbers, *places, mark, alpha=0.5, label=words)
        numbers.set_xlim(across)
        legend_above(numbers, 1)
