"""Every figure: prepare_NAME(tables) gives exactly the data that draw_NAME(ax, data) draws, one tidy table each.

Marks such as the edge or the rungs are rows of that table too. Nothing here touches the file system but for the style
sheet of the package. Figures survive a study without usable data: they are then an axis with a note.
"""

import io
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lrsweep.artifacts import COMPLETE, DIVERGED, PRUNED

STYLE = Path(__file__).with_name("style.mplstyle")
SHOWN_QUANTILE = 0.9  # a few runaway losses must not flatten the rest: the axis ends a little above this quantile
COLOURS = {COMPLETE: "#0072B2", PRUNED: "#E69F00", DIVERGED: "#D55E00"}
MARKERS = {COMPLETE: "o", PRUNED: "s", DIVERGED: "^"}
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")
SHAPES = "osD^vPX"

NAMES = ("lr_grad_norm", "loss_by_lr", "proposals", "curves", "clusters", "correlations", "replay", "choice", "final_curve")


def _marks(**values: float | None) -> list[dict[str, Any]]:
    return [{"series": name.replace("_", " "), "lr": value} for name, value in values.items() if value is not None]


def prepare_lr_grad_norm(bins: pd.DataFrame, edge_lr: float | None) -> pd.DataFrame:
    filled = bins[bins["grad_norm_p50"].notna()]
    names = ["grad_norm_p05", "grad_norm_p50", "grad_norm_p95"]
    rows = [
        {"series": row.stage, "lr": float(np.sqrt(row.lr_low * row.lr_high)), **{name: getattr(row, name) for name in names}}
        for row in filled.itertuples()
    ]
    return pd.DataFrame(rows + _marks(edge=edge_lr), columns=["series", "lr", *names])


def draw_lr_grad_norm(ax: Axes, data: pd.DataFrame) -> None:
    ax.set(xlabel="learning rate of the step", ylabel="gradient norm before clipping")
    norms = data[data["grad_norm_p50"] > 0]
    if not _usable(ax, norms, "no step with a finite gradient norm"):
        return
    for (name, part), colour, dash in zip(norms.groupby("series"), PALETTE, DASHES, strict=False):
        part = part.sort_values("lr")
        low = part["grad_norm_p05"].where(part["grad_norm_p05"] > 0, part["grad_norm_p50"])
        ax.fill_between(part["lr"], low, part["grad_norm_p95"], color=colour, alpha=0.2, linewidth=0)
        ax.plot(part["lr"], part["grad_norm_p50"], dash, color=colour, marker="o", markersize=4, label=name)
    _draw_edge(ax, data)
    _log(ax, "xy")
    ax.legend()


def prepare_loss_by_lr(
    trials: pd.DataFrame, edge_lr: float | None, edge_low: float | None, edge_high: float | None
) -> pd.DataFrame:
    rows = [
        {"series": row.state, "trial": row.trial, "lr": row.lr, "final_loss_nats": row.final_loss_nats}
        for row in trials.itertuples()
    ]
    marks = _marks(edge=edge_lr, edge_low=edge_low, edge_high=edge_high)
    data = pd.DataFrame(rows + marks, columns=["series", "trial", "lr", "final_loss_nats"])
    return data.astype({"trial": "Int32", "final_loss_nats": float})


def draw_loss_by_lr(ax: Axes, data: pd.DataFrame) -> None:
    ax.set(xlabel="maximum learning rate", ylabel="final eval loss (nats)")
    runs = data[data["trial"].notna()]
    if not _usable(ax, runs, "no trial"):
        return
    _draw_states(ax, runs, "lr", "final_loss_nats")
    _draw_edge(ax, data)
    borders = data.loc[data["series"].isin(["edge low", "edge high"]), "lr"]
    if len(borders) == 2:
        ax.axvspan(borders.min(), borders.max(), color="black", alpha=0.12, linewidth=0, label="its interval")
    _log(ax, "x")
    ax.legend()


