"""Figures of how phase 2 searched: explore against exploit, and the best loss against each hyperparameter."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.config.params import VARIED
from lrsweep.figures.drawing import INKLESS, LABELS, MARKERS, SCALE, Style, legend_above, log_axes, shown_range, usable
from lrsweep.figures.figure import Figure
from lrsweep.search.trial import COMPLETE, DIVERGED

LOGARITHMIC = ("lr", "weight_decay")  # hyperparameters whose ratios count; those of beta2 are differences
WINDOW = 9  # proposals in the running median of the distance
SLICES = 8  # of a hyperparameter's range, in each of which the best trial is marked


def scaled(trials: pd.DataFrame) -> pd.DataFrame:
    """The hyperparameters as shares of the range tried, 0 to 1, where they are logarithmic of that of their logarithm."""
    columns = {}
    for name in VARIED:
        values = np.log(trials[name]) if name in LOGARITHMIC else trials[name]
        width = values.max() - values.min()
        columns[name] = (values - values.min()) / width if width > 0 else values * 0.0
    return pd.DataFrame(columns, index=trials.index)


def prepare_exploration(trials: pd.DataFrame, proposals: pd.DataFrame) -> pd.DataFrame:
    """Per trial, in order: its metric, the best final loss before it, and its distance from the trial that had it.

    `distance`: root mean square over the hyperparameters, in shares of the range tried; 0 is the same place, 1 the opposite
    corner. It is missing while no trial has completed.
    """
    columns = ["trial", "state", *VARIED, "steps", "metric", "last_loss_nats", "final_loss_nats"]
    data = trials[columns].merge(proposals[["trial", "sampler"]], on="trial").sort_values("trial", ignore_index=True)
    data.loc[data["state"] == DIVERGED, ["metric", "last_loss_nats"]] = np.nan
    finals, places = data["final_loss_nats"].astype(float).to_numpy(), scaled(data).to_numpy(float)
    best_nats, distances, best = [], [], None
    for k in range(len(data)):
        best_nats.append(finals[best] if best is not None else np.nan)
        distances.append(float(np.sqrt(((places[k] - places[best]) ** 2).mean())) if best is not None else np.nan)
        if np.isfinite(finals[k]) and (best is None or finals[k] < finals[best]):
            best = k
    median = pd.Series(distances, dtype=float).rolling(WINDOW, min_periods=1).median()
    data = data.assign(best_before_nats=np.array(best_nats, float), distance=np.array(distances, float), median_distance=median)
    return data.rename(columns={"state": "series"}).drop(columns="final_loss_nats")


def draw_exploration(ax: Axes, data: pd.DataFrame) -> None:
    """A point for each proposal, coloured by its metric, and the running median of the distances."""
    ax.set(xlabel="trial, in the order of proposal", ylabel="distance from the best so far\n(share of the range tried)")
    placed = data[data["distance"].notna()]
    if not usable(ax, placed, "no trial completed before the last one"):
        return
    fitted = data.loc[data["sampler"].isin(["mfgp", "gp", "tpe"]), "trial"]
    if len(fitted):
        ax.axvline(fitted.min() - 0.5, color="black", linestyle=":", label="first fitted proposal")
    low, high = shown_range(placed["metric"])
    for state, part in placed.groupby("series"):
        known = part["metric"].notna()
        style: Style = {"marker": MARKERS[str(state)], "s": 60, "edgecolors": "black", "linewidths": 0.6, "zorder": 3}
        ax.scatter(part["trial"][~known], part["distance"][~known], color=INKLESS, **style)
        points = ax.scatter(
            part["trial"][known],
            part["distance"][known],
            c=part["metric"][known].astype(float),
            cmap=SCALE,
            vmin=low,
            vmax=high,
            **style,
        )
        ax.plot([], [], MARKERS[str(state)], color="white", markeredgecolor="black", label=str(state).lower())
    ax.plot(placed["trial"], placed["median_distance"], color="black", linewidth=1.6, label=f"median of {WINDOW}")
    label = "steering metric, last value\n(lower is better)"
    ax.figure.colorbar(points, ax=ax, label=label, extend="max", pad=0.02, fraction=0.06)
    ax.set_ylim(bottom=-0.02)
    legend_above(ax, 3)


EXPLORATION = Figure(
    name="exploration",
    inputs=("sweep_bayes/trials.parquet", "sweep_bayes/proposals.parquet"),
    prepare=prepare_exploration,
    draw=draw_exploration,
    caption=(
        "Explore against exploit: how far each proposal of phase 2 lies from the best trial before it, coloured by the metric "
        "that steers the study (lower is better). Look for the distance shrinking once the sampler fits, and for the far "
        "proposals that remain: a sampler that never comes near the best has not converged, one that never leaves it may have "
        "missed something."
    ),
)


def prepare_isolation(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per complete trial and hyperparameter; `best` marks the least final loss of its slice of the range."""
    complete = trials[trials["state"] == COMPLETE].sort_values("trial", ignore_index=True)
    places, parts = scaled(complete), []
    for name in VARIED:
        part = complete[["trial", "final_loss_nats"]].assign(hyperparameter=name, value=complete[name])
        slices = np.minimum((places[name].to_numpy(float) * SLICES).astype(int), SLICES - 1)
        least = part["final_loss_nats"].astype(float).groupby(slices).transform("min")
        parts.append(part.assign(best=part["final_loss_nats"].astype(float) == least))
    return pd.concat(parts, ignore_index=True)[["hyperparameter", "trial", "value", "final_loss_nats", "best"]]


