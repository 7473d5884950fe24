"""Figures of the assessment: how well the metric ranks trials early, and what other stopping rules would have cost."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lrsweep.analysis.features import above
from lrsweep.figures.drawing import CLOSE, PALETTE, SHAPES, label, legend_above, legend_over, limits, points, usable
from lrsweep.figures.figure import figure
from lrsweep.search.trial import COMPLETE


def prepare_correlations(correlations: pd.DataFrame) -> pd.DataFrame:
    """Give the correlations: one row per metric and rung."""
    return correlations[["metric", "rung", "n", "spearman", "spearman_low", "spearman_high"]].reset_index(drop=True)


def _how(row: Any) -> str:
    if row.spearman_high < 0:
        return "ranks the wrong way round"
    return "ranks better than chance" if row.spearman_low > 0 else "shows no clear order"


def describe_ranking(data: pd.DataFrame) -> str:
    """Say how well each metric ranks at the first rung at which it is known."""
    known = data[data["spearman"].notna()].sort_values("rung").drop_duplicates("metric")
    told = [f"{label(row.metric)} {_how(row)} ({row.spearman:.2f} at step {row.rung})" for row in known.itertuples()]
    return f"Here, at the first rung of each, {', '.join(told)}." if told else ""


@figure(
    ("assess/correlations.parquet",),
    prepare=prepare_correlations,
    shows=describe_ranking,
    caption="Spearman's rank correlation of each metric at each rung with the final loss, with its 95 % interval. Near 1 the "
    "metric ranks trials correctly at that rung. Below 0 it ranks them the wrong way round.",
)
def correlations(ax: Axes, data: pd.DataFrame) -> None:
    """Draw points with intervals by rung, with a colour and a mark for each metric."""
    ax.set(xlabel="rung (steps)", ylabel="Spearman correlation\nwith the final loss", ylim=(-1.05, 1.05))
    known = data[data["spearman"].notna()]
    if not usable(ax, known, "no rung with enough trials"):
        return
    rungs = sorted(known["rung"].unique())
    groups = list(known.groupby("metric", sort=False))
    for i, (metric, part) in enumerate(groups):
        x = np.array([rungs.index(rung) for rung in part["rung"]]) + 0.14 * (i - (len(groups) - 1) / 2)
        middle = part["spearman"].to_numpy()
        spread = np.nan_to_num([middle - part["spearman_low"], part["spearman_high"] - middle]).clip(0)
        ax.errorbar(
            x, middle, spread, fmt=SHAPES[i % len(SHAPES)], color=PALETTE[i % len(PALETTE)], capsize=4, label=label(metric)
        )
    ax.axhline(0, color="black", linewidth=1)
    ax.set_xticks(range(len(rungs)), [str(rung) for rung in rungs])
    legend_above(ax, 4)


def prepare_by_median(trials: pd.DataFrame, evals: pd.DataFrame, rungs: pd.DataFrame, audited: pd.DataFrame) -> pd.DataFrame:
    """Give one row per metric (loss, M_u) and trial whose final loss is known: its value at a rung, and whether it is audited.

    The rung is the first one at which M_u is defined. `median` is over all trials that reached it, also over those whose final
    loss is not known.
    """
    complete = trials[trials["state"] == COMPLETE][["trial", "final_loss_nats"]].assign(series="complete")
    ends = audited.drop_duplicates("trial")[["trial", "final_loss_nats"]].assign(series="audited")
    known = pd.concat([complete, ends[ends["final_loss_nats"].notna()]], ignore_index=True)
    reached = evals[evals["step"].isin(rungs["rung"]) & evals["m_u"].notna()]
    rung = reached["step"].min() if len(reached) else evals["step"].max()
    whole = pd.concat([evals[~evals["trial"].isin(audited["trial"])], audited[evals.columns].astype(evals.dtypes)])
    parts = []
    for name, column in (("loss", "loss_nats"), ("M_u", "m_u")):
        values, at = (table[(table["step"] == rung) & table[column].notna()] for table in (whole, evals))
        part = known.merge(values[["trial", column]].rename(columns={column: "value"}), on="trial")
        parts.append(part.assign(metric=name, rung=rung, median=at[column].median()))
    columns = ["metric", "rung", "series", "trial", "value", "median", "final_loss_nats"]
    return pd.concat(parts, ignore_index=True)[columns].astype({"value": float, "median": float, "final_loss_nats": float})


def describe_halves(data: pd.DataFrame) -> str:
    """Say at which loss the trials on both sides of each median end."""
    found = []
    for name, part in data.groupby("metric", sort=False):
        good = part["value"] <= part["median"]
        below, above = part.loc[good, "final_loss_nats"], part.loc[~good, "final_loss_nats"]
        if len(below) and len(above):
            ends = f"{below.median():.3f} nats (median of {len(below)}), those above at {above.median():.3f} ({len(above)})"
            found.append(f"Trials up to the median of {name} end at {ends}.")
    return " ".join(found)


@figure(
    ("sweep_bayes/trials.parquet", "sweep_bayes/evals.parquet", "sweep_bayes/rungs.parquet", "assess/audited.parquet"),
    prepare=prepare_by_median,
    shows=describe_halves,
    panels=2,
    caption="Final loss against the loss (left) and against M_u (right) at the first rung at which M_u is defined, for all "
    "trials whose final loss is known: the complete ones, and the stopped ones that were trained to the end. The dashed line is "
    "the median of all trials at the rung. A metric that ranks well has its low losses on the left of it. Trials beyond an axis "
    "stand at its border.",
)
def by_median(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    """Draw a panel for each metric: its value at the rung against the final loss, with its median."""
    axes[0].set_ylabel("final eval loss (nats)")
    for ax, name in zip(axes, ("loss", "M_u"), strict=True):
        part = data[data["metric"] == name]
        ax.set_xlabel(f"{name} at step {part['rung'].iloc[0]}" if len(part) else name)
        if not usable(ax, part, "no trial with a known final loss"):
            continue
        across, up = limits(part["value"]), limits(part["final_loss_nats"])
        for series, mark, colour in (("complete", "o", PALETTE[0]), ("audited", "s", PALETTE[4])):
            own = part[part["series"] == series]
            places = own["value"].clip(*across), own["final_loss_nats"].clip(*up)
            points(ax, *places, mark, color=colour, alpha=0.7, zorder=3, label=series)
        ax.axvline(part["median"].iloc[0], color="black", linestyle="--", label="median")
        ax.set(xlim=across, ylim=up)
    legend_over(axes, 3)


def prepare_replay(replay: pd.DataFrame) -> pd.DataFrame:
    """Give one row per rule and metric, over the random orders: the median steps, also as a share, and the mean loss kept.

    `cost_nats` is that loss minus the one that is kept without stopping.
    """
    grouped = replay.groupby(["rule", "metric"], as_index=False, sort=False)
    data = grouped.agg(
        orders=("order", "nunique"),
        steps=("steps", "median"),
        best_loss_nats=("best_loss_nats", "mean"),
        stopped=("stopped", "median"),
    )
    cost = data["best_loss_nats"] - data["best_loss_nats"].min()
    return data.assign(share=data["steps"] / data["steps"].max(), cost_nats=cost)


def describe_cheapest(data: pd.DataFrame) -> str:
    """Say which rule trains the fewest steps of those that keep the best loss to within 0.5 %."""
    if data.empty:
        return ""
    good = data[data["best_loss_nats"] <= above(data["best_loss_nats"].min(), CLOSE)]
    best = good.sort_values("steps", kind="stable").iloc[0]
    rule = f"{label(best['rule'])} with {label(best['metric'])}"
    if best["share"] == 1:
        return "Here every rule that saves steps gives up more than 0.5 % of the best loss."
    trained = f"it trains {best['share']:.0%} of the steps"
    return f"Here {rule} is the cheapest that gives up no more than 0.5 % of the best loss: {trained}."


@figure(
    ("assess/replay.parquet",),
    prepare=prepare_replay,
    shows=describe_cheapest,
    panels=2,
    caption="The recorded curves replayed under other stopping rules and metrics, over random orders of the trials. Left: the "
    "median of the steps that would have been trained, as a share of the most. Right: how much worse the best trial that would "
    'have been kept ends than the best of all, in the mean. Further left is better in both. "ours" is the rule of this study; '
    '"strict" and "not strict" are Hyperband as W&B has it, without an allowance.',
)
def replay(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    """Draw a line for each rule, with a point for each metric: steps on the left, the loss given up on the right."""
    for ax, column, words in zip(axes, ("share", "cost_nats"), ("steps trained (%)", "best loss given up (nats)"), strict=True):
        ax.set_xlabel(words)
        if not usable(ax, data, "nothing to replay"):
            continue
        rules, metrics = (list(dict.fromkeys(data[name])) for name in ("rule", "metric"))
        for place, (metric, part) in enumerate(data.groupby("metric", sort=False)):
            heights = [rules.index(rule) + 0.18 * (place - (len(metrics) - 1) / 2) for rule in part["rule"]]
            values = 100 * part[column] if column == "share" else part[column]
            ax.plot(values, heights, SHAPES[place % len(SHAPES)], color=PALETTE[place % len(PALETTE)], label=label(str(metric)))
        ax.set(yticks=range(len(rules)), ylim=(len(rules) - 0.5, -0.5))
        ax.set_yticklabels([label(rule) for rule in rules] if ax is axes[0] else [])
        ax.xaxis.set_major_locator(MaxNLocator(3))
    legend_over(axes, 4)
