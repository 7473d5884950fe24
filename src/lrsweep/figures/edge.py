"""Figures of phase 1: loss, gradient norm and spikes by learning rate, and the curvature that was measured around the edge."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.analysis.edge import Edge
from lrsweep.figures.drawing import DASHES, NEVER, PALETTE, SHAPES, draw_edge, draw_states, legend_above, log_axes, usable
from lrsweep.figures.figure import figure


def _marked(data: pd.DataFrame, **lrs: float | None) -> pd.DataFrame:
    """Add a row for each LR that is known; its series is its name."""
    marks = [{"series": name.replace("_", " "), "lr": lr} for name, lr in lrs.items() if lr is not None]
    return pd.DataFrame(data.to_dict("records") + marks, columns=data.columns)


def _by_lr(bins: pd.DataFrame, needed: str, edge: Edge) -> pd.DataFrame:
    """Give the bins with a value in this column, at their middles in log LR, and the row `edge`."""
    known = bins[bins[needed].notna()].rename(columns={"stage": "series", "n_steps": "steps"})
    return _marked(known.assign(lr=np.sqrt(known["lr_low"] * known["lr_high"])), edge=edge.edge_lr)


def prepare_lr_grad_norm(bins: pd.DataFrame, edge: Edge) -> pd.DataFrame:
    """Give one row per bin with steps, at its middle in log LR; the row `edge` marks the edge."""
    return _by_lr(bins, "grad_norm_p50", edge)[["series", "lr", "grad_norm_p05", "grad_norm_p50", "grad_norm_p95"]]


@figure(
    ("edge/bins.parquet", "edge/edge.json"),
    prepare=prepare_lr_grad_norm,
    caption="Gradient norm before clipping of the steps of phase 1, by the learning rate of the step: median (line) and 5 to 95 "
    "% (band), separately for warm-up and decay. The dotted line is the edge, which is found from the loss alone. Look "
    "whether the norm or its spread rises there too.",
)
def lr_grad_norm(ax: Axes, data: pd.DataFrame) -> None:
    """Draw the median and the 5 to 95 % band of the gradient norm by learning rate, separately for warm-up and decay."""
    ax.set(xlabel="learning rate of the step", ylabel="gradient norm before clipping")
    norms = data[data["grad_norm_p50"] > 0]
    if not usable(ax, norms, "no step with a finite gradient norm"):
        return
    for (name, part), colour, dash in zip(norms.groupby("series"), PALETTE, DASHES, strict=False):
        part = part.sort_values("lr")
        low = part["grad_norm_p05"].where(part["grad_norm_p05"] > 0, part["grad_norm_p50"])
        ax.fill_between(part["lr"], low, part["grad_norm_p95"], color=colour, alpha=0.2, linewidth=0)
        ax.plot(part["lr"], part["grad_norm_p50"], dash, color=colour, marker="o", markersize=4, label=name)
    draw_edge(ax, data)
    log_axes(ax, "xy")
    ax.legend()


def prepare_loss_by_lr(trials: pd.DataFrame, edge: Edge) -> pd.DataFrame:
    """Give one row per trial, by its state or `never recovered`; `edge`, `edge low` and `edge high` mark the edge."""
    never = trials["trial"].isin([row.trial for row in edge.trials if row.never_recovered])
    rows = trials.assign(series=trials["state"].mask(never, NEVER))[["series", "trial", "lr", "final_loss_nats"]]
    data = _marked(rows, edge=edge.edge_lr, edge_low=edge.edge_low_lr, edge_high=edge.edge_high_lr)
    return data.astype({"trial": "Int32", "final_loss_nats": float})


@figure(
    ("sweep_uniform/trials.parquet", "edge/edge.json"),
    prepare=prepare_loss_by_lr,
    caption="Final loss of each trial of phase 1 by its maximum learning rate. Look for the valley and for its upper end: the "
    "dotted line is the edge, with its interval shaded. Crosses are trials that ended no better than after warm-up. "
    "Diverged trials stand at the upper border.",
)
def loss_by_lr(ax: Axes, data: pd.DataFrame) -> None:
    """Draw trials by state over their maximum learning rate, with the edge and its interval."""
    ax.set(xlabel="maximum learning rate", ylabel="final eval loss (nats)")
    runs = data[data["trial"].notna()]
    if not usable(ax, runs, "no trial"):
        return
    draw_states(ax, runs, "lr", "final_loss_nats")
    draw_edge(ax, data)
    borders = data.loc[data["series"].isin(["edge low", "edge high"]), "lr"]
    if len(borders) == 2:
        ax.axvspan(borders.min(), borders.max(), color="black", alpha=0.12, linewidth=0, label="its interval")
    log_axes(ax, "x")
    legend_above(ax, 3)


def prepare_spikes(bins: pd.DataFrame, edge: Edge) -> pd.DataFrame:
    """Give one row per bin with judged steps, at its middle in log LR; the row `edge` marks the edge."""
    return _by_lr(bins, "spike_rate", edge)[["series", "lr", "steps", "spike_rate"]].astype({"steps": "Int64"})


@figure(
    ("edge/bins.parquet", "edge/edge.json"),
    prepare=prepare_spikes,
    caption="Spikes of the gradient norm as a share of the steps at each learning rate of phase 1. A spike is a step whose norm "
    "is far above the running median before it. Look where spikes begin, since training starts to break there. That may "
    "be far above the edge (dotted), where only the loss gets worse.",
)
def spikes(ax: Axes, data: pd.DataFrame) -> None:
    """Draw the share of the steps that are spikes by learning rate, separately for warm-up and decay."""
    ax.set(xlabel="learning rate of the step", ylabel="spikes (% of the steps)")
    rates = data[data["spike_rate"].notna()]
    if not usable(ax, rates, "no step with a full window before it"):
        return
    for (name, part), colour, dash in zip(rates.groupby("series"), PALETTE, DASHES, strict=False):
        part = part.sort_values("lr")
        (line,) = ax.plot(part["lr"], 100 * part["spike_rate"], dash, color=colour, marker="o", markersize=5, label=name)
        line.set_clip_on(False)  # a marker at 0 is whole
    draw_edge(ax, data)
    log_axes(ax, "x")
    ax.set_ylim(bottom=0)
    legend_above(ax, 3)


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
