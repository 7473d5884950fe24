"""Search quality: steps trained until the best complete trial is truly within 0.5 % of the best, replayed on pools of curves.

    python -m benchmarks.search --seeds 50 --jobs 2     # replays what is missing, then writes the tables
    python -m benchmarks.search --seeds 50 --tables     # writes the tables of what is there

Writes docs/benchmarks/search_POOL.csv, a row a contestant, search.csv, the goals, search.svg, and the tables of search.md. An
interrupted call goes on where it was: each outcome lies in work/search, under a digest of the pool and of the code that it comes
from, and all of them in search_outcomes.parquet, so that what has not changed since is not replayed again. All contestants get
their first 10 seeds before any gets more. 50 are about four hours of one core, of which the peers (--only peers) take more than
half.
"""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks import outcomes, standings
from benchmarks.frame import FOLDER
from benchmarks.pool import SPACE
from benchmarks.world import NAMES, WORST_NATS, World, kernel, load
from lrsweep.search.smoothing import JITTER, fit

HERE = Path(__file__).parent
POOLS = ("tinystories", "stories", "pydoc")  # what was tuned on, what was looked at since, and what was not
# module: its environment's Python, None for this one
MODULES = {
    **dict.fromkeys(outcomes.OURS),
    f"{outcomes.PEERS}.random_search": None,
    f"{outcomes.PEERS}.optuna_studies": None,
    f"{outcomes.PEERS}.optuna_cma": None,
    f"{outcomes.PEERS}.wandb_engine": Path(".venv-sweeps/bin/python"),
    f"{outcomes.PEERS}.syne_tune_asha": Path(".venv-syne-tune/bin/python"),
    f"{outcomes.PEERS}.syne_tune_cqr": Path(".venv-syne-tune/bin/python"),
    f"{outcomes.PEERS}.neps_priorband": Path(".venv-neps/bin/python"),
    f"{outcomes.PEERS}.ax_client": Path(".venv-ax/bin/python"),
}
FIRST_LOOK = 10  # seeds


@threadpool_limits.wrap(limits=1)
def build(path: Path) -> World:
    """The world of a pool that benchmarks.pool wrote; in one thread, as more round otherwise."""
    assert SPACE.names == NAMES, "a world knows nothing of our spaces, and has the names of its own"
    table = pd.read_parquet(path)
    wide = table.pivot_table(index="trial", columns="step", values="loss_nats", dropna=False)
    logs = np.log(wide.fillna(WORST_NATS).clip(upper=WORST_NATS).to_numpy())
    points = SPACE.encode_all(table.groupby("trial")[list(NAMES)].first().to_dict("records"))
    raw, mean = fit(points, logs[:, -1]).raw_P, logs.mean(0)
    own = kernel(points, points, raw)
    weights = np.linalg.solve(own + (np.exp(raw[-1]) + JITTER) * np.eye(len(points)), logs - mean)
    least, most = (np.array([getattr(SPACE[name], end) for name in NAMES]) for end in ("min", "max"))
    scales = np.array([SPACE[name].is_log for name in NAMES])
    residuals = logs - mean - own @ weights
    return World(least, most, scales, points, mean, weights, residuals, wide.columns.to_numpy(dtype=int), raw)


def table_of(pool: str) -> Path:
    """The pool's curves."""
    return FOLDER / f"pool_{pool}.parquet"


def world_of(pool: str) -> Path:
    """Where the pool's world lies for other processes."""
    return outcomes.WORK / f"{pool}.npz"


def prepare(pool: str) -> None:
    """Writes the world where it is missing; refuses one that another pool or another smoother left there with its outcomes."""
    path, world = world_of(pool), build(table_of(pool))
    if not path.exists():
        world.save(path)
    was = load(path)
    pairs = [(getattr(was, field.name), getattr(world, field.name)) for field in fields(World)]
    if not all(a.shape == b.shape and np.allclose(a, b, rtol=1e-6) for a, b in pairs):
        raise SystemExit(
            f"{path} is another world than {table_of(pool)} gives now, and so are its outcomes: remove {path.parent}"
        )
    print(f"pool_{pool}: {len(world.points_ND)} curves, best true loss {world.best():.4f} nats", flush=True)


def replay(pool: str, module: str, workers: int, seeds: int) -> None:
    """Runs what is missing, in the module's environment."""
    python, began = MODULES[module] or Path(sys.executable), time.monotonic()
    paths = os.pathsep.join(map(str, (HERE.parent, HERE.parent / "src")))
    env = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    folder = outcomes.folder_of(table_of(pool), module)
    command = [python, "-m", "benchmarks.replay", world_of(pool), folder, module, workers, seeds]
    subprocess.run(list(map(str, command)), env=env, check=True)
    print(f"pool_{pool}, {module}, {workers} workers, {seeds} seeds: {time.monotonic() - began:.0f} s", flush=True)


def replay_all(seeds: int, jobs: int, only: str) -> None:
    """Every module on every pool, with few workers before many: a first look at each, then all seeds."""
    for pool in POOLS:
        prepare(pool)
    modules = [module for module in MODULES if only in module]
    for module in modules:
        if (python := MODULES[module]) and not python.exists():
            raise SystemExit(f"{module} needs {python}: make env-sweeps env-syne-tune env-neps env-ax")
    with ThreadPoolExecutor(jobs) as threads:
        for workers, level in product(standings.WORKERS, sorted({min(FIRST_LOOK, seeds), seeds})):
            calls = [(pool, module, workers, level) for module in modules for pool in POOLS]
            list(threads.map(replay, *zip(*calls, strict=True)))  # to the end, as the next level writes the same files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--only", default="", help="replay only modules with this in their name")
    parser.add_argument("--tables", action="store_true", help="replay nothing")
    args = parser.parse_args()
    pools = {pool: table_of(pool) for pool in POOLS}
    outcomes.restore(pools.values(), list(MODULES))
    if not args.tables:
        try:
            replay_all(args.seeds, args.jobs, args.only)
        finally:
            outcomes.keep(pools.values(), list(MODULES))
    found = {name: [row for module in MODULES for row in outcomes.load(path, module).values()] for name, path in pools.items()}
    standings.write_all({name: [row for row in rows if row["seed"] < args.seeds] for name, rows in found.items()})


if __name__ == "__main__":
    main()
