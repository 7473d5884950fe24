"""Figures of phase 1: loss, gradient norm and spikes by learning rate, and the curvature that was measured around the edge."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.analysis.crossings import AFTER, CURVATURE, STEP, Measured
from lrsweep.analysis.edge import Edge
from lrsweep.analysis.scaling import Scaling
from lrsweep.figures.drawing import (
    BROKE,
    DASHES,
    LRS,
    NEAR,
    PALETTE,
    SHAPES,
    STABLE,
    Style,
    draw_lrs,
    draw_states,
    legend_above,
    legend_over,
    limits,
    log_axes,
    points,
    usable,
)
from lrsweep.figures.figure import figure
from lrsweep.search.trial import DIVERGED

RUN, REFINING = "run", "refining"
RISE = "rise of the norm"


def _with_lrs(data: pd.DataFrame, edge: Edge | None) -> pd.DataFrame:
    """Add a row for the largest near-optimal and for the maximum stable LR, where they are known."""
    found = zip(LRS, (edge.near_optimal_lr, edge.max_stable_lr) if edge else (), strict=False)
    marks = [{"series": series, "lr": one.lr} for series, one in found if one and one.lr is not None]
    return pd.DataFrame(data.to_dict("records") + marks, columns=data.columns)


def _by_lr(bins: pd.DataFrame, needed: str, edge: Edge) -> pd.DataFrame:
    """Give the bins with a value in this column, at their middles in log LR, and the LRs of the edge."""
    known = bins[bins[needed].notna()].rename(columns={"stage": "series", "n_steps": "steps"})
    return _with_lrs(known.assign(lr=np.sqrt(known["lr_low"] * known["lr_high"])), edge)


def prepare_lr_grad_norm(bins: pd.DataFrame, edge: Edge) -> pd.DataFrame:
    """Give one row per bin with steps, at its middle in log LR, and rows for the LRs of the edge and of the rise of the norm."""
    data = _by_lr(bins, "grad_norm_p50", edge)[["series", "lr", "grad_norm_p05", "grad_norm_p50", "grad_norm_p95"]]
    if edge.norm_rise is None or edge.norm_rise.lr.lr is None:
        return data
    return pd.DataFrame([*data.to_dict("records"), {"series": RISE, "lr": edge.norm_rise.lr.lr}], columns=data.columns)


@figure(
    ("edge/bins.parquet", "edge/edge.json"),
    prepare=prepare_lr_grad_norm,
    caption="Gradient norm before clipping of the steps of phase 1, by the learning rate of the step: median (line) and 5 to 95 "
    "% (band), separately for warm-up and decay. The lines are the largest near-optimal and the maximum stable LR, and the LR at "
    "which the norm begins to rise in warm-up.",
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
    draw_lrs(ax, data)
    for lr in data.loc[data["series"] == RISE, "lr"]:
        ax.axvline(lr, color="black", linestyle="-.", linewidth=1.2, label="the norm begins to rise")
    log_axes(ax, "xy")
    legend_above(ax, 2)


BAND, BREAKS, ANSWER = "band", "probability of a break", "answer"
READ = {  # how the rows of a series are drawn
    BAND: "In the shaded band the loss is within 0.5 % of the best.",
    NEAR: "Up to the dotted line it is near-optimal.",
    STABLE: "Up to the dashed line training is stable.",
    ANSWER: "The solid line is the learning rate for the final training.",
    BREAKS: "The grey curve is the probability that training breaks, on the right axis.",
    BROKE: "Crosses are runs that broke.",
}


def prepare_loss_by_lr(
    trials: pd.DataFrame, refined: pd.DataFrame, edge: Edge | None, law: Scaling | None = None
) -> pd.DataFrame:
    """Give one row per trial, by its state or `broke`, then the runs that refine phase 1, and rows of what was found.

    Those are the LRs of the edge, both ends of the band, the probability of a break at each LR, and the final training's LR.
    """
    broke = trials["trial"].isin([row.trial for row in edge.trials if row.unstable] if edge else [])
    own = trials.assign(broke=broke, runs="phase 1")
    more = refined.assign(broke=refined["unstable"].eq(True), runs=REFINING, trial=refined["run"])
    columns = ["series", "runs", "trial", "lr", "final_loss_nats"]
    both = [one.assign(series=one["state"].mask(one["broke"] & (one["state"] != DIVERGED), BROKE)) for one in (own, more)]
    found = [one[columns].astype({"final_loss_nats": float}) for one in both if len(one)]
    data = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)
    data = _with_lrs(data.assign(probability=np.nan), edge)
    if edge:
        ends = [{"series": BAND, "lr": one.lr} for one in (edge.band_low_lr, edge.band_high_lr) if one]
        curve = [{"series": BREAKS, **vars(point)} for point in edge.break_curve]
        data = pd.DataFrame(data.to_dict("records") + ends + curve, columns=data.columns)
    if law and law.lr is not None:
        data = pd.DataFrame([*data.to_dict("records"), {"series": ANSWER, "lr": law.lr}], columns=data.columns)
    return data.astype({"trial": "Int32", "final_loss_nats": float, "probability": float})


def describe_runs(data: pd.DataFrame) -> str:
    """Say what the marks are, which run is best, and which runs are cut off."""
    told = [words for series, words in READ.items() if series in set(data["series"])]
    runs = data[data["trial"].notna()]
    added, losses = (runs["runs"] == REFINING).sum(), runs["final_loss_nats"]
    if added:
        told.insert(0, f"Framed are the {added} runs that were added after phase 1.")
    if losses.notna().any():
        best = runs.loc[losses.idxmin()]
        told.append(f"The lowest loss of a run is {best['final_loss_nats']:.3f} nats, at {best['lr']:.3g}.")
        if over := (losses.isna() | (losses > limits(losses)[1])).sum():
            told.append(f"At the upper border: {over} of {len(runs)} runs, which diverged or lie above the axis.")
    return " ".join(told)


@figure(
    ("sweep_uniform/trials.parquet", "edge/refined.parquet", "edge/edge.json", "scale/law.json"),
    prepare=prepare_loss_by_lr,
    shows=describe_runs,
    caption="Final loss of the runs of phase 1 by their maximum learning rate.",
)
def loss_by_lr(ax: Axes, data: pd.DataFrame) -> None:
    """Draw runs by state over their maximum learning rate, with the LRs that were found and the probability of a break."""
    ax.set(xlabel="maximum learning rate", ylabel="final eval loss (nats)")
    runs = data[data["trial"].notna()]
    if not usable(ax, runs, "no trial"):
        return
    curve = data[data["series"] == BREAKS]
    if len(curve):
        right = ax.twinx()
        right.plot(curve["lr"], curve["probability"], color="#777777", linewidth=1.5)
        right.set(ylim=(0, 1.02), ylabel="probability that training breaks")
        right.grid(False)
        ax.plot([], [], color="#777777", linewidth=1.5, label="probability of a break")
        ax.set_zorder(right.get_zorder() + 1)
        ax.patch.set_visible(False)
    draw_states(ax, runs, "lr", "final_loss_nats")
    more = runs[runs["runs"] == REFINING]
    heights = more["final_loss_nats"].fillna(np.inf).clip(upper=ax.get_ylim()[1])
    style: Style = {"markersize": 11, "color": "#555555", "markerfacecolor": "none", "zorder": 4, "label": "added run"}
    points(ax, more["lr"], heights, "s", **style)
    draw_lrs(ax, data)
    band = data.loc[data["series"] == BAND, "lr"]
    if len(band) == 2:
        ax.axvspan(band.min(), band.max(), color="#009E73", alpha=0.25, linewidth=0, label="within 0.5 %")
    for lr in data.loc[data["series"] == ANSWER, "lr"]:
        ax.axvline(lr, color="#D55E00", linewidth=1.5, label="final training")
    log_axes(ax, "x")
    legend_above(ax, 3)


def prepare_spikes(bins: pd.DataFrame, edge: Edge) -> pd.DataFrame:
    """Give a row per run, at its maximum LR, one per bin with judged steps, at its middle in log LR, and the LRs of the edge."""
    runs = [
        {"series": RUN, "trial": one.trial, "lr": one.lr, "spikes": one.spikes, "spike_rate": one.spike_rate}
        for one in edge.trials
        if one.spike_rate is not None
    ]
    steps = _by_lr(bins, "spike_rate", edge)
    columns = ["series", "trial", "lr", "steps", "spikes", "spike_rate"]
    data = pd.DataFrame([*runs, *steps.reindex(columns=columns).to_dict("records")], columns=columns)
    return data.astype({"trial": "Int32", "steps": "Int64", "spikes": "Int64", "spike_rate": float})


def describe_spikes(data: pd.DataFrame) -> str:
    """Say which runs have the spikes."""
    runs = data[data["series"] == RUN]
    spiked = runs[runs["spikes"] > 0]
    if runs.empty:
        return ""
    if spiked.empty:
        return f"Here none of {len(runs)} runs spiked."
    return (
        f"Here {len(spiked)} of {len(runs)} runs have all {spiked['spikes'].sum()} spikes. The lowest of their maximum learning "
        f"rates is {spiked['lr'].min():.3g}, so steps that spike at a lower one are of runs that came down from there."
    )


@figure(
    ("edge/bins.parquet", "edge/edge.json"),
    prepare=prepare_spikes,
    shows=describe_spikes,
    caption="Spikes of the gradient norm in phase 1: as a share of the steps of each run, at its maximum learning rate "
    "(diamonds), and of all steps at a learning rate, in warm-up and in decay (lines). A spike is a step whose norm is far above "
    "the running median before it.",
)
def spikes(ax: Axes, data: pd.DataFrame) -> None:
    """Draw the share of the steps that are spikes: a point for each run, and by the learning rate of the step as lines."""
    ax.set(xlabel="learning rate: maximum of the run, or of the step", ylabel="spikes (% of the steps)")
    rates = data[data["spike_rate"].notna()]
    if not usable(ax, rates, "no step with a full window before it"):
        return
    runs = rates[rates["series"] == RUN]
    points(ax, runs["lr"], 100 * runs["spike_rate"], "D", color="black", alpha=0.7, zorder=3, label=RUN)
    for (name, part), colour, dash in zip(rates[rates["series"] != RUN].groupby("series"), PALETTE, DASHES, strict=False):
        part = part.sort_values("lr")
        ax.plot(part["lr"], 100 * part["spike_rate"], dash, color=colour, linewidth=1.4, label=f"steps in {name}")
    draw_lrs(ax, data)
    log_axes(ax, "x")
    ax.set_ylim(bottom=0)
    legend_above(ax, 2)


RATIOS = {"curvature_ratio": CURVATURE, "step_ratio": STEP}


def prepare_sharpness(probes: pd.DataFrame, measured: Measured, edge: Edge) -> pd.DataFrame:
    """Give one row per probe, with both ratios, and rows for the crossings and the LRs of the edge."""
    data = probes.sort_values(["max_lr", "trial", "step"]).assign(
        series=probes["part"],
        curvature_ratio=probes["eigenvalue"] / probes["threshold"],
        step_ratio=probes["lr"] / probes["critical_lr"],
        lr=probes["max_lr"],
    )
    data = _with_lrs(data[["series", "trial", "step", "lr", *RATIOS]], edge)
    ends = [
        {"series": f"{one.quantity} {one.part}, crossing", "lr": lr}
        for one in measured.crossings
        for lr in (one.lr.low, one.lr.lr, one.lr.high)
        if lr is not None
    ]
    data = pd.DataFrame(data.to_dict("records") + ends, columns=data.columns)
    return data.astype({"trial": "Int32", "step": "Int32"} | dict.fromkeys(RATIOS, float))


@figure(
    ("sharpness/probes.parquet", "sharpness/crossings.json", "edge/edge.json"),
    prepare=prepare_sharpness,
    panels=2,
    caption="Curvature, measured before updates of runs at learning rates across which training becomes unstable. Left: the "
    "greatest curvature that AdamW meets, divided by the one above which full-batch Adam is unstable, 38 / learning rate for "
    "beta1 0.9 (Cohen et al. 2022). Right: the learning rate, divided by the smallest one at which a step along the update stops "
    "lowering the loss on the batch. Above the line at 1 training is unstable by that measure. A shaded range is the interval of "
    "the learning rate from which half of the runs lie above it after warm-up. The loss on a small batch has more curvature than "
    "the loss on all data, so read orders of magnitude.",
)
def sharpness(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    """Draw both ratios by the maximum LR of the run, in warm-up and after, with the line at 1."""
    for ax, (column, quantity) in zip(axes, RATIOS.items(), strict=True):
        ax.set(xlabel="maximum learning rate", ylabel=quantity.replace(" over ", "\nover "))
        known = data[data[column] > 0]
        if not usable(ax, known, "not measured"):
            continue
        ax.axhline(1, color="#D55E00", linewidth=1, label="unstable above")
        for (part, runs), colour, mark in zip(known.groupby("series", sort=False), PALETTE, SHAPES, strict=False):
            ax.plot(runs["lr"], runs[column], mark, color=colour, alpha=0.8, label=part)
        ends = data.loc[data["series"] == f"{quantity} {AFTER}, crossing", "lr"]
        if len(ends) == 3:
            ax.axvspan(ends.min(), ends.max(), color="#999999", alpha=0.25, linewidth=0)
        draw_lrs(ax, data)
        log_axes(ax, "xy")
        ax.tick_params(axis="x", labelrotation=45)
    legend_over(axes, 3)
