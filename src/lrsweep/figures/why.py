"""The figure of a spike: the counter-tests, and which weights of the model moved first."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from lrsweep.analysis import why as analysis
from lrsweep.analysis.why import Part, Rise
from lrsweep.figures.drawing import PALETTE, SHAPES, Style, log_axes
from lrsweep.figures.figure import figure

DRAWN = (analysis.RECORDED, analysis.HALF_LR, analysis.SHORT_MEMORY, analysis.PRECISE)
TICKS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # multiples in the scale of colours
COLOURS = TICKS[0], TICKS[-1]


def prepare_why(rise: Rise, factor: float, norms: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Give rows of panel, series, step and multiple: of the counter-tests, then of gradient and update of each weight.

    A multiple is a norm by its median over the steps before the one in question. Weights are in order from the loss. `factor` is
    the multiple from which a rise is a spike; the step in question has a row of the panel `step` with it.
    """
    tests = outcomes[outcomes["test"].isin(DRAWN) & (outcomes["run"] == 0)]
    usual = rise.median or np.nan
    rows = [
        ("step", rise.kind, rise.step, factor),
        *(("tests", row.test, row.step, row.grad_norm / usual) for row in tests.itertuples()),
    ]
    for measure in ("gradient", "update"):
        for (group, layer), part in norms.sort_values(["order", "step"]).groupby(["group", "layer"], dropna=False, sort=False):
            label = str(Part(str(group), None if pd.isna(layer) else int(layer), None, None, None))
            multiples = part[measure] / part.loc[part["step"] < rise.step, measure].median()
            rows += [(measure, label, *row) for row in zip(part["step"], multiples, strict=True)]
    return pd.DataFrame(rows, columns=["panel", "series", "step", "multiple"])


@figure(
    (),
    prepare=prepare_why,
    panels=3,
    caption="Why a step spiked. Left: the gradient norm of the trial, trained again as recorded and with one change from a few "
    "steps before, by the median of the steps before the spike. A spike is above the dotted line: look which change stays below. "
    "Middle and right: the norms of gradient and update of each weight, by its own median, from the loss (top) to the "
    "embedding (bottom), which is the way of back-propagation. Look which row turns red first, and at one step which is the "
    "highest red one: the rise began there, and all rows below it may only pass it on.",
)
def why(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    """Draw the counter-tests as lines and the weights as two maps of colours."""
    mark = data[data["panel"] == "step"].iloc[0]
    axes[0].set(xlabel="step", ylabel="gradient norm / its median")
    for place, (name, rows) in enumerate(data[data["panel"] == "tests"].groupby("series", sort=False)):
        style: Style = {"markersize": 3, "linewidth": 1.5 if place else 5}  # the recorded line shows behind those that follow it
        axes[0].plot(rows["step"], rows["multiple"], f"-{SHAPES[place]}", color=PALETTE[place], label=name, **style)
    axes[0].axhline(mark["multiple"], color="black", linestyle=":", linewidth=0.8)
    log_axes(axes[0], "y")
    axes[0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    for ax, measure in zip(axes[1:], ("gradient", "update"), strict=True):
        rows = data[data["panel"] == measure]
        table = rows.pivot(index="series", columns="step", values="multiple").loc[rows["series"].unique()].astype(float)
        edges = np.append(table.columns, table.columns[-1] + 1) - 0.5
        shown = table.fillna(COLOURS[1]).clip(*COLOURS)  # what is not finite is as red as can be
        mesh = ax.pcolormesh(edges, np.arange(len(table) + 1), shown, cmap="coolwarm", norm=LogNorm(*COLOURS))
        ax.axvline(mark["step"], color="black", linestyle=":", linewidth=0.8)
        ax.set_yticks(
            np.arange(len(table)) + 0.5, table.index if measure == "gradient" else [], fontsize=min(7, 110 / len(table))
        )
        ax.set(title=measure, xlabel="step")
        ax.invert_yaxis()
    for ax in axes:
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    bar = axes[2].figure.colorbar(mesh, ax=axes[2], ticks=FixedLocator(TICKS), label="norm / its median")
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.set_yticklabels([f"{tick:g}" for tick in TICKS])
