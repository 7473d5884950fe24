"""The figure of the best curves, and of their shape in numbers."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.figures.drawing import DASHES, legend_above, usable
from lrsweep.figures.figure import figure

BEST = 5  # trials whose curves are drawn


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
