"""The figure of the measured edge: curvature beside its theoretical limit, and the learning rate at which steps get too long."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from lrsweep.figures.drawing import PALETTE, SHAPES, legend_above, log_axes, usable
from lrsweep.figures.figure import figure


def prepare_sharpness(probes: pd.DataFrame) -> pd.DataFrame:
    """Give one row per probe, in order of the trials' maximum LRs; rows `threshold` are the lines of both panels."""
    probes = probes.sort_values(["max_lr", "trial", "step"])
    columns = ["trial", "max_lr", "step", "lr", "eigenvalue", "eigenvalue_error", "critical_lr"]
    measured = probes[["side", *columns]].rename(columns={"side": "series"})
    line = probes[["lr", "threshold"]].drop_duplicates().sort_values("lr").rename(columns={"threshold": "eigenvalue"})
    line = line.assign(series="threshold", critical_lr=line["lr"])
    both = pd.concat([measured, line], ignore_index=True) if len(probes) else measured
    return both.astype({"trial": "Int32", "step": "Int32"})


@figure(
    ("sharpness/probes.parquet",),
    prepare=prepare_sharpness,
    panels=2,
    caption="The edge, measured in trials of phase 1 that were trained again. Each point is an update. Its mark shows the "
    "trial, by maximum learning rate, and is filled where that is below the edge. Left: the curvature that AdamW meets. "
    "Above the dotted line, which is 38 / learning rate for beta1 0.9, full-batch Adam is unstable (Cohen et al. 2022). "
    "Right: the critical learning rate, the least at which a step along the update no longer lowers the loss on the "
    "batch. Below the dotted line the step that was taken is too long. Look which trials cross a line in warm-up and "
    "come back, and which do not. The loss on a small batch has more curvature than the loss on all data, so read "
    "orders of magnitude.",
)
def sharpness(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    """Draw on the left the eigenvalue, on the right the critical LR, by the LR of the update, each with its limit."""
    measured = data[data["series"] != "threshold"]
    axes[0].set(xlabel="learning rate of the update", ylabel="greatest eigenvalue of the\npreconditioned Hessian")
    axes[1].set(xlabel="learning rate of the update", ylabel="critical learning rate\nalong the update")
    for ax, column in zip(axes, ("eigenvalue", "critical_lr"), strict=True):
        known = measured[measured[column].astype(float) > 0]
        if not usable(ax, known, "not measured"):
            continue
        line = data[data["series"] == "threshold"]
        label = "unstable above" if column == "eigenvalue" else "critical = used"
        ax.plot(line["lr"], line[column], color="black", linestyle=":", label=label)
        for i, (max_lr, part) in enumerate(known.groupby("max_lr")):
            colour, mark = PALETTE[i % len(PALETTE)], SHAPES[i % len(SHAPES)]
            fill = colour if part["series"].iloc[0] == "under" else "white"
            ax.plot(part["lr"], part[column], mark, color=colour, markerfacecolor=fill, label=f"{max_lr:.2g}")
        log_axes(ax, "xy")
        ax.tick_params(axis="x", labelrotation=45)
        legend_above(ax, 3)
