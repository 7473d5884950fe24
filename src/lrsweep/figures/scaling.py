"""The figure of the proxies: the loss of each against its LR."""

from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.analysis.scaling import Scaling
from lrsweep.figures.drawing import DASHES, PALETTE, SHAPES, label, legend_above, log_axes, shown_range, usable
from lrsweep.figures.figure import figure
from lrsweep.store.tables import space_of


def prepare_profiles(profiles: pd.DataFrame, scaling: Scaling) -> pd.DataFrame:
    """Give rows `run`: one training run each, of a named proxy; `best`: the best LR of a proxy with its interval and its loss."""
    # what tells the proxies apart: not the LR, nor what goes with it
    own = profiles.groupby("proxy")
    told = [name for name in space_of(profiles) if profiles[name].nunique() > 1 and own[name].nunique().max() == 1]
    told = ["steps", *told]
    runs = pd.DataFrame(
        {
            "series": "run",
            "proxy": [", ".join(f"{label(name)} {row[name]}" for name in told) for row in profiles.to_dict("records")],
            "lr": profiles["lr"],
            "loss_nats": profiles["final_loss_nats"].astype(float),
        }
    )
    names = dict(zip(profiles["proxy"], runs["proxy"], strict=True))
    best = [
        ("best", names[one.proxy], one.profile.lr.value, one.profile.loss_nats.value, one.profile.lr.low, one.profile.lr.high)
        for one in scaling.proxies
    ]
    columns = ["series", "proxy", "lr", "loss_nats", "lr_low", "lr_high"]
    return pd.concat([runs.reindex(columns=columns), pd.DataFrame(best, columns=columns)], ignore_index=True)


def describe_moves(data: pd.DataFrame) -> str:
    """Say the best LR of each proxy, and whether their intervals have an LR in common."""
    best = data[data["series"] == "best"]
    if len(best) < 2:
        return ""
    each = ", ".join(f"{row.lr:.2g} for {row.proxy}" for row in best.itertuples())
    moves = best["lr_low"].max() > best["lr_high"].min()
    return f"Here the best are {each}; {'so the best moves' if moves else 'all their intervals overlap, so no move is certain'}."


@figure(
    ("scale/profiles.parquet", "scale/law.json"),
    prepare=prepare_profiles,
    shows=describe_moves,
    caption="Final loss of each proxy's runs against their maximum learning rate (small marks, joined through their means), and "
    "the best learning rate of each proxy with its 95 % interval (large marks).",
)
def profiles(ax: Axes, data: pd.DataFrame) -> None:
    """Draw a curve for each proxy."""
    ax.set(xlabel="maximum learning rate", ylabel="final eval loss (nats)")
    if not usable(ax, data[data["loss_nats"].notna()], "no proxy was trained"):
        return
    low, high = shown_range(data["loss_nats"])
    for (name, part), colour, dash, mark in zip(data.groupby("proxy", sort=False), cycle(PALETTE), cycle(DASHES), cycle(SHAPES)):
        runs = part[part["series"] == "run"].sort_values("lr")
        means = runs.groupby("lr")["loss_nats"].mean()
        ax.plot(means.index, means, linestyle=dash, color=colour, marker=mark, markersize=4, label=name)
        for _, one in part[part["series"] == "best"].iterrows():
            ends = np.array([[one["lr"] - one["lr_low"]], [one["lr_high"] - one["lr"]]])
            ax.errorbar(one["lr"], one["loss_nats"], xerr=ends, fmt=mark, color=colour, markersize=9, capsize=4)
    ax.set_ylim(low - 0.05 * (high - low), high + 0.15 * (high - low))
    log_axes(ax, "x")
    legend_above(ax, 3)
