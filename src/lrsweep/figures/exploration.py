"""Figures of the search in phase 2: explore against exploit, each hyperparameter alone, and their importance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.analysis.features import features_of
from lrsweep.analysis.importance import Importance
from lrsweep.figures.drawing import (
    INKLESS,
    MARKERS,
    SCALE,
    Style,
    label,
    legend_above,
    legend_over,
    limits,
    log_axes,
    points,
    shown_range,
    usable,
)
from lrsweep.figures.figure import figure
from lrsweep.search.trial import COMPLETE, DIVERGED
from lrsweep.space import Choice, Space
from lrsweep.store.tables import space_of

FITTED = ("mfgp", "gp", "tpe")  # samplers that fit a model
WINDOW = 9  # proposals in the running median of the distance
SLICES, FEWEST = 8, 4  # slices of a range at most; trials of a slice at least
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


def describe_distance(data: pd.DataFrame) -> str:
    """Say how the distance of the fitted proposals changed from their first third to their last."""
    fitted = data.loc[data["sampler"].isin(FITTED) & data["distance"].notna(), "distance"]
    third = len(fitted) // 3
    if not third:
        return ""
    first, last = fitted.iloc[:third].median(), fitted.iloc[-third:].median()
    return (
        f"Here the median distance is {first:.2f} in the first third of the proposals that a model was fitted for, and "
        f"{last:.2f} in the last third, of which the farthest is {fitted.iloc[-third:].max():.2f} away."
    )


@figure(
    ("sweep_bayes/trials.parquet", "sweep_bayes/proposals.parquet"),
    prepare=prepare_exploration,
    shows=describe_distance,
    caption="Explore against exploit: the distance of each proposal of phase 2 from the best trial before it. Complete trials "
    "are coloured by the final value of the metric that steers the study (lower is better); stopped ones are grey, since their "
    "metric is that of an earlier step. A sampler that never comes near the best has not converged, and one that never leaves it "
    "may have missed a better region.",
)
def exploration(ax: Axes, data: pd.DataFrame) -> None:
    """Draw a point for each proposal, the complete ones coloured by their metric, and the running median of the distances."""
    ax.set(xlabel="trial, in the order of proposal", ylabel="distance from the best so far\n(share of the range tried)")
    placed = data[data["distance"].notna()]
    if not usable(ax, placed, "no trial completed before the last one"):
        return
    fitted = data.loc[data["sampler"].isin(FITTED), "trial"]
    if len(fitted):
        ax.axvline(fitted.min() - 0.5, color="black", linestyle=":", label="first fitted proposal")
    for state, part in placed[placed["series"] != COMPLETE].groupby("series"):
        ax.plot(part["trial"], part["distance"], MARKERS[str(state)], color=INKLESS, markersize=5, label=str(state).lower())
    complete = placed[placed["series"] == COMPLETE]
    if len(complete):
        low, high = shown_range(complete["metric"])
        style: Style = {"marker": MARKERS[COMPLETE], "s": 45, "edgecolors": "black", "linewidths": 0.6, "zorder": 3}
        points = ax.scatter(
            complete["trial"], complete["distance"], c=complete["metric"].astype(float), cmap=SCALE, vmin=low, vmax=high, **style
        )
        ax.plot([], [], MARKERS[COMPLETE], color="white", markeredgecolor="black", label="complete")
        ax.figure.colorbar(points, ax=ax, label="steering metric at the end", extend="max", pad=0.02, fraction=0.06)
    ax.plot(placed["trial"], placed["median_distance"], color="black", linewidth=1.6, label=f"median of {WINDOW}")
    ax.set_ylim(bottom=-0.02)
    legend_above(ax, 2)


def prepare_importance(importance: Importance) -> pd.DataFrame:
    """Give one row per hyperparameter: its importance and its interval, as shares."""
    columns = ["hyperparameter", "importance", "low", "high"]
    return pd.DataFrame([vars(row) for row in importance.importances], columns=columns)


def describe_order(data: pd.DataFrame) -> str:
    """Say whether it is certain which hyperparameter matters most."""
    ordered = data.sort_values("importance", ascending=False, kind="stable")
    if len(ordered) < 2:
        return ""
    first, others = ordered.iloc[0], ordered.iloc[1:]
    if first["low"] > others["high"].max():
        return f"Here {label(first['hyperparameter'])} matters most."
    return "Here the intervals overlap, so it is not certain which matters most."


@figure(
    ("importance/importance.json",),
    prepare=prepare_importance,
    shows=describe_order,
    caption="The share of the variance of the final loss that each hyperparameter explains alone, over the range that phase 2 "
    "tried (functional ANOVA, Hutter et al. 2014), with 95 % intervals over resamples of the trials.",
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
    """Give for each name rows `trial`, one per complete trial, and rows `slice` with quartiles of the final loss.

    Slices of a range have equally many trials; each choice is a slice. `final_loss_nats` of a slice is the median, `low_nats` and
    `high_nats` are the other quartiles, and `value` is the median of its values. `scale` is linear, log or choice. Numbers are
    in `value`; choices are in `choice`, as text in the order of the space.
    """
    space, parts = space_of(trials), []
    complete = trials[trials["state"] == COMPLETE].sort_values("trial", ignore_index=True)
    for name, one in space.dimensions.items():
        own = complete[["trial", "final_loss_nats"]].assign(hyperparameter=name, series="trial")
        if isinstance(one, Choice):
            texts = list(map(str, one.choices))
            own = own.assign(scale="choice", value=np.nan, choice=complete[name].astype(str))
            own = own.sort_values("choice", key=lambda column: column.map(texts.index), kind="stable")
            slices = own["choice"]
        else:
            own = own.assign(scale=one.scale, value=complete[name].astype(float), choice=None)
            count = max(1, min(SLICES, len(own) // FEWEST))
            slices = (own["value"].rank(method="min") - 1) * count // max(1, len(own))
        parts += [own, *(_slice(part) for _, part in own.groupby(slices, sort=False))]
    columns = ["series", "hyperparameter", "scale", "trial", "value", "choice", "final_loss_nats", "low_nats", "high_nats"]
    data = pd.concat([part.reindex(columns=columns).astype(object) for part in parts], ignore_index=True)
    numbers = ["value", "final_loss_nats", "low_nats", "high_nats"]
    return data.astype({"trial": "Int32"} | dict.fromkeys(numbers, float))


def _slice(part: pd.DataFrame) -> pd.DataFrame:
    low, middle, high = part["final_loss_nats"].astype(float).quantile([0.25, 0.5, 0.75])
    losses = {"final_loss_nats": middle, "low_nats": low, "high_nats": high}
    return part.iloc[:1].assign(series="slice", trial=pd.NA, value=part["value"].median(), **losses)


def describe_slices(data: pd.DataFrame) -> str:
    """Say how far the medians of the slices of each name differ, and how far apart the trials of one slice are."""
    slices = data[data["series"] == "slice"]
    medians = slices.groupby("hyperparameter", sort=False)["final_loss_nats"]
    if slices.empty or medians.size().max() < 2:
        return ""
    differ = [f"{gap:.3f} nats over {label(str(name))}" for name, gap in (medians.max() - medians.min()).items()]
    width = (slices["high_nats"] - slices["low_nats"]).median()
    return f"Here the medians differ by up to {', '.join(differ)}; the bars are {width:.3f} nats long in the median."


def strip(part: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """Give the choices of a name, and the places of its trials: side by side around the number of their choice."""
    choices = list(dict.fromkeys(part["choice"]))
    places = part["trial"].to_numpy(float) * GOLDEN % 1 - 0.5
    return choices, part["choice"].map(choices.index).to_numpy(float) + SPREAD * places


@figure(
    ("sweep_bayes/trials.parquet",),
    prepare=prepare_isolation,
    panels=lambda data: data["hyperparameter"].nunique(),
    shows=describe_slices,
    caption="Final loss of the complete trials of phase 2 against each hyperparameter, whatever the values of the others. "
    f"Diamonds and bars: median and quartiles of each of at most {SLICES} slices with equally many trials, or of each choice. "
    "Where the medians differ by less than the bars are long, the hyperparameter hardly matters, and its chosen value is not "
    "precise. Trials above the axis stand at its border.",
)
def isolation(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    """Draw a panel for each name: every complete trial, and the quartiles of each slice or choice."""
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
    legend_over(axes, 2)


def _draw_panel(ax: Axes, part: pd.DataFrame) -> None:
    scale, middle = part["scale"].iloc[0], part[part["series"] == "slice"]
    trials = part[part["series"] == "trial"]
    places, middles = trials["value"], middle["value"]
    if scale == "choice":
        choices, places = strip(trials)
        middles = middle["choice"].map(choices.index)
        ax.set_xticks(range(len(choices)), choices)
        ax.set_xlim(-0.6, len(choices) - 0.4)
    heights = trials["final_loss_nats"].clip(upper=ax.get_ylim()[1])
    points(ax, places, heights, "o", color="#0072B2", alpha=0.35, markersize=5, label="complete trial")
    spread = [middle["final_loss_nats"] - middle["low_nats"], middle["high_nats"] - middle["final_loss_nats"]]
    style: Style = {"fmt": "D", "color": "#D55E00", "markersize": 5, "capsize": 3, "zorder": 3}
    ax.errorbar(middles, middle["final_loss_nats"], spread, label="median and quartiles of a slice", **style)
    if scale == "log":
        log_axes(ax, "x")
    ax.tick_params(axis="x", labelrotation=0 if scale == "choice" else 45)
