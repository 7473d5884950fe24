"""Figures of phase 2: its proposals, what they were expected to gain, and its curves."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.analysis.features import above
from lrsweep.analysis.words import counted
from lrsweep.figures.drawing import (
    CLOSE,
    COLOURS,
    MARKERS,
    PALETTE,
    WAITING,
    Style,
    draw_states,
    legend_above,
    limit,
    log_axes,
    usable,
)
from lrsweep.figures.figure import figure
from lrsweep.search.study import ENDING, Summary
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from lrsweep.store.tables import space_of

PROPOSAL = "proposal"


def prepare_proposals(trials: pd.DataFrame) -> pd.DataFrame:
    """Give one row per trial, in order: its last loss (none where it diverged), and the best final loss so far."""
    data = trials[["trial", "state", *space_of(trials), "last_loss_nats"]].sort_values("trial", ignore_index=True)
    data.loc[data["state"] == DIVERGED, "last_loss_nats"] = np.nan
    best = data["last_loss_nats"].where(data["state"] == COMPLETE).astype(float).cummin().ffill()
    return data.rename(columns={"state": "series"}).assign(best_nats=best)


def describe_search(data: pd.DataFrame) -> str:
    """Say when the best final loss was found, and when one within 0.5 % of it."""
    best = data["best_nats"].astype(float)
    if best.isna().all():
        return ""
    least = best.min()
    first, near = (data.loc[best <= level, "trial"].iloc[0] for level in (least, above(least, CLOSE)))
    return f"Here trial {first} of {len(data)} is the best, with {least:.3f} nats; trial {near} is the first within 0.5 % of it."


@figure(
    ("sweep_bayes/trials.parquet",),
    prepare=prepare_proposals,
    shows=describe_search,
    caption="Phase 2 in the order of its proposals: the final loss of each complete trial, and the best so far (line). Trials "
    "that were stopped or diverged have no final loss and stand at the upper border, as do those with a loss above the axis.",
)
def proposals(ax: Axes, data: pd.DataFrame) -> None:
    """Draw trials by state in the order of proposal, and the best final loss so far as a step line."""
    ax.set(xlabel="trial, in the order of proposal", ylabel="final eval loss (nats)")
    if not usable(ax, data, "no trial"):
        return
    ended = data["last_loss_nats"].where(data["series"] == COMPLETE)
    draw_states(ax, data.assign(final_loss_nats=ended), "trial", "final_loss_nats")
    if ended.notna().any():
        ax.step(data["trial"], data["best_nats"], where="post", color="black", label="best so far", zorder=4)
    legend_above(ax, 4)


def prepare_ending(trials: pd.DataFrame, proposals: pd.DataFrame, summary: Summary) -> pd.DataFrame:
    """Give one row per proposal with an expected gain, and a row `ending` where the rule ended the study.

    `steps` are those that all trials before it were trained; `threshold` is the gain up to which a trial does not pay.
    """
    data = proposals[["trial", "expected_gain", "noise"]].merge(trials[["trial", "steps"]], on="trial").sort_values("trial")
    data["steps"] = data["steps"].cumsum().shift(1, fill_value=0)
    data = data[data["expected_gain"].notna()]
    data["threshold"] = data["noise"].astype(float) * (np.nan if summary.ending_gain is None else summary.ending_gain)
    ends = [{"trial": summary.ended_at_trial, "steps": summary.steps_trained}] if summary.ended_by == ENDING else []
    both = pd.concat([data.assign(series=PROPOSAL), pd.DataFrame(ends, columns=data.columns).assign(series="ending")])
    return both[["series", "trial", "steps", "expected_gain", "noise", "threshold"]].reset_index(drop=True)


def describe_ending(data: pd.DataFrame) -> str:
    """Say how many of the proposals were expected to pay, and which was the last of these."""
    told = data[(data["series"] == PROPOSAL) & data["threshold"].notna()]
    if told.empty:
        return ""
    pays = told[told["expected_gain"] > told["threshold"]]
    if pays.empty:
        return f"Here none of {counted(len(told), 'proposal')} was expected to pay."
    paid = f"{len(pays)} of {counted(len(told), 'proposal')} {'was' if len(pays) == 1 else 'were'} expected to pay"
    return f"Here {paid}, the last of them trial {pays['trial'].iloc[-1]}."


@figure(
    ("sweep_bayes/trials.parquet", "sweep_bayes/proposals.parquet", "sweep_bayes/summary.json"),
    prepare=prepare_ending,
    shows=describe_ending,
    caption="How much each proposal of phase 2 was expected to improve on the best so far, against the steps trained before it. "
    "A study with a rule for its end ends when several in a row lie under the dashed line, which is a share of the noise "
    "between seeds.",
)
def ending(ax: Axes, data: pd.DataFrame) -> None:
    """Draw the expected gain of each proposal over the steps trained before it, with the threshold, and where the study ended."""
    ax.set(xlabel="steps trained in all trials before", ylabel="expected gain (nats)")
    told = data[(data["series"] == PROPOSAL) & (data["expected_gain"] > 0)]
    if not usable(ax, told, "no proposal has an expected gain"):
        return
    ax.plot(told["steps"], told["noise"], ":", color="black", label="noise between seeds")
    if told["threshold"].notna().any():
        ax.plot(told["steps"], told["threshold"], "--", color="black", label="a trial pays above this")
    ax.plot(told["steps"], told["expected_gain"], "o", color=PALETTE[0], markersize=5, label="proposal")
    for steps in data.loc[data["series"] == "ending", "steps"]:
        ax.axvline(steps, color=PALETTE[1], label="end of the study")
    log_axes(ax, "y")
    legend_above(ax, 2)


def prepare_curves(trials: pd.DataFrame, evals: pd.DataFrame, rungs: pd.DataFrame) -> pd.DataFrame:
    """Give the evals of the trials that are not complete, by state, and of the complete ones the median and its range.

    The range, from `low_nats` to `high_nats`, holds the middle 90 % of the complete trials at a step. Rows `rung` mark the rungs.
    """
    states = trials.set_index("trial")["state"]
    data = evals[["trial", "step", "loss_nats"]].assign(series=evals["trial"].map(states))
    complete = data["series"] == COMPLETE
    middle = data[complete].astype({"loss_nats": float}).groupby("step")["loss_nats"].quantile([0.5, 0.05, 0.95]).unstack()
    middle = middle.reindex(columns=[0.5, 0.05, 0.95]).set_axis(["loss_nats", "low_nats", "high_nats"], axis=1).reset_index()
    marks = pd.DataFrame({"series": "rung", "step": sorted(rungs["rung"].unique())})
    columns = ["series", "trial", "step", "loss_nats", "low_nats", "high_nats"]
    parts = [middle.assign(series=COMPLETE), data[~complete], marks]
    both = pd.concat([part.reindex(columns=columns).astype(object) for part in parts], ignore_index=True)
    return both.astype({"trial": "Int32", "step": "Int32"} | dict.fromkeys(columns[3:], float))


def describe_stopped(data: pd.DataFrame) -> str:
    """Say where the stopped trials were among those that became complete, when they were stopped."""
    last = data[data["series"] == PRUNED].sort_values("step").drop_duplicates("trial", keep="last")
    both = last.merge(data[data["series"] == COMPLETE], on="step", suffixes=("", "_complete"))
    if both.empty:
        return ""
    above, amid = (both["loss_nats"] > both["high_nats_complete"]).sum(), (both["loss_nats"] < both["loss_nats_complete"]).sum()
    return (
        f"Here {above} of {counted(len(both), 'stopped trial')} {'was' if above == 1 else 'were'} above the band when stopped,"
        f" and {amid} below the line."
    )


@figure(
    ("sweep_bayes/trials.parquet", "sweep_bayes/evals.parquet", "sweep_bayes/rungs.parquet"),
    prepare=prepare_curves,
    shows=describe_stopped,
    caption="Eval loss of the trials of phase 2 over their steps: the median of the complete trials, the band that holds nine "
    "tenths of them, and each other trial alone. Dotted lines are the rungs. A trial that was stopped inside the band might have "
    "become a good one.",
)
def curves(ax: Axes, data: pd.DataFrame) -> None:
    """Draw the complete trials as a median with a band, and a line for each other trial, by state."""
    ax.set(xlabel="steps", ylabel="eval loss (nats)")
    points = data[data["loss_nats"].notna()]
    if not usable(ax, points, "no finite eval"):
        return
    for state in (DIVERGED, WAITING, PRUNED):
        for i, (_, curve) in enumerate(points[points["series"] == state].groupby("trial")):
            style: Style = {"color": COLOURS[state], "linewidth": 1.0, "alpha": 0.6, "label": None if i else state.lower()}
            # marked where the last finite eval was, which may be the only one
            ax.plot(curve["step"], curve["loss_nats"], "--", marker=MARKERS[state], markersize=4, markevery=[-1], **style)
    middle = points[points["series"] == COMPLETE]
    if len(middle):
        ax.plot(middle["step"], middle["loss_nats"], color=COLOURS[COMPLETE], label="complete")
        ax.fill_between(middle["step"], middle["low_nats"], middle["high_nats"], color=COLOURS[COMPLETE], alpha=0.25, linewidth=0)
    for i, step in enumerate(data.loc[data["series"] == "rung", "step"]):
        ax.axvline(step, color="black", linestyle=":", linewidth=1.2, label=None if i else "rungs")
    limit(ax, points["loss_nats"], points.loc[points["step"] == points["step"].min(), "loss_nats"].median() * 1.05)
    legend_above(ax, 4)