def prepare_proposals(trials: pd.DataFrame) -> pd.DataFrame:
    data = trials[["trial", "state", "lr", "beta2", "weight_decay", "last_loss_nats"]].sort_values("trial", ignore_index=True)
    data.loc[data["state"] == DIVERGED, "last_loss_nats"] = np.nan
    best = data["last_loss_nats"].where(data["state"] == COMPLETE).astype(float).cummin().ffill()
    return data.rename(columns={"state": "series"}).assign(best_nats=best)


def draw_proposals(ax: Axes, data: pd.DataFrame) -> None:
    ax.set(xlabel="trial, in the order of proposal", ylabel="last eval loss (nats)")
    if not _usable(ax, data, "no trial"):
        return
    _draw_states(ax, data, "trial", "last_loss_nats")
    ax.step(data["trial"], data["best_nats"], where="post", color="black", label="best final loss so far")
    ax.legend()


def prepare_curves(trials: pd.DataFrame, evals: pd.DataFrame, rungs: pd.DataFrame) -> pd.DataFrame:
    states = trials.set_index("trial")["state"]
    data = evals[["trial", "step", "loss_nats"]].assign(series=evals["trial"].map(states))
    levels = sorted(rungs["rung"].unique())
    marks = pd.DataFrame({"series": "rung", "step": levels, "trial": pd.NA, "loss_nats": np.nan})
    both = pd.concat([data.astype({"trial": "Int32"}), marks.astype({"trial": "Int32"})], ignore_index=True)
    return both[["series", "trial", "step", "loss_nats"]]


def draw_curves(ax: Axes, data: pd.DataFrame) -> None:
    ax.set(xlabel="steps", ylabel="eval loss (nats)")
    points = data[data["loss_nats"].notna()]
    if not _usable(ax, points, "no finite eval"):
        return
    for state in (DIVERGED, PRUNED, COMPLETE):
        for i, (_, curve) in enumerate(points[points["series"] == state].groupby("trial")):
            dash = "-" if state == COMPLETE else "--"
            label = None if i else state.lower()
            ax.plot(curve["step"], curve["loss_nats"], dash, color=COLOURS[state], linewidth=1.2, alpha=0.7, label=label)
    for step in data.loc[data["series"] == "rung", "step"]:
        ax.axvline(step, color="black", linestyle=":", linewidth=1.2)
    _limit(ax, points["loss_nats"], points.loc[points["step"] == points["step"].min(), "loss_nats"].median() * 1.05)
    ax.legend()


def prepare_clusters(assignments: pd.DataFrame, evals: pd.DataFrame) -> pd.DataFrame:
    joined = evals[["trial", "step", "loss_nats"]].merge(assignments[["trial", "cluster"]], on="trial")
    grouped = joined.groupby(["cluster", "step"], as_index=False)
    return grouped.agg(
        trials=("trial", "nunique"),
        mean_nats=("loss_nats", "mean"),
        low_nats=("loss_nats", "min"),
        high_nats=("loss_nats", "max"),
    )


def draw_clusters(ax: Axes, data: pd.DataFrame) -> None:
    ax.set(xlabel="steps", ylabel="eval loss (nats)")
    if not _usable(ax, data, "no clusters: too few trials survived"):
        return
    for i, (cluster, part) in enumerate(data.groupby("cluster")):
        colour, n = PALETTE[i % len(PALETTE)], part["trials"].max()
        ax.fill_between(part["step"], part["low_nats"], part["high_nats"], color=colour, alpha=0.15, linewidth=0)
        label = f"cluster {cluster} ({n} trial{'s' if n > 1 else ''})"
        ax.plot(part["step"], part["mean_nats"], DASHES[i % len(DASHES)], color=colour, label=label)
    start = data.loc[data["step"] == data["step"].min(), "mean_nats"].max()
    _limit(ax, data["mean_nats"], start * 1.05)
    ax.legend()