def draw_isolation(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    """A panel for each hyperparameter: every complete trial, and a line through the best of each slice."""
    axes[0].set_ylabel("final eval loss (nats)")
    for ax, name in zip(axes, VARIED, strict=True):
        ax.set_xlabel(LABELS[name])
        part = data[data["hyperparameter"] == name].sort_values("value")
        if not usable(ax, part, "no trial completed"):
            continue
        best = part[part["best"].astype(bool)]
        ax.plot(part["value"], part["final_loss_nats"], "o", color="#0072B2", alpha=0.45, label="complete trial")
        ax.plot(best["value"], best["final_loss_nats"], "D-", color="#D55E00", linewidth=1.5, label="best of its slice")
        ax.set_ylim(*_margins(part["final_loss_nats"].astype(float)))
        if name in LOGARITHMIC:
            log_axes(ax, "x")
        ax.tick_params(axis="x", labelrotation=45)
    for ax in axes[1:]:
        ax.tick_params(axis="y", labelleft=False)
    if not data.empty:
        legend_above(axes[1], 2)


def prepare_importance(importance: dict[str, Any]) -> pd.DataFrame:
    """One row per hyperparameter: its importance and its interval, as shares."""
    columns = ["hyperparameter", "importance", "low", "high"]
    return pd.DataFrame([{name: row[name] for name in columns} for row in importance["importances"]], columns=columns)


def draw_importance(ax: Axes, data: pd.DataFrame) -> None:
    """A bar for each hyperparameter, in percent, with its interval."""
    ax.set(xlabel="share of the variance of the final loss (%)")
    if not usable(ax, data, "too few complete trials"):
        return
    y, middle = np.arange(len(data))[::-1], 100 * data["importance"].to_numpy(float)
    spread = np.nan_to_num([middle - 100 * data["low"].astype(float), 100 * data["high"].astype(float) - middle]).clip(0)
    ax.barh(y, middle, height=0.5, color="#56B4E9", label="importance")
    ax.errorbar(middle, y, xerr=spread, fmt="none", color="black", capsize=6, label="95 % interval")
    ax.set(yticks=y, yticklabels=[LABELS[name] for name in data["hyperparameter"]], xlim=(0, 105))
    legend_above(ax, 2)


IMPORTANCE = Figure(
    name="importance",
    inputs=("importance/importance.json",),
    prepare=prepare_importance,
    draw=draw_importance,
    caption=(
        "How much of the variance of the final loss each hyperparameter explains alone, over the range that phase 2 tried "
        "(functional ANOVA, Hutter et al. 2014), with 95 % intervals over resamples of the trials. Look whether the intervals "
        "are apart before ranking."
    ),
)


def _margins(losses: pd.Series) -> tuple[float, float]:
    low, high = shown_range(losses)
    margin = 0.1 * (high - low) or 0.1
    return low - margin, high + 2 * margin


ISOLATION = Figure(
    name="isolation",
    inputs=("sweep_bayes/trials.parquet",),
    prepare=prepare_isolation,
    draw=draw_isolation,
    panels=len(VARIED),
    caption=(
        "Final loss of the complete trials of phase 2 against each hyperparameter, whatever the others were, with the best of "
        f"each of {SLICES} slices of the range (line). Look how steeply the best rises away from its lowest point: a flat line "
        "says that the hyperparameter hardly matters there, and that its chosen value is not precise."
    ),
)
