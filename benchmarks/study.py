"""Study efficiency: the share of the workers' time spent training, and steps a second, in phase 2, beside Optuna's processes.

    python -m benchmarks.study [--workers 2] [--trials 64] [--runs 3] [--tiny]

Works in a clone under work/bench_study, so that nothing here is touched. The stages before phase 2 run once and are not counted.
Ours are workers as Snakemake starts them (`lrsweep work sweep_bayes`), theirs are processes on one Optuna study of as many trials
(benchmarks/optuna_worker.py). Both are timed from the start of the first process to the end of the last one.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

from tests.pipeline import LEFT_OUT, configured, environment

from benchmarks.frame import Comparison, alternate, write
from lrsweep.runner import progress
from lrsweep.runner.progress import Event

BUSY = 0.95  # the goal
CLONE = Path("work/bench_study")
TARGET = "results/sweep_bayes/trials.parquet"
Row = dict[str, float]


def call(*command: str) -> None:
    """Run a command in the clone, to its end."""
    done = subprocess.run(command, cwd=CLONE, env=environment(), capture_output=True, text=True)
    assert not done.returncode, done.stderr[-2000:]


def at_once(command: Sequence[str], workers: int, numbered: bool) -> tuple[float, float, list[str]]:
    """Run a command so many times at once, each with its number; give when they began, their wall time and what each said."""
    began_s, clock_s = time.time(), time.monotonic()
    numbers = [[str(number)] if numbered else [] for number in range(workers)]
    started = [
        subprocess.Popen([*command, *number], cwd=CLONE, env=environment(), stdout=-1, stderr=subprocess.DEVNULL, text=True)
        for number in numbers
    ]
    said = [one.communicate()[0] for one in started]
    assert not any(one.returncode for one in started), f"a worker failed: {' '.join(command)}"
    return began_s, time.monotonic() - clock_s, said


def measure(workers: int) -> Row:
    """Train the study from nothing; give where the time of the workers went, in seconds of one, and the gather after it."""
    shutil.rmtree(CLONE / "results/sweep_bayes", ignore_errors=True)
    for folder in CLONE.glob("work/*/sweep_bayes"):
        shutil.rmtree(folder)
    began_s, wall_s, _ = at_once(["lrsweep", "work", "sweep_bayes"], workers, numbered=False)
    (path,) = CLONE.glob("work/*/sweep_bayes/events.jsonl")
    ended = sorted((one for one in progress.read(path) if one.state is not None), key=lambda one: (one.pid, one.at_s))
    each = [list(own) for _, own in groupby(ended, key=lambda one: one.pid)]
    parts = {
        "training_s": sum(one.seconds for one in ended),
        "starting_s": sum(started_s(own[0]) - own[0].proposing_s - began_s for own in each),
        "proposing_s": sum(one.proposing_s for one in ended),
        "writing_s": sum(one.writing_s for one in ended),
        "ending_s": sum(began_s + wall_s - own[-1].at_s for own in each),
    }
    clock_s = time.monotonic()
    call("snakemake", "--cores", str(workers), "--", TARGET)
    return {
        "wall_s": wall_s,
        "busy": parts["training_s"] / (workers * wall_s),
        "steps_per_s": sum(one.trained for one in ended) / wall_s,
        **parts,
        "waiting_s": workers * wall_s - sum(parts.values()),
        "runs": len(ended),
        "gather_s": time.monotonic() - clock_s,
    }


def started_s(event: Event) -> float:
    """Give when a training that ended has begun."""
    return event.at_s - event.writing_s - event.seconds


def measure_peer(workers: int, trials: int) -> Row:
    """Train the same study under Optuna."""
    journal = CLONE / "journal.log"
    journal.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.optuna_worker", journal.name, str(trials)]
    _, wall_s, said = at_once(command, workers, numbered=True)
    spent = [json.loads(text.splitlines()[-1]) for text in said]
    total = {name: sum(one[name] for one in spent) for name in spent[0]}
    return {
        "wall_s": wall_s,
        "busy": total["training_s"] / (workers * wall_s),
        "steps_per_s": total["steps"] / wall_s,
        "training_s": total["training_s"],
        "runs": total["runs"],
    }


def prepare(workers: int, trials: int, tiny: bool) -> None:
    """Make the clone, with all that phase 2 needs."""
    shutil.rmtree(CLONE, ignore_errors=True)
    shutil.copytree(".", CLONE, ignore=LEFT_OUT)
    os.environ["PYTHONPATH"] = os.pathsep.join(str((CLONE / name).resolve()) for name in ("src", "."))
    if tiny:
        call("lrsweep", "preset", "tiny")
    configured(CLONE, {"sweep_bayes": {"trials": trials}})
    call("snakemake", "--cores", str(workers), "--", "results/edge/edge.json")


def main() -> None:
    """Measure both in alternation, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="the preset tiny, to see that this works; writes no table")
    args = parser.parse_args()
    prepare(args.workers, args.trials, args.tiny)
    rows: dict[str, list[Row]] = {"ours": [], "Optuna, processes": []}

    def once(who: str) -> float:
        row = measure(args.workers) if who == "ours" else measure_peer(args.workers, args.trials)
        print(f"  {who}: " + ", ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
        rows[who].append(row)
        return row["busy"]

    busy = alternate({who: partial(once, who) for who in rows}, args.runs)
    print(
        "Seconds of all workers, but for wall and gather. starting: to the first proposal; ending: after a worker's last trial;"
    )
    print(
        "waiting: for trials in sight, and all that is left; gather: snakemake to the stage's tables, once all trials are there."
    )
    work, (ours, peer) = f"phase 2, {args.trials} trials, {args.workers} workers", busy
    steps = {who: [row["steps_per_s"] for row in found] for who, found in rows.items()}
    share = "share of the workers' time spent training"
    compared = [
        Comparison(work, share, "more", "goal", busy[ours], [BUSY], 1.0),
        Comparison(work, share, "more", peer, busy[ours], busy[peer], None),
        Comparison(work, "steps/s", "more", peer, steps[ours], steps[peer], 1.0),
    ]
    write("study", compared, keep=not args.tiny)


if __name__ == "__main__":
    main()