def prepare_correlations(correlations: pd.DataFrame) -> pd.DataFrame:
    return correlations[["metric", "rung", "n", "spearman", "spearman_low", "spearman_high"]].reset_index(drop=True)


def draw_correlations(ax: Axes, data: pd.DataFrame) -> None:
    ax.set(xlabel="rung (steps)", ylabel="Spearman correlation\nwith the final loss", ylim=(-1.05, 1.05))
    known = data[data["spearman"].notna()]
    if not _usable(ax, known, "no rung with enough trials"):
        return
    rungs = sorted(known["rung"].unique())
    groups = list(known.groupby("metric", sort=False))
    for i, (metric, part) in enumerate(groups):
        x = np.array([rungs.index(rung) for rung in part["rung"]]) + 0.14 * (i - (len(groups) - 1) / 2)
        middle = part["spearman"].to_numpy()
        spread = np.nan_to_num([middle - part["spearman_low"], part["spearman_high"] - middle]).clip(0)
        ax.errorbar(x, middle, spread, fmt=SHAPES[i % len(SHAPES)], color=PALETTE[i % len(PALETTE)], capsize=4, label=metric)
    ax.axhline(0, color="black", linewidth=1)
    ax.set_xticks(range(len(rungs)), [str(rung) for rung in rungs])
    ax.legend(loc="lower right")


def prepare_replay(replay: pd.DataFrame) -> pd.DataFrame:
    grouped = replay.groupby(["rule", "metric"], as_index=False, sort=False)
    return grouped.agg(
        orders=("order", "nunique"),
        steps=("steps", "median"),
        best_loss_nats=("best_loss_nats", "median"),
        stopped=("stopped", "median"),
    )


