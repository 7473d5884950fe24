"""What the outcomes of the search benchmark come to: rows, goals, the tables of search.md and the figure."""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

import lrsweep
from benchmarks.frame import FOLDER, Comparison, markdown, write
from benchmarks.replay import BUDGET, MARKS, WITHIN
from lrsweep import files

WORKERS = (8, 32)
OURS = "ours"  # what the names of our studies begin with
METRICS = "objective"  # what stands in those of the variants by metric
# What the goals are asked of: the study of params.yaml alone, and after phase 1, whose own steps are not counted.
ASKED = {"ours": "search", "ours, in the range of phase 1 and told of it": "search told of phase 1"}
GOALS = {"W&B": 5, "Optuna": 3}  # times fewer steps than the best contestant of the name, and none missed in
SEEDS = 50
BEGIN, END = "<!-- from here on: python -m benchmarks.search -->", "<!-- up to here -->"
MEASURES = (("steps", 8), ("time", 8), ("time", 32))
WORDS = {"steps": f"steps until truly within {WITHIN:.1%} of the best", "time": "time until then, in steps of one worker"}

CLOCK = "a simulated clock, the same wherever it is replayed"
Outcome = Mapping  # what benchmarks.replay writes
Groups = Mapping[tuple[str, int], Sequence[Outcome]]


def grouped(outcomes: Sequence[Outcome]) -> Groups:
    """The outcomes of each contestant and number of workers."""
    groups = defaultdict(list)
    for outcome in outcomes:
        groups[outcome["contestant"], outcome["workers"]].append(outcome)
    return groups


def values(group: Sequence[Outcome], key: str) -> list[float]:
    """Steps or time of each seed; infinite where it missed."""
    return [math.inf if outcome[key] is None else outcome[key] for outcome in group]


def loss_at(group: Sequence[Outcome], mark: int) -> float:
    """Median true loss in nats of the best complete trial at so many steps; infinite where most have none."""
    found = [outcome["true_nats"].get(str(mark)) for outcome in group]
    return statistics.median(math.inf if value is None else value for value in found)


def rows(groups: Groups) -> list[dict]:
    """A row a contestant and number of workers: quartiles of steps and time, share missed, and the loss at equal steps."""
    found = []
    for (name, workers), group in groups.items():
        row = {"contestant": name, "workers": workers, "seeds": len(group)}
        for key in ("steps", "time"):
            low, high = np.quantile(values(group, key), [0.25, 0.75], method="nearest")
            row |= {f"{key}_25": low, f"{key}_50": statistics.median(values(group, key)), f"{key}_75": high}
        missed = sum(outcome["steps"] is None for outcome in group) / len(group)
        found.append({**row, "missed": missed, **{f"true_nats_at_{mark}": loss_at(group, mark) for mark in MARKS}})
    return sorted(found, key=lambda row: (row["workers"], row["steps_50"], row["missed"], row["contestant"]))


def goals(pool: str, groups: Groups) -> list[Comparison]:
    """Our studies beside the best contestant of W&B and of Optuna, by the median of what is measured."""
    found = []
    for (asked, search), (key, workers), (family, goal) in product(ASKED.items(), MEASURES, GOALS.items()):
        ours = groups.get((asked, workers), ())
        rivals = {name: values(group, key) for (name, n), group in groups.items() if n == workers and family in name}
        if ours and rivals:
            best = min(rivals, key=lambda name: (statistics.median(rivals[name]), sum(map(math.isinf, rivals[name]))))
            held = len(ours) >= SEEDS and all(outcome["steps"] is not None for outcome in ours)
            work = f"{search} on {pool}, {workers} workers"
            found.append(Comparison(work, WORDS[key], "less", best, values(ours, key), rivals[best], goal, held, CLOCK))
    return found


def count(value: float) -> str:
    """Steps, or that they did not suffice."""
    return f"{value:,.0f}" if math.isfinite(value) else "missed"


def verdict(comparison: Comparison) -> str:
    """In words what the table of all benchmarks says with yes or no."""
    if comparison.ratio >= comparison.goal and not comparison.held and math.isfinite(max(comparison.ours)):
        return f"goal open: {len(comparison.ours)} of {SEEDS} seeds"
    return "goal met" if comparison.met else "goal missed"


def goals_table(comparisons: Sequence[Comparison]) -> str:
    """A line a goal."""
    head = ("", "measure", "ours", "its seeds, missed", "best peer", "its median", "seeds, missed", "ours / its", "goal", "")
    lines = []
    for it in comparisons:
        ours, theirs = (
            (count(statistics.median(side)), f"{len(side)}, {sum(map(math.isinf, side))}") for side in (it.ours, it.theirs)
        )
        ratio = f"{1 / it.ratio:.2f}" if it.ratio > 0 else ""  # not a number either, where both missed
        lines.append((it.work, it.measure, *ours, it.peer, *theirs, ratio, f"{1 / it.goal:.2f}", verdict(it)))
    return markdown(head, lines)


