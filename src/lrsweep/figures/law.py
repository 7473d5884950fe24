"""The figure of a law: the best LR of each profile, and what the law makes of them at the target."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lrsweep.analysis.law import Law
from lrsweep.figures.drawing import PALETTE, label, log_axes
from lrsweep.figures.figure import figure


def prepare_law(found: Law) -> pd.DataFrame:
    """Give rows for each column: `profile`, moved by the law to the target's other columns; `law`, the line's ends; `target`."""
    rows = []
    for name, exponent in found.exponents.items():
        for proxy in found.proxies:
            moved = [b.value * np.log(found.target[c] / proxy.sizes[c]) for c, b in found.exponents.items() if c != name]
            factor, lr = float(np.exp(sum(moved))), proxy.profile.lr
            rows.append((name, "profile", proxy.sizes[name], lr.value * factor, lr.low * factor, lr.high * factor))
        sizes = [*(proxy.sizes[name] for proxy in found.proxies), found.target[name]]
        for size in (min(sizes), max(sizes)):
            rows.append((name, "law", size, found.lr.value * (size / found.target[name]) ** exponent.value, np.nan, np.nan))
        rows.append((name, "target", found.target[name], found.lr.value, found.lr.low, found.lr.high))
    return pd.DataFrame(rows, columns=["column", "series", "size", "lr", "lr_low", "lr_high"])


@figure(
    (),
    prepare=prepare_law,
    panels=lambda data: data["column"].nunique(),
    caption="The best maximum learning rate of each profile, with its 95 % interval, against one size a panel, and the law "
    "(dashed). In each panel the profiles are moved along the law to the target's other sizes. Look whether they lie along the "
    "line and how far the target (diamond) is from them.",
)
def law(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    """Draw a panel for each column."""
    for ax, (name, part) in zip(axes, data.groupby("column", sort=False), strict=True):
        for series, colour, marker in (("profile", PALETTE[0], "o"), ("target", PALETTE[1], "D")):
            its = part[part["series"] == series]
            ends = [its["lr"] - its["lr_low"], its["lr_high"] - its["lr"]]
            ax.errorbar(its["size"], its["lr"], yerr=ends, fmt=marker, color=colour, markersize=5, elinewidth=0.8, label=series)
        line = part[part["series"] == "law"]
        ax.plot(line["size"], line["lr"], "--", color="black", label="law")
        ax.set(xlabel=label(str(name)), ylabel="best maximum learning rate")
        log_axes(ax, "y")
        low, high, at = part["size"].min(), part["size"].max(), float(part.loc[part["series"] == "target", "size"].iloc[0])
        apart = np.log(high / low) / 3  # so that the numbers of two ticks do not meet
        ticks = [at, *(end for end in (low, high) if abs(np.log(end / at)) > apart)]
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(FixedLocator(ticks))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes[0].legend()
