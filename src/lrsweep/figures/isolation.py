"""The figure of one hyperparameter at a time: the final loss against each name of the space."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.figures.drawing import label, limits, log_axes, usable
from lrsweep.figures.exploration import coordinates
from lrsweep.figures.figure import figure
from lrsweep.search.trial import COMPLETE
from lrsweep.space import Choice
from lrsweep.store.tables import space_of

SLICES = 8  # slices of a range, each with its best trial marked
SPREAD = 0.5  # width of the strip in which the trials of a choice lie side by side
GOLDEN = 0.6180339887  # multiples of it, modulo 1, fill a strip evenly


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
