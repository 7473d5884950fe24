"""The edge measured: curvature against what theory allows, and the learning rate at which the loss stops to fall."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.figures.drawing import legend_above, log_axes, usable
from lrsweep.figures.figure import Figure

SIDES = {"under": ("#0072B2", "o"), "over": ("#D55E00", "^")}  # colour and mark of the trials under and over the edge


def prepare_sharpness(probes: pd.DataFrame) -> pd.DataFrame:
    """One row per probe, and the theory's line as rows of `series` threshold."""
    columns = ["trial", "step", "lr", "eigenvalue", "eigenvalue_error", "critical_lr"]
    measured = probes[["side", *columns]].rename(columns={"side": "series"})
    line = probes[["lr", "threshold"]].drop_duplicates().sort_values("lr").rename(columns={"threshold": "eigenvalue"})
    both = pd.concat([measured, line.assign(series="threshold")], ignore_index=True) if len(probes) else measured
    return both.astype({"trial": "Int32", "step": "Int32"})


def draw_sharpness(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    measured = data[data["series"] != "threshold"]
    axes[0].set(xlabel="learning rate of the update", ylabel="greatest eigenvalue of the\npreconditioned Hessian")
    axes[1].set(xlabel="learning rate of the update", ylabel="critical learning rate\nalong the update")
    for ax, column in zip(axes, ("eigenvalue", "critical_lr"), strict=True):
        known = measured[measured[column].astype(float) > 0]
        if not usable(ax, known, "not measured"):
            continue
        for side, (colour, mark) in SIDES.items():
            part = known[known["series"] == side]
            ax.plot(part["lr"], part[column], mark, color=colour, alpha=0.85, label=f"{side} the edge")
        lrs = np.array([known["lr"].min(), known["lr"].max()])
        line = data[data["series"] == "threshold"] if column == "eigenvalue" else pd.DataFrame({"lr": lrs, column: lrs})
        label = "unstable above (theory)" if column == "eigenvalue" else "critical = used"
        ax.plot(line["lr"], line[column], color="black", linestyle=":", label=label)
        log_axes(ax, "xy")
        ax.tick_params(axis="x", labelrotation=45)
        legend_above(ax, 1)


SHARPNESS = Figure(
    name="sharpness",
    inputs=("sharpness/probes.parquet",),
    prepare=prepare_sharpness,
    draw=draw_sharpness,
    panels=2,
    caption=(
        "The edge measured, in trials of phase 1 that were trained again. Left: the curvature that AdamW meets against the "
        "learning rate of the update; above the dotted line, 38 over the learning rate for beta1 0.9, full-batch Adam is "
        "unstable (Cohen et al. 2022). Right: the learning rate along the update at which the loss on the batch falls no more; "
        "under the dotted line the step taken is too long. Look whether the trials hover at the lines, and on which side. The "
        "batches are small, and so sharper than all data: read orders of magnitude."
    ),
)
