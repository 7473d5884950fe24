"""Figures of the search in phase 2: explore against exploit, and the importance of the hyperparameters."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.analysis.importance import Importance
from lrsweep.figures.drawing import INKLESS, MARKERS, SCALE, Style, label, legend_above, shown_range, usable
from lrsweep.figures.figure import Figure
from lrsweep.search.trial import DIVERGED
from lrsweep.space import Choice, Space
from lrsweep.store.tables import space_of

WINDOW = 9  # proposals in the running median of the distance


def shares_of(trials: pd.DataFrame, space: Space) -> pd.DataFrame:
    """Give the numbers of the configurations as shares of the range tried, 0 to 1, on their scales, without the choices."""
    columns = {}
    for name in (name for name in space if not space.is_choice(name)):
        values = np.log(trials[name]) if space[name].is_log else trials[name]
        width = values.max() - values.min()
        columns[name] = (values - values.min()) / width if width > 0 else values * 0.0
    return pd.DataFrame(columns, index=trials.index)


def coordinates(trials: pd.DataFrame, space: Space) -> np.ndarray:
    """Encode the configurations, float64 of shape (trials, coordinates), so that each name adds at most 1 to a distance.

    Numbers are shares of the range tried. Each choice is a coordinate, sqrt(1/2) where it was taken and else 0.
    """
    shares = shares_of(trials, space)
    columns = []
    for name in space:
        one = space[name]
        if isinstance(one, Choice):
            columns += [(trials[name].to_numpy() == choice) * np.sqrt(0.5) for choice in one.choices]
        else:
            columns.append(shares[name].to_numpy(float))
    return np.stack(columns, axis=-1)


def prepare_exploration(trials: pd.DataFrame, proposals: pd.DataFrame) -> pd.DataFrame:
    """Give for each trial, in order: its metric, the best final loss before it, and its distance from the trial with that loss.

    `distance`: root mean square over the names of the space, in shares of the range tried, where another choice counts as the
    whole range. 0 is the same configuration, 1 the opposite corner. It is missing while no trial has completed.
    """
    space = space_of(trials)
    columns = ["trial", "state", *space, "steps", "metric", "last_loss_nats", "final_loss_nats"]
    data = trials[columns].merge(proposals[["trial", "sampler"]], on="trial").sort_values("trial", ignore_index=True)
    data.loc[data["state"] == DIVERGED, ["metric", "last_loss_nats"]] = np.nan
    finals, places = data["final_loss_nats"].astype(float).to_numpy(), coordinates(data, space)
    best_nats, distances, best = [], [], None
    for k in range(len(data)):
        best_nats.append(finals[best] if best is not None else np.nan)
        gap = np.nan if best is None else float(np.sqrt(((places[k] - places[best]) ** 2).sum() / len(space)))
        distances.append(gap)
        if np.isfinite(finals[k]) and (best is None or finals[k] < finals[best]):
            best = k
    median = pd.Series(distances, dtype=float).rolling(WINDOW, min_periods=1).median()
    data = data.assign(best_before_nats=np.array(best_nats, float), distance=np.array(distances, float), median_distance=median)
    return data.rename(columns={"state": "series"}).drop(columns="final_loss_nats")


def draw_exploration(ax: Axes, data: pd.DataFrame) -> None:
    """Draw a point for each proposal, coloured by its metric, and the running median of the distances."""
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
        "Explore against exploit: the distance of each proposal of phase 2 from the best trial before it, coloured by the "
        "metric that steers the study (lower is better). The distance should shrink once the sampler fits a model, and some far "
        "proposals should remain. A sampler that never comes near the best has not converged, and one that never leaves it may "
        "have missed a better region."
    ),
)


def prepare_importance(importance: Importance) -> pd.DataFrame:
    """Give one row per hyperparameter: its importance and its interval, as shares."""
    columns = ["hyperparameter", "importance", "low", "high"]
    return pd.DataFrame([vars(row) for row in importance.importances], columns=columns)


def draw_importance(ax: Axes, data: pd.DataFrame) -> None:
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


IMPORTANCE = Figure(
    name="importance",
    inputs=("importance/importance.json",),
    prepare=prepare_importance,
    draw=draw_importance,
    caption=(
        "The share of the variance of the final loss that each hyperparameter explains alone, over the range that phase 2 tried "
        "(functional ANOVA, Hutter et al. 2014), with 95 % intervals over resamples of the trials. The order is certain only "
        "where the intervals do not overlap."
    ),
)
