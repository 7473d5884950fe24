"""The figures of the ablations: the loss of each variant against its LR, and the differences to the baseline."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.analysis.ablations import Ablated, Ablations
from lrsweep.figures.drawing import DASHES, PALETTE, SHAPES, log_axes, points, usable
from lrsweep.figures.figure import figure

EACH = 4  # variants in a panel, beside the baseline
COLOURS = ("#000000", *PALETTE[:-1])
OWN, BORROWED = "at its own best LR", "at the baseline's LR"
STYLES = {OWN: ("o", PALETTE[0]), BORROWED: ("s", PALETTE[4])}
NOTHING = "no variant was trained"


def prepare_ablation_curves(profiles: pd.DataFrame, ablations: Ablations) -> pd.DataFrame:
    """Give rows by panel: `run`, one training run each; `best`, the best LR of a variant; `breaks`, the LR where it breaks.

    The baseline stands in every panel. A run that diverged has no loss.
    """
    base, others = ablations.variants[:1], ablations.variants[1:]
    panels = [others[start : start + EACH] for start in range(0, len(others), EACH)]
    rows = [row for number, part in enumerate(panels) for one in (*base, *part) for row in _curve(number, one, profiles)]
    columns = ["panel", "variant", "series", "lr", "loss_nats", "lr_low", "lr_high"]
    return pd.DataFrame(rows, columns=columns).assign(top_nats=ablations.setting and ablations.setting.untrained_nats)


def _curve(panel: int, one: Ablated, profiles: pd.DataFrame) -> list[tuple]:
    runs = profiles[profiles["variant"] == one.name].sort_values(["lr", "run"])
    rows: list[tuple] = [
        (panel, one.name, "run", lr, loss, None, None)
        for lr, loss in zip(runs["lr"], runs["final_loss_nats"].astype(float), strict=True)
    ]
    if one.profile:
        best = one.profile.lr
        rows.append((panel, one.name, "best", best.value, one.profile.loss_nats.value, best.low, best.high))
    if one.breaks_lr.lr:
        rows.append((panel, one.name, "breaks", one.breaks_lr.lr, None, one.breaks_lr.low, one.breaks_lr.high))
    return rows


@figure(
    ("ablate/profiles.parquet", "ablate/ablations.json"),
    prepare=prepare_ablation_curves,
    panels=lambda data: data["panel"].nunique(),
    caption="Final loss of each variant against its maximum learning rate (small marks, joined through their means), beside the "
    "baseline (black). Large marks: the best learning rate with its 95 % interval. Thin vertical lines: where training breaks. "
    "Runs that diverged, or end above the untrained model, stand at the top. Look whether a curve lies higher, or to the left.",
)
def ablation_curves(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    """Draw a curve for each variant, a few a panel."""
    if data["loss_nats"].isna().all():
        for ax in axes:
            usable(ax, data.iloc[:0], NOTHING if data.empty else "no run came to its end")
        return
    top, low = data["top_nats"].iloc[0], data["loss_nats"].min()
    top = data["loss_nats"].max() if pd.isna(top) else float(top)
    for ax, (_, panel) in zip(axes, data.groupby("panel"), strict=True):
        curves = panel.groupby("variant", sort=False)
        for (name, part), colour, dash, mark in zip(curves, COLOURS, cycle(DASHES), SHAPES):
            runs = part[part["series"] == "run"]
            runs = runs.assign(loss_nats=runs["loss_nats"].fillna(top).clip(upper=top))
            means = runs.groupby("lr")["loss_nats"].mean()
            ax.plot(means.index, means, linestyle=dash, color=colour, label=name)
            points(ax, runs["lr"], runs["loss_nats"], mark, color=colour, markersize=3)
            for _, one in part[part["series"] == "best"].iterrows():
                ends = np.array([[one["lr"] - one["lr_low"]], [one["lr_high"] - one["lr"]]])
                ax.errorbar(one["lr"], one["loss_nats"], xerr=ends, fmt=mark, color=colour, markersize=8, capsize=3)
            for lr in part.loc[part["series"] == "breaks", "lr"]:
                ax.axvline(lr, color=colour, linewidth=0.8, alpha=0.5)
        ax.set(xlabel="maximum learning rate", ylabel="final eval loss (nats)", ylim=(low - 0.05 * (top - low), top))
        log_axes(ax, "x")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)


def prepare_ablation_differences(ablations: Ablations) -> pd.DataFrame:
    """Give two rows for each variant: its difference to the baseline at its own best LR, and at the baseline's, in nats."""
    rows: list[tuple[str, str, float, float | None, float | None]] = []
    for one in ablations.variants[1:]:
        own, borrowed = one.difference, one.difference_at_lr
        if own:
            rows.append((one.name, OWN, own.value, own.low, own.high))
        if borrowed:
            rows.append((one.name, BORROWED, borrowed.difference_nats, borrowed.low_nats, borrowed.high_nats))
    return pd.DataFrame(rows, columns=["variant", "where", "difference_nats", "low_nats", "high_nats"])


@figure(
    ("ablate/ablations.json",),
    prepare=prepare_ablation_differences,
    caption="Final loss of each variant minus the baseline's: at its own best learning rate, with an interval that is corrected "
    "for the number of variants (Holm), and at the baseline's learning rate, mean over seeds with its 95 % interval. Look where "
    "the two disagree: there an ablation at a borrowed learning rate compares two learning rates.",
)
def ablation_differences(ax: Axes, data: pd.DataFrame) -> None:
    """Draw two intervals for each variant around no difference."""
    ax.set(xlabel="final eval loss minus the baseline's (nats)")
    if not usable(ax, data, NOTHING):
        return
    names = list(dict.fromkeys(data["variant"]))
    for where, shift in ((OWN, -0.15), (BORROWED, 0.15)):
        part = data[data["where"] == where]
        if part.empty:
            continue
        mark, colour = STYLES[where]
        heights = [names.index(name) + shift for name in part["variant"]]
        ends = [part["difference_nats"] - part["low_nats"], part["high_nats"] - part["difference_nats"]]
        ends = [end.astype(float).fillna(0.0) for end in ends]
        ax.errorbar(part["difference_nats"], heights, xerr=ends, fmt=mark, color=colour, capsize=3, markersize=5, label=where)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
