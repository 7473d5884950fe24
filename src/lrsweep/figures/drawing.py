"""The look of the figures, and what several of them draw: colours, marks, axes."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED

SHOWN_QUANTILE = 0.9  # a few runaway losses must not flatten the rest: the axis ends a little above this quantile
CLOSE = 0.005  # of the best loss, above it: as good as the best
BROKE = "broke"  # beside the states: complete, and training broke on the way
WAITING = "waiting at a rung"  # in a study that runs: of the block, where the others have not reached the rung
COLOURS = {COMPLETE: "#0072B2", PRUNED: "#E69F00", DIVERGED: "#D55E00", BROKE: "#000000", WAITING: "#808080"}
MARKERS = {COMPLETE: "o", PRUNED: "s", DIVERGED: "^", BROKE: "X", WAITING: "D"}
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")
NEAR, STABLE = "largest near-optimal", "maximum stable"
LRS = {NEAR: ":", STABLE: "--"}  # lines at the LRs of an edge
SHAPES = "osD^vPX"
SCALE = "viridis"  # of losses: dark is low, light is high
INKLESS = "#BBBBBB"  # of points without a value to colour them by
Style = dict[str, Any]  # keyword arguments of a line or of points


def label(name: str) -> str:
    """Give a name of a space, a rule or a metric in words; a dollar in it begins no formula, and what has no glyph is a space."""
    words = {"lr": "maximum learning rate", "m_u": "M_u"}.get(name, name.replace("_", " ").replace("$", r"\$"))
    return "".join(character if character.isprintable() else " " for character in words)


def legend_above(ax: Axes, columns: int) -> None:
    """Put the legend over the axes, where it hides no point; none where nothing has a label."""
    if ax.get_legend_handles_labels()[1]:
        ax.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, frameon=False, columnspacing=1.2, handletextpad=0.5
        )


def legend_over(axes: Sequence[Axes], columns: int) -> None:
    """Put one legend of all panels over them."""
    known = {words: handle for ax in axes for handle, words in zip(*ax.get_legend_handles_labels(), strict=True)}
    if known:
        axes[0].figure.legend(list(known.values()), list(known), loc="outside upper center", ncols=columns, frameon=False)


def usable(ax: Axes, data: pd.DataFrame, note: str) -> bool:
    """Say whether there is something to draw; if not, write the note on the axis."""
    if data.empty:
        ax.text(0.5, 0.5, note, transform=ax.transAxes, ha="center", va="center")
        ax.set(xticks=[], yticks=[])
    return not data.empty


def shown_range(losses: pd.Series) -> tuple[float, float]:
    """Give the losses at which the axis or the colours begin and end, so that a few runaways do not flatten the rest."""
    known = losses.dropna().astype(float)
    if known.empty:
        return 0.0, 1.0
    return float(known.min()), float(max(known.quantile(SHOWN_QUANTILE), known.median()))


def limits(losses: pd.Series) -> tuple[float, float]:
    """Give the ends of an axis that shows shown_range, with a margin."""
    low, high = shown_range(losses)
    margin = 0.1 * (high - low) or 0.1
    return low - margin, high + 2 * margin


def points(ax: Axes, x: pd.Series, y: pd.Series, mark: str, **style: Any) -> None:
    """Draw points whole at the border of the axis too; without any, nothing, since an empty line widens the margins."""
    if len(x):
        ax.plot(x, y, mark, clip_on=False, **style)


def draw_states(ax: Axes, runs: pd.DataFrame, x: str, y: str) -> None:
    """Draw trials by state; a trial without a loss, or with one above the axis, stands at the upper border."""
    losses = runs[y].astype(float)
    if losses.notna().any():
        ax.set_ylim(limits(losses))
    else:
        ax.set_yticks([])
    border = ax.get_ylim()[1]
    for state, part in runs.groupby("series"):
        heights = losses[part.index].fillna(border).clip(upper=border)
        style: Style = {"color": COLOURS[str(state)], "alpha": 0.85, "zorder": 3}
        points(ax, part[x], heights, MARKERS[str(state)], label=str(state).lower(), **style)


def draw_lrs(ax: Axes, data: pd.DataFrame) -> None:
    """Draw a line at each LR of LRS that the rows have."""
    for series, line in LRS.items():
        for lr in data.loc[data["series"] == series, "lr"]:
            ax.axvline(lr, color="black", linestyle=line, linewidth=1.2, label=f"{series} LR")


def limit(ax: Axes, losses: pd.Series, top: float) -> None:
    """End the loss axis at `top` where a spike would stretch it further."""
    if losses.max() > top > losses.min():
        ax.set_ylim(top=top, bottom=losses.min() - 0.05 * (top - losses.min()))


def log_ticks(low: float, high: float, digits: Sequence[int] = (1, 2, 5)) -> list[float]:
    """Give the numbers in a range that these digits begin in each decade."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [m * 10.0**e for e in decades for m in digits if low <= m * 10.0**e <= high]


def log_axes(ax: Axes, axes: str) -> None:
    """Make axes logarithmic, with plain numbers at 1, 2 and 5."""
    for name in axes:
        getattr(ax, f"set_{name}scale")("log")
        axis = ax.xaxis if name == "x" else ax.yaxis
        ticks, decades = log_ticks(*axis.get_view_interval()), log_ticks(*axis.get_view_interval(), (1,))
        chosen = decades[:: 1 + len(decades) // 8] if len(ticks) > 8 else ticks
        axis.set_major_locator(FixedLocator(chosen) if len(chosen) > 1 else MaxNLocator(4))  # a narrow axis has no such number
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
