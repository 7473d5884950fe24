"""Figures of the choice over seeds and of the final training."""

from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.analysis.selection import Choice
from lrsweep.analysis.words import counted, listed
from lrsweep.figures.drawing import DASHES, SHAPES, Style, legend_above, limit, limits, log_axes, points, usable
from lrsweep.figures.figure import figure

RUN, CONFIRMING, MEAN = "run", "confirming", "mean"  # series


def prepare_choice(replicates: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Give rows `run`: a run of the race; `confirming`: a run that confirms; `mean`: the confirmed loss, with its interval."""
    series = replicates["round"].notna().map({True: RUN, False: CONFIRMING})
    runs = replicates[["candidate", "seed"]].assign(series=series, loss_nats=replicates["final_loss_nats"])
    ends = {"low_nats": choice.loss.low_nats, "high_nats": choice.loss.high_nats} if choice.loss else {}
    means = [{"series": MEAN, "candidate": choice.candidate, "loss_nats": choice.loss.mean_nats, **ends}] if choice.loss else []
    columns = ["series", "candidate", "seed", "loss_nats", "low_nats", "high_nats"]
    data = pd.DataFrame(runs.to_dict("records") + means, columns=columns)
    return data.astype({"seed": "Int64", "loss_nats": float, "low_nats": float, "high_nats": float})


def describe_spread(data: pd.DataFrame) -> str:
    """Say how many candidates have runs among those of the selected one, and where the default's lie."""
    known = data[data["loss_nats"].notna()]
    runs, means = known[known["series"] != MEAN], known[known["series"] == MEAN]
    ends = runs.groupby("candidate")["loss_nats"].agg(["min", "max"])
    if means.empty or means["candidate"].iloc[0] not in ends.index:
        return ""
    selected = means["candidate"].iloc[0]
    others = ends.drop(index=[selected, 0], errors="ignore")
    overlap = ((others["min"] <= ends.loc[selected, "max"]) & (others["max"] >= ends.loc[selected, "min"])).sum()
    known_others = counted(len(others), "other candidate")
    told = f"Here the runs of {overlap} of {known_others} overlap with those of the selected one, {selected}."
    if selected == 0 or 0 not in ends.index:
        return told
    return f"{told} The default's lie from {ends.loc[0, 'min']:.3f} to {ends.loc[0, 'max']:.3f} nats."


@figure(
    ("select/replicates.parquet", "select/choice.json"),
    prepare=prepare_choice,
    shows=describe_spread,
    caption="Final loss of the candidates and of the default over seeds: each run of the race (dots), each run of the selected "
    "candidate and of the default over fresh seeds (squares), and the mean of these for the selected one with its "
    "95 % interval. Runs above the axis stand at its border. Where the runs of two candidates overlap, the race may have chosen "
    "the wrong one, at little cost.",
)
def choice(ax: Axes, data: pd.DataFrame) -> None:
    """Draw the runs of each candidate on a scale that holds the candidates; the default's may lie above it."""
    ax.set(xlabel="candidate", ylabel="final eval loss (nats)")
    known = data[data["loss_nats"].notna()]
    if not usable(ax, known, "no training ran to its end"):
        return
    searched = known.loc[known["candidate"] > 0, "loss_nats"]
    ax.set_ylim(limits(known["loss_nats"][known["loss_nats"] <= searched.max()] if len(searched) else known["loss_nats"]))
    for series, shift, mark, colour, words in (
        (RUN, -0.15, "o", "#E69F00", "run of the race"),
        (CONFIRMING, 0.0, "s", "#56B4E9", "run that confirms"),
    ):
        part = known[known["series"] == series]
        heights = part["loss_nats"].clip(upper=ax.get_ylim()[1])
        points(ax, part["candidate"] + shift, heights, mark, color=colour, alpha=0.8, label=words)
    means = known[known["series"] == MEAN]
    spread = np.nan_to_num([means["loss_nats"] - means["low_nats"], means["high_nats"] - means["loss_nats"]]).clip(0)
    style: Style = {"fmt": "D", "color": "#0072B2", "capsize": 5, "label": "confirmed mean"}
    ax.errorbar(means["candidate"] + 0.2, means["loss_nats"], spread, **style)
    numbers = sorted(data["candidate"].unique())
    ax.set_xlim(numbers[0] - 0.5, numbers[-1] + 0.5)
    ax.set_xticks(numbers, ["default" if candidate == 0 else str(candidate) for candidate in numbers])
    legend_above(ax, 3)


def prepare_race(replicates: pd.DataFrame) -> pd.DataFrame:
    """Give for each candidate and each of its rounds: seeds so far, their mean loss, and whether the candidate stays."""
    rows, replicates = [], replicates[replicates["round"].notna()]
    for (candidate, number), part in replicates.groupby(["candidate", "round"]):
        known = replicates[(replicates["candidate"] == candidate) & (replicates["round"] <= number)]
        rows.append((candidate, number, len(known), known["final_loss_nats"].astype(float).mean(), part["stays"].all()))
    return pd.DataFrame(rows, columns=["candidate", "round", "seeds", "mean_nats", "stays"])


def describe_race(data: pd.DataFrame) -> str:
    """Say how many candidates were dropped, and how far a mean moved."""
    known = data[data["mean_nats"].notna() & (data["candidate"] > 0)]
    if known.empty:
        return ""
    candidates = known.groupby("candidate")
    moved = (candidates["mean_nats"].max() - candidates["mean_nats"].min()).max()
    dropped = (~candidates["stays"].all()).sum()
    said = (
        f"{dropped} of {counted(len(candidates), 'candidate')} {'was' if dropped == 1 else 'were'} dropped"
        if dropped
        else "no candidate was dropped"
    )
    return f"Here {said}, and a mean moved by up to {moved:.3f} nats as seeds were added."


@figure(
    ("select/replicates.parquet",),
    prepare=prepare_race,
    shows=describe_race,
    caption="The race of the candidates: the mean loss of each over its seeds so far, round by round. A cross marks a candidate "
    "that was dropped, because a test of it alone found it worse than the best. A line that moves shows the noise that a single "
    "run hides.",
)
def race(ax: Axes, data: pd.DataFrame) -> None:
    """Draw a line for each candidate over the rounds, and a cross where it was dropped."""
    ax.set(xlabel="round", ylabel="mean final loss so far (nats)")
    known = data[data["mean_nats"].notna() & (data["candidate"] > 0)]  # the default is far above, and has its own figure
    if not usable(ax, known, "no candidate was raced"):
        return
    for (candidate, part), dash, mark in zip(known.groupby("candidate"), cycle(DASHES), cycle(SHAPES)):
        ax.plot(part["round"], part["mean_nats"], linestyle=dash, marker=mark, label=f"candidate {candidate}")
    dropped = known[~known["stays"].astype(bool)]
    ax.plot(dropped["round"], dropped["mean_nats"], "x", color="black", markersize=13, markeredgewidth=2.2, label="dropped")
    ax.set_xticks(sorted(known["round"].unique()))
    legend_above(ax, 4)


def prepare_final_curve(evals: pd.DataFrame, steps: pd.DataFrame, study: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Give the curves of the final training and of the chosen trial, which the default does not have.

    study: the evals of phase 2, with those of the chosen trial.

    Step 0, the untrained model, is left out, since a logarithmic axis has no place for it.
    """
    chosen = study[study["trial"] == choice.trial]
    frames = {"train": steps, "eval": evals, "chosen trial": chosen}
    parts = [frame[["step", "loss_nats"]].assign(series=name) for name, frame in frames.items()]
    data = pd.concat(parts, ignore_index=True)[["series", "step", "loss_nats"]]
    return data[data["step"] > 0].reset_index(drop=True)


def describe_final(data: pd.DataFrame) -> str:
    """Say which curves are drawn, and from where on the final training lies below the end of the chosen trial."""
    kinds = {
        "train": "its training loss of each step (thin)",
        "eval": "its eval losses (line)",
        "chosen trial": "the evals of the chosen trial of phase 2 (dashed)",
    }
    there = set(data.loc[np.isfinite(data["loss_nats"].astype(float)), "series"])
    told = [words for name, words in kinds.items() if name in there]
    drawn = f"Drawn: {listed(told)}." if told else ""
    evals, chosen = (data[data["series"] == name] for name in ("eval", "chosen trial"))
    if evals.empty or chosen.empty or not np.isfinite(end := float(chosen["loss_nats"].iloc[-1])):
        return drawn
    above = ~(evals["loss_nats"].astype(float) < end)  # also where it is not finite
    for_good = evals["step"][~above[::-1].cummax()[::-1]]
    words = f"is below that from step {for_good.iloc[0]} on" if len(for_good) else "does not end below that"
    return f"{drawn} The chosen trial ends at {end:.3f} nats; the final training {words}."


@figure(
    ("train/evals.parquet", "train/steps.parquet", "sweep_bayes/evals.parquet", "select/choice.json"),
    prepare=prepare_final_curve,
    shows=describe_final,
    caption="The loss of the final training over its steps. Each training follows its own schedule of the learning rate, so "
    "they are comparable at their ends alone.",
)
def final_curve(ax: Axes, data: pd.DataFrame) -> None:
    """Draw the loss over the steps of the whole training, on a logarithmic axis."""
    ax.set(xlabel="steps", ylabel="loss (nats)")
    finite = data[np.isfinite(data["loss_nats"].astype(float))]
    if not usable(ax, finite, "no finite loss"):
        return
    styles: dict[str, Style] = {
        "train": {"color": "#56B4E9", "linewidth": 0.8, "label": "final training, batch"},
        "chosen trial": {"color": "#0072B2", "marker": "s", "markersize": 5, "linestyle": "--", "label": "chosen trial, evals"},
        "eval": {"color": "#D55E00", "marker": "o", "markersize": 5, "label": "final training, evals"},
    }
    for name, style in styles.items():
        part = finite[finite["series"] == name]
        if len(part):
            ax.plot(part["step"], part["loss_nats"], **style)
    limit(ax, finite["loss_nats"], finite["loss_nats"].iloc[0] * 1.1)
    log_axes(ax, "x")
    legend_above(ax, 2)
