"""Search quality: steps trained until the best complete trial is truly within 0.5 % of the best, replayed on pools of curves.

    python -m benchmarks.search --seeds 50

Writes docs/benchmarks/search_POOL.csv, a row a contestant, and search.svg. An interrupted call goes on where it was: each
outcome lies in work/search, under a digest of the pool and of the code that it comes from.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.pool import LR
from benchmarks.replay import MARKS, WITHIN
from benchmarks.world import NAMES, WORST_NATS, World, kernel
from lrsweep import checking, lineage
from lrsweep.params import Range, SweepBayes
from lrsweep.smoothing import JITTER, fit

HERE = Path(__file__).parent
DOCS = Path("docs/benchmarks")
POOLS = ("tinystories", "stories")  # what was tuned on, and what was not
PEERS = "benchmarks.peers"
# module: its environment's Python, None for this one
MODULES = {
    "benchmarks.our_studies": None,
    f"{PEERS}.random_search": None,
    f"{PEERS}.optuna_studies": None,
    f"{PEERS}.wandb_engine": Path(".venv-sweeps/bin/python"),
}
WORKERS = (8, 32)
INFINITE = 1e9


def build(path: Path, section: SweepBayes) -> World:
    """The world of a pool that benchmarks.pool wrote."""
    import pandas as pd

    table = pd.read_parquet(path)
    ranges: dict[str, Range] = {"lr": LR, "beta2": section.beta2, "weight_decay": section.weight_decay}
    wide = table.pivot_table(index="trial", columns="step", values="loss_nats", dropna=False)
    logs = np.log(wide.fillna(WORST_NATS).clip(upper=WORST_NATS).to_numpy())
    values = table.groupby("trial")[list(NAMES)].first()
    points = np.column_stack([[ranges[name].share(value) for value in values[name]] for name in NAMES])
    raw, mean = fit(points, logs[:, -1]).raw, logs.mean(0)
    own = kernel(points, points, raw)
    weights = np.linalg.solve(own + (np.exp(raw[-1]) + JITTER) * np.eye(len(points)), logs - mean)
    least, most = (np.array([getattr(ranges[name], end) for name in NAMES]) for end in ("min", "max"))
    scales = np.array([ranges[name].scale == "log" for name in NAMES])
    residuals = logs - mean - own @ weights
    return World(least, most, scales, points, mean, weights, residuals, wide.columns.to_numpy(dtype=int), raw)


def folder_of(pool: Path, module: str) -> Path:
    """Where the outcomes lie: other code or another pool has another folder."""
    shared = [HERE / f"{name}.py" for name in ("world", "clock", "replay")]
    if module.startswith(PEERS):
        own = [HERE / "peers" / f"{module.rsplit('.', 1)[1]}.py"]
    else:
        own = [*(HERE / f"{name}.py" for name in ("ours", "our_studies", "prototype")), Path("params.yaml")]
        own += {*lineage.modules("lrsweep.proposing"), *lineage.modules("lrsweep.study")}
    content = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted([pool, *shared, *own])]
    return Path("work/search") / hashlib.sha256("".join(content).encode()).hexdigest()[:16]


def replay(pool: Path, world: Path, seeds: int, only: str | None) -> list[dict]:
    """Runs what is missing, and reads all outcomes."""
    rows = []
    for module, python in MODULES.items():
        folder, paths = folder_of(pool, module), os.pathsep.join(map(str, (HERE.parent, HERE.parent / "src")))
        env = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        for workers in WORKERS if only is None or only in module else ():
            if python and not python.exists():
                print(f"{module}: {python} is missing, left out; make env-sweeps")
                continue
            command = [str(python or sys.executable), "-m", "benchmarks.replay", str(world), str(folder), module]
            subprocess.run([*command, str(workers), str(seeds)], env=env, check=True)
        rows += [json.loads(path.read_text()) for path in sorted((folder / module).glob("*.json"))]
    return [row for row in rows if row["seed"] < seeds]


def summarize(rows: list[dict]) -> list[dict]:
    """A row a contestant and number of workers: quartiles of steps and time, share missed, and the loss at equal steps."""
    groups = defaultdict(list)
    for row in rows:
        groups[row["contestant"], row["workers"]].append(row)
    found = []
    for (name, workers), group in groups.items():
        steps, times = ([INFINITE if row[key] is None else row[key] for row in group] for key in ("steps", "time"))
        low, middle, high = np.quantile(steps, [0.25, 0.5, 0.75], method="nearest")
        losses = {}
        for mark in MARKS:
            at = [row["true_nats"].get(str(mark)) for row in group]
            losses[f"true_nats_at_{mark}"] = np.median([INFINITE if value is None else value for value in at])
        missed = sum(row["steps"] is None for row in group) / len(group)
        counts = {"contestant": name, "workers": workers, "seeds": len(group)}
        quartiles = {"steps_25": low, "steps_50": middle, "steps_75": high, "missed": missed}
        found.append({**counts, **quartiles, "time_50": np.quantile(times, 0.5, method="nearest"), **losses})
    return found


def draw(tables: dict[str, list[dict]]) -> None:
    """Median and quartiles of the steps with 8 workers, one panel a pool."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "lrsweep"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(tables), figsize=(12, 7), sharey=True, squeeze=False, layout="constrained")
    for ax, (pool, rows) in zip(axes[0], tables.items(), strict=True):
        rows = [row for row in rows if row["workers"] == WORKERS[0]][::-1]
        ends = np.array([[min(row[f"steps_{q}"], 36_000) for q in (25, 50, 75)] for row in rows])
        names = [f"{row['contestant']} ({row['seeds']} seeds)" for row in rows]
        ax.barh(names, ends[:, 1], xerr=[ends[:, 1] - ends[:, 0], ends[:, 2] - ends[:, 1]], color="tab:blue", alpha=0.7)
        ax.set(title=f"pool_{pool}, 8 workers", xlabel=f"steps until truly within {WITHIN:.1%} of the best", xscale="log")
    figure.savefig(DOCS / "search.svg", metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--only", help="run only modules with this in their name")
    args = parser.parse_args()
    section, tables = checking.load(Path("params.yaml")).sweep_bayes, {}
    for name in POOLS:
        pool, place = DOCS / f"pool_{name}.parquet", Path(f"work/search/{name}.npz")
        world = build(pool, section)
        world.save(place)
        tables[name] = summarize(replay(pool, place, args.seeds, args.only))
        write(DOCS / f"search_{name}.csv", tables[name])
        print(f"pool_{name}: {len(world.points_ND)} curves, best true loss {world.best():.4f} nats")
    draw(tables)


def write(path: Path, rows: list[dict]) -> None:
    """The table; an infinite value, where more than the quantile's share missed, is left empty."""
    import pandas as pd

    table = pd.DataFrame(rows).replace(INFINITE, np.nan)
    table.to_csv(path, index=False, float_format="%.5g")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
