"""Figures of the choice over seeds and of the final training."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lrsweep.analysis.selection import Choice
from lrsweep.figures.drawing import DASHES, SHAPES, Style, legend_above, limit, log_axes, usable
from lrsweep.figures.figure import figure


def prepare_choice(replicates: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Give rows `run`: one training run each; `mean`: the mean of a candidate with its interval."""
    runs = replicates[["candidate", "seed"]].assign(series="run", loss_nats=replicates["final_loss_nats"])
    means = [{**vars(row), "series": "mean", "loss_nats": row.mean_nats} for row in choice.candidates]
    columns = ["series", "candidate", "seed", "loss_nats", "low_nats", "high_nats"]
    data = pd.DataFrame(runs.to_dict("records") + means, columns=columns)
    return data.astype({"seed": "Int64", "loss_nats": float, "low_nats": float, "high_nats": float})


@figure(
    ("select/replicates.parquet", "select/choice.json"),
    prepare=prepare_choice,
    panels=2,
    caption="Final loss of the candidates and of the default, trained again over several seeds: each run (dots), and the mean "
    "with its 95 % interval. The right panel shows the candidates alone, on a scale of their own. Where intervals "
    "overlap, the order of the means is not certain.",
)
def choice(axes: Sequence[Axes], data: pd.DataFrame) -> None:
    """Draw two panels of the same runs: with the default, and without it on a scale of their own."""
    axes[0].set_ylabel("final eval loss (nats)")
    for ax, part, title in zip(axes, (data, data[data["candidate"] > 0]), ("with the default", "candidates alone"), strict=True):
        ax.set(xlabel="candidate", title=title)
        _draw_candidates(ax, part)
    if axes[0].has_data():
        axes[0].legend()


def _draw_candidates(ax: Axes, data: pd.DataFrame) -> None:
    if not usable(ax, data[data["loss_nats"].notna()], "no training ran to its end"):
        return
    runs, means = data[data["series"] == "run"], data[(data["series"] == "mean") & data["loss_nats"].notna()]
    ax.plot(runs["candidate"] + 0.15, runs["loss_nats"], "o", color="#E69F00", alpha=0.8, label="one run")
    middle = means["loss_nats"].to_numpy()
    spread = np.nan_to_num([middle - means["low_nats"], means["high_nats"] - middle]).clip(0)
    ax.errorbar(means["candidate"], middle, spread, fmt="D", color="#0072B2", capsize=5, label="mean, 95 % interval")
    known = sorted(data["candidate"].unique())
    ax.set_xlim(known[0] - 0.5, known[-1] + 0.5)
    ax.set_xticks(known, ["default" if candidate == 0 else str(candidate) for candidate in known])


def prepare_race(replicates: pd.DataFrame) -> pd.DataFrame:
    """Give for each candidate and each of its rounds: seeds so far, their mean loss, and whether the candidate stays."""
    rows = []
    for (candidate, number), part in replicates.groupby(["candidate", "round"]):
        known = replicates[(replicates["candidate"] == candidate) & (replicates["round"] <= number)]
        rows.append((candidate, number, len(known), known["final_loss_nats"].astype(float).mean(), part["stays"].all()))
    return pd.DataFrame(rows, columns=["candidate", "round", "seeds", "mean_nats", "stays"])


@figure(
    ("select/replicates.parquet",),
    prepare=prepare_race,
    caption="The race of the candidates: the mean loss of each over its seeds so far, round by round. A cross marks a candidate "
    "that was clearly worse than the best and got no more seeds. See how far the means move as seeds are added: a "
    "single run hides this noise.",
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


@figure(
    ("train/evals.parquet", "train/steps.parquet", "sweep_bayes/evals.parquet", "select/choice.json"),
    prepare=prepare_final_curve,
    caption="The final training: training loss of each step (thin) and eval loss (line), beside the evals of the chosen trial "
    "of phase 2 (dashed). Each follows its own schedule of the learning rate. Look whether the longer training gets "
    "below the end of the shorter one, and whether its loss rises near the peak of the learning rate.",
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
    ax.legend()