def draw_replay(ax: Axes, data: pd.DataFrame) -> None:
    ax.set(xlabel="steps trained (median)", ylabel="best final loss kept\n(nats, median)")
    if not _usable(ax, data, "nothing to replay"):
        return
    metrics = list(dict.fromkeys(data["metric"]))
    for i, (rule, part) in enumerate(data.groupby("rule", sort=False)):
        for row in part.itertuples():
            colour, shape = PALETTE[metrics.index(row.metric) % len(PALETTE)], SHAPES[i % len(SHAPES)]
            ax.plot(row.steps, row.best_loss_nats, shape, color=colour, markersize=9, alpha=0.85, label=f"{rule}, {row.metric}")
    ax.legend(fontsize=8, ncols=1 + len(data) // 14, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def prepare_choice(replicates: pd.DataFrame, means: list[dict[str, Any]]) -> pd.DataFrame:
    """`means`: per candidate its number, loss_nats, low_nats and high_nats."""
    runs = [
        {"series": "run", "candidate": row.candidate, "seed": row.seed, "loss_nats": row.final_loss_nats}
        for row in replicates.itertuples()
    ]
    data = pd.DataFrame(
        [*runs, *({"series": "mean", **row} for row in means)],
        columns=["series", "candidate", "seed", "loss_nats", "low_nats", "high_nats"],
    )
    return data.astype({"seed": "Int64", "loss_nats": float, "low_nats": float, "high_nats": float})


def draw_choice(ax: Axes, data: pd.DataFrame) -> None:
    ax.set(xlabel="candidate", ylabel="final eval loss (nats)")
    if not _usable(ax, data[data["loss_nats"].notna()], "every repeated training diverged"):
        return
    runs, means = data[data["series"] == "run"], data[(data["series"] == "mean") & data["loss_nats"].notna()]
    ax.plot(runs["candidate"] + 0.15, runs["loss_nats"], "o", color="#E69F00", alpha=0.8, label="one run")
    middle = means["loss_nats"].to_numpy()
    spread = np.nan_to_num([middle - means["low_nats"], means["high_nats"] - middle]).clip(0)
    ax.errorbar(means["candidate"], middle, spread, fmt="D", color="#0072B2", capsize=5, label="mean, 95 % interval")
    known = sorted(data["candidate"].unique())
    ax.set_xticks(known, ["default" if candidate == 0 else str(candidate) for candidate in known])
    ax.legend()


def prepare_final_curve(evals: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    parts = [frame[["step", "loss_nats"]].assign(series=name) for name, frame in (("train", steps), ("eval", evals))]
    return pd.concat(parts, ignore_index=True)[["series", "step", "loss_nats"]]


def draw_final_curve(ax: Axes, data: pd.DataFrame) -> None:
    ax.set(xlabel="steps", ylabel="loss (nats)")
    finite = data[np.isfinite(data["loss_nats"].astype(float))]
    if not _usable(ax, finite, "no finite loss"):
        return
    train, evals = finite[finite["series"] == "train"], finite[finite["series"] == "eval"]
    ax.plot(train["step"], train["loss_nats"], color="#56B4E9", linewidth=0.8, label="training batch")
    ax.plot(evals["step"], evals["loss_nats"], color="#D55E00", marker="o", markersize=4, label="evals")
    _limit(ax, finite["loss_nats"], finite["loss_nats"].iloc[0] * 1.1)
    ax.legend()


def render(name: str, data: pd.DataFrame) -> tuple[bytes, bytes]:
    """The figure NAME as SVG and as PNG: the same data gives the same bytes, whatever the user's matplotlib is set to."""
    svg, png = io.BytesIO(), io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rc_file(STYLE)
        figure = Figure()
        FigureCanvasAgg(figure)
        globals()[f"draw_{name}"](figure.subplots(), data)
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        figure.savefig(png, format="png", metadata={"Software": None})
    return svg.getvalue(), png.getvalue()


def _usable(ax: Axes, data: pd.DataFrame, note: str) -> bool:
    """Whether there is something to draw; where not, the axis gets the note."""
    if data.empty:
        ax.text(0.5, 0.5, note, transform=ax.transAxes, ha="center", va="center")
    return not data.empty


def _draw_states(ax: Axes, runs: pd.DataFrame, x: str, y: str) -> None:
    """Trials by state; what has no loss, or one above the axis, stands at the upper border."""
    losses = runs[y].astype(float)
    if losses.notna().any():
        bottom, top = losses.min(), max(losses.quantile(SHOWN_QUANTILE), losses.median())
        margin = 0.1 * (top - bottom) or 0.1
        ax.set_ylim(bottom - margin, top + 2 * margin)
    else:
        ax.set_yticks([])
    border = ax.get_ylim()[1]
    for state, part in runs.groupby("series"):
        heights = losses[part.index].fillna(border).clip(upper=border)
        style = {"color": COLOURS[str(state)], "alpha": 0.85, "clip_on": False, "zorder": 3}
        ax.plot(part[x], heights, MARKERS[str(state)], label=str(state).lower(), **style)


def _draw_edge(ax: Axes, data: pd.DataFrame) -> None:
    for lr in data.loc[data["series"] == "edge", "lr"]:
        ax.axvline(lr, color="black", linestyle=":", label="edge of stability")


def _limit(ax: Axes, losses: pd.Series, top: float) -> None:
    """The loss axis ends at `top` where a spike would stretch it further."""
    if losses.max() > top > losses.min():
        ax.set_ylim(top=top, bottom=losses.min() - 0.05 * (top - losses.min()))


def _log(ax: Axes, axes: str) -> None:
    """Logarithmic axes with plain numbers at 1, 2 and 5."""
    for name in axes:
        getattr(ax, f"set_{name}scale")("log")
        axis = ax.xaxis if name == "x" else ax.yaxis
        low, high = axis.get_view_interval()
        ticks = [m * 10.0**e for e in range(-12, 13) for m in (1, 2, 5) if low <= m * 10.0**e <= high]
        decades = [tick for tick in ticks if f"{tick:.0e}".startswith("1")]
        axis.set_major_locator(FixedLocator(decades if len(ticks) > 8 else ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
