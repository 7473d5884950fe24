"""Figures of the search in phase 2: explore against exploit, each hyperparameter alone, and their importance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.analysis.features import features_of
from lrsweep.analysis.importance import Importance
from lrsweep.figures.drawing import INKLESS, MARKERS, SCALE, Style, label, legend_above, limits, log_axes, shown_range, usable
from lrsweep.figures.figure import figure
from lrsweep.search.trial import COMPLETE, DIVERGED
from lrsweep.space import Choice, Space
from lrsweep.store.tables import space_of

WINDOW = 9  # proposals in the running median of the distance
SLICES = 8  # slices of a range, each with its best trial marked
SPREAD = 0.5  # width of the strip in which the trials of a choice lie side by side
GOLDEN = 0.6180339887  # multiples of it, modulo 1, fill a strip evenly


def coordinates(trials: pd.DataFrame, space: Space) -> dict[str, np.ndarray]:
    """Give the coordinates of each name, float64 of shape (trials, coordinates); each name adds at most 1 to a distance.

    A number is its share of the range tried, on its scale. Each choice is a coordinate, sqrt(1/2) where it was taken and else 0.
    """
    found = {}
    for name, features in features_of(trials, space).items():
        above = features - features.min(initial=np.inf)
        found[name] = features * np.sqrt(0.5) if space.is_choice(name) else above / (above.max(initial=0.0) or 1.0)
    return found


def prepare_exploration(trials: pd.DataFrame, proposals: pd.DataFrame) -> pd.DataFrame:
    """Give for each trial, in order: its metric, the best final loss before it, and its distance from the trial with that loss.

    `distance`: root mean square over the names of the space, in shares of the range tried, where another choice counts as the
    whole range. 0 is the same configuration, 1 the opposite corner. It is missing while no trial has completed.
    """
    space = space_of(trials)
    columns = ["trial", "state", *space, "steps", "metric", "last_loss_nats", "final_loss_nats"]
    data = trials[columns].merge(proposals[["trial", "sampler"]], on="trial").sort_values("trial", ignore_index=True)
    data.loc[data["state"] == DIVERGED, ["metric", "last_loss_nats"]] = np.nan
    best_nats = data["final_loss_nats"].astype(float).cummin().ffill().shift()
    best = [data["final_loss_nats"].eq(nats).idxmax() for nats in best_nats]  # without a best one, any trial
    places = np.hstack(list(coordinates(data, space).values()))
    distances = pd.Series(np.sqrt(((places - places[best]) ** 2).sum(axis=1) / len(space))).where(best_nats.notna())
    median = distances.rolling(WINDOW, min_periods=1).median()
    data = data.assign(best_before_nats=best_nats, distance=distances, median_distance=median)
    return data.rename(columns={"state": "series"}).drop(columns="final_loss_nats")


@figure(
    ("sweep_bayes/trials.parquet", "sweep_bayes/proposals.parquet"),
    prepare=prepare_exploration,
    caption="Explore against exploit: the distance of each proposal of phase 2 from the best trial before it, coloured by the "
    "metric that steers the study (lower is better). The distance should shrink once the sampler fits a model, and some "
    "far proposals should remain. A sampler that never comes near the best has not converged, and one that never leaves "
    "it may have missed a better region.",
)
def exploration(ax: Axes, data: pd.DataFrame) -> None:
    """Draw a point for each proposal, coloured by its metric, and the running median of the distances."""
    ax.set(xlabel="trial, in the order of proposal", ylabel="distance from the best so far\n(share of the range tried)")
    placed = data[data["distance"].notna()]
    if not usable(ax, placed, "no trial completed before the last one"):
        return
    fitted = data.loc[data["sampler"].isin(["mfgp", "gp", "tpe"]), "trial"]
    if len(fitted):
        ax.axvline(fitted.min() - 0.5, color="black", linestyle=":", label="first fitted proposal")
    low, high = shown_range(placed["metric"])
    scale: Style = {"cmap": SCALE, "vmin": low, "vmax": high}
    for state, part in placed.groupby("series"):
        known = part["metric"].notna()
        style: Style = {"marker": MARKERS[str(state)], "s": 60, "edgecolors": "black", "linewidths": 0.6, "zorder": 3}
        ax.scatter(part["trial"][~known], part["distance"][~known], color=INKLESS, **style)
        metric = part["metric"][known].astype(float)
        points = ax.scatter(part["trial"][known], part["distance"][known], c=metric, **scale, **style)
        ax.plot([], [], MARKERS[str(state)], color="white", markeredgecolor="black", label=str(state).lower())
    ax.plot(placed["trial"], placed["median_distance"], color="black", linewidth=1.6, label=f"median of {WINDOW}")
    label = "steering metric, last value\n(lower is better)"
    ax.figure.colorbar(points, ax=ax, label=label, extend="max", pad=0.02, fraction=0.06)
    ax.set_ylim(bottom=-0.02)
    legend_above(ax, 3)


def prepare_importance(importance: Importance) -> pd.DataFrame:
    """Give one row per hyperparameter: its importance and its interval, as shares."""
    columns = ["hyperparameter", "importance", "low", "high"]
    return pd.DataFrame([vars(row) for row in importance.importances], columns=columns)


@figure(
    ("importance/importance.json",),
    prepare=prepare_importance,
    caption="The share of the variance of the final loss that each hyperparameter explains alone, over the range that phase 2 "
    "tried (functional ANOVA, Hutter et al. 2014), with 95 % intervals over resamples of the trials. The order is "
    "certain only where the intervals do not overlap.",
)
def importance(ax: Axes, data: pd.DataFrame) -> None:
    """Draw a bar for each hyperparameter, in percent, with its interval."""
    ax.set(xlabel="share of the variance of the final loss (%)")
    if not usable(ax, data, "too few complete trials"):
        return
    y, middle = np.arange(len(data))[::-1], 100 * data["importance"].to_numpy(float)
    spread = np.nan_to_num([middle - 100 * data["low"].astype(float), 100 * data["high"].astype(float) - middle]).clip(0)
    ax.barh(y, middle, height=0.5, color="#56B4E9", label="importance")
    ax.errorbar(middle, y, xerr=spread, fmt="none", color="black", capsize=6, label="95 % interval")
    ax.set(yticks=y, yticklabels=[label(name) for name in data["hyperparameter"]], xlim=(0, 105))
    legend_above(ax, 2)


def prepare_isolation(trials: pd.DataFrame) -> pd.DataFrame:
    """Give one row per complete trial and name; `best` marks the least final loss of a slice of the range, or of a choice.

    `scale` is linear, log or choice. Numbers are in `value`; choices are in `choice`, as text in the order of the space.
    """
    space, parts = space_of(trials), []
    complete = trials[trials["state"] == COMPLETE].sort_values("trial", ignore_index=True)
    losses = complete["final_loss_nats"].astype(float)
    for name, places in coordinates(complete, space).items():
        one, part = space[name], complete[["trial", "final_loss_nats"]].assign(hyperparameter=name)
        if isinstance(one, Choice):
            slices = places.argmax(axis=1)
            part = part.assign(scale="choice", value=np.nan, choice=complete[name].astype(str))
        else:
            slices = np.minimum((places[:, 0] * SLICES).astype(int), SLICES - 1)
            part = part.assign(scale=one.scale, value=complete[name].astype(float), choice=None)
        part = part.assign(best=losses == losses.groupby(slices).transform("min"))
        parts.append(part.iloc[np.argsort(slices, kind="stable")] if isinstance(one, Choice) else part)
    columns = ["hyperparameter", "scale", "trial", "value", "choice", "final_loss_nats", "best"]
    return pd.concat([part.astype({"choice": object}) for part in parts], ignore_index=True)[columns]


def strip(part: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """Give the choices of a name, and the places of its trials: side by side around the number of their choice."""
    choices = list(dict.fromkeys(part["choice"]))
    places = part["trial"].to_numpy(float) * GOLDEN % 1 - 0.5
    return choices, part["choice"].map(choices.index).to_numpy(float) + SPREAD * places


@figure(
    ("sweep_bayes/trials.parquet",),
    prepare=prepare_isolation,
    panels=lambda data: data["hyperparameter"].nunique(),
    caption="Final loss of the complete trials of phase 2 against each hyperparameter, whatever the values of the others, with "
    f"the best of each of {SLICES} slices of the range (line) or of each choice. Look how steeply the best rises away "
    "from its lowest point: where it is flat, the hyperparameter hardly matters, and its chosen value is not precise.",
)
def isolation(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    """Draw a panel for each name: every complete trial, and the best of each slice or choice."""
    for ax in axes:
        place = ax.get_subplotspec()
        if place and place.is_first_col():
            ax.set_ylabel("final eval loss (nats)")
        else:
            ax.tick_params(axis="y", labelleft=False)
    if not usable(axes[0], data, "no trial completed"):
        return
    for ax, (name, part) in zip(axes, data.groupby("hyperparameter", sort=False), strict=True):
        ax.set(xlabel=label(str(name)), ylim=limits(part["final_loss_nats"].astype(float)))
        _draw_panel(ax, part)
    axes[0].figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)


def _draw_panel(ax: Axes, part: pd.DataFrame) -> None:
    if part["scale"].iloc[0] == "choice":
        choices, places = strip(part)
        ax.set_xticks(range(len(choices)), choices)
        ax.set_xlim(-0.6, len(choices) - 0.4)
        line = "D"
    else:
        part = part.sort_values("value")
        places, line = part["value"].to_numpy(float), "D-"
    best = part["best"].to_numpy(bool)
    ax.plot(places, part["final_loss_nats"], "o", color="#0072B2", alpha=0.45, label="complete trial")
    ax.plot(places[best], part["final_loss_nats"][best], line, color="#D55E00", linewidth=1.5, label="best of its slice")
    if part["scale"].iloc[0] == "log":
        log_axes(ax, "x")
    ax.tick_params(axis="x", labelrotation=0 if line == "D" else 45)