def pool_table(found: Sequence[dict]) -> str:
    """A line a contestant, from its row with few workers and its row with many."""
    few, many = ({row["contestant"]: row for row in found if row["workers"] == workers} for workers in WORKERS)
    head = ["", *(f"seeds, missed: {n} workers" for n in WORKERS), f"steps, {WORKERS[0]} workers", "quartiles"]
    head += [f"true nats at {mark:,}" for mark in MARKS] + [f"time, {n} workers" for n in WORKERS]
    lines = []
    for name, row in few.items():
        both = [row, many.get(name)]
        seeds = [f"{one['seeds']}, {one['missed']:.0%}" if one else "0" for one in both]
        losses = [f"{row[key]:.4f}" if math.isfinite(row[key]) else "" for key in (f"true_nats_at_{mark}" for mark in MARKS)]
        times = [count(one["time_50"]) if one else "" for one in both]
        lines.append(
            [name, *seeds, count(row["steps_50"]), f"{count(row['steps_25'])} to {count(row['steps_75'])}", *losses, *times]
        )
    return markdown(head, lines)


def page(found: Mapping[str, Sequence[dict]], comparisons: Sequence[Comparison]) -> str:
    """The tables in Markdown: the goals, the contestants on each pool, and the study steered by each pair of metrics."""
    parts = [f"### Goals\n\nAgainst the best of each, none missed in {SEEDS} seeds.\n\n{goals_table(comparisons)}"]
    for pool, its in found.items():
        parts.append(f"### {pool}\n\n{pool_table([row for row in its if METRICS not in row['contestant']])}")
    for pool, its in found.items():
        if pairs := [row for row in its if METRICS in row["contestant"]]:
            parts.append(f"### Objective and stopping metric, {pool}\n\n{pool_table(pairs)}")
    return "\n\n".join(parts)


def draw(found: Mapping[str, Sequence[dict]], path: Path) -> None:
    """Median and quartiles of the steps with few workers, one panel a pool; a dot at the budget's end missed."""
    import matplotlib.pyplot as plt

    tables = {pool: {row["contestant"]: row for row in its if row["workers"] == WORKERS[0]} for pool, its in found.items()}
    names = list(dict.fromkeys(name for its in tables.values() for name in its))[::-1]
    with plt.style.context(Path(lrsweep.__file__).parent / "figures/style.mplstyle"):
        figure, axes = plt.subplots(
            1, len(tables), figsize=(7 * len(tables), 1.5 + 0.34 * len(names)), sharey=True, squeeze=False
        )
        for ax, (pool, its) in zip(axes[0], tables.items(), strict=True):
            for height, name in enumerate(names):
                if name in its:
                    low, middle, high = (min(its[name][f"steps_{q}"], BUDGET) for q in (25, 50, 75))
                    colour = "#D55E00" if name.startswith(OURS) else "#0072B2"
                    ax.errorbar(middle, height, xerr=[[middle - low], [high - middle]], fmt="o", color=colour)
                    about = f"{its[name]['seeds']} seeds, {its[name]['missed']:.0%} missed"
                    ax.annotate(about, (1, height), xycoords=("axes fraction", "data"), fontsize=8, va="center", ha="right")
            ax.set(title=f"{pool}, {WORKERS[0]} workers", xscale="log", xlim=(300, 4 * BUDGET), xlabel=WORDS["steps"])
            ticks = (300, 1_000, 3_000, 10_000, BUDGET)
            ax.set_xticks(ticks, [f"{steps:,}" for steps in ticks])
        axes[0][0].set_yticks(range(len(names)), names, fontsize=9)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def write_all(outcomes: Mapping[str, Sequence[Outcome]]) -> None:
    """Writes what is known of each pool to docs/benchmarks, and prints it."""
    groups = {pool: grouped(its) for pool, its in outcomes.items()}
    found = {pool: rows(its) for pool, its in groups.items()}
    comparisons = [comparison for pool, its in groups.items() for comparison in goals(pool, its)]
    for pool, its in found.items():
        finite = pd.DataFrame(its).replace(math.inf, np.nan)  # an empty cell: more missed than the quantile's share
        files.write_text(FOLDER / f"search_{pool}.csv", finite.to_csv(index=False, float_format="%.5g"))
    if comparisons:  # none before ours and a peer have a seed
        write("search", comparisons)
    text = page(found, comparisons)
    print(text)
    head, _, rest = (FOLDER / "search.md").read_text().partition(BEGIN)
    files.write_text(FOLDER / "search.md", f"{head}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")
    draw(found, FOLDER / "search.svg")
