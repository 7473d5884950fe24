"""Study efficiency: training time of the trials / (cores x wall time of the stage), for phase 2 of params.yaml, beside Optuna's.

    python -m benchmarks.study [--cores 2] [--runs 3]

Works in a clone under work/bench_study, so that nothing here is touched. The stages before phase 2 run once and are not counted;
in the stage's wall time are Snakemake's start and plan, every process, every proposal and the gather. The peer is a process for
each core, all at work on one Optuna study of as many trials (benchmarks/optuna_worker.py); its wall time ends with the last one.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from tests.pipeline import LEFT_OUT, environment

from benchmarks.frame import Comparison, alternate, write
from lrsweep.config import checking
from lrsweep.runner import progress

GOAL = 0.90
CLONE = Path("work/bench_study")


def snakemake(cores: int, target: str) -> float:
    """Seconds that a run to the target takes."""
    began = time.monotonic()
    command = ["snakemake", "--cores", str(cores), "--", target]
    subprocess.run(command, cwd=CLONE, env=environment(), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def measure(cores: int) -> dict[str, float]:
    """One run of the stage from nothing: its wall time, and what the trials' events say of it."""
    shutil.rmtree(CLONE / "results/sweep_bayes", ignore_errors=True)
    for folder in CLONE.glob("work/*/sweep_bayes"):
        shutil.rmtree(folder)
    wall_s = snakemake(cores, "results/sweep_bayes/trials.parquet")
    (path,) = CLONE.glob("work/*/sweep_bayes/events.jsonl")
    ended = [event for event in progress.read(path) if event.state is not None]
    training_s, first = sum(event.seconds for event in ended), min(event.at_s - event.seconds for event in ended)
    last = max(event.at_s for event in ended)
    return {
        "wall_s": wall_s,
        "training_s": training_s,
        "busy": training_s / (cores * wall_s),
        "between_s": cores * (last - first) - training_s,
        "outside_s": cores * (wall_s - (last - first)),
        "runs": len(ended),
        "steps": sum(event.trained for event in ended),
        "proposing_s": sum(event.proposing_s for event in ended),
    }


def measure_peer(cores: int) -> dict[str, float]:
    """The same study under Optuna with a process a core."""
    journal, trials = CLONE / "journal.log", checking.load(CLONE / "params.yaml").sweep_bayes.trials
    journal.unlink(missing_ok=True)
    command, found = [sys.executable, "-m", "benchmarks.optuna_worker", journal.name, str(trials)], environment()
    began = time.monotonic()
    workers = [
        subprocess.Popen(
            [*command, str(seed)], cwd=CLONE, env=found, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for seed in range(cores)
    ]
    said = [worker.communicate()[0] for worker in workers]
    wall_s = time.monotonic() - began
    assert not any(worker.returncode for worker in workers), "a worker of the peer failed"
    spent = [json.loads(text.splitlines()[-1]) for text in said]
    total = {name: sum(one[name] for one in spent) for name in spent[0]}
    return {"wall_s": wall_s, "busy": total["training_s"] / (cores * wall_s), **total}


def show(who: str, row: dict[str, float]) -> None:
    """One run in a line."""
    print(f"  {who}: " + ", ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    shutil.rmtree(CLONE, ignore_errors=True)
    shutil.copytree(".", CLONE, ignore=LEFT_OUT)
    snakemake(args.cores, "results/edge/edge.json")
    rows: dict[str, list[dict[str, float]]] = {"ours": [], "Optuna, processes": []}

    def once(who: str) -> float:
        rows[who].append(measure(args.cores) if who == "ours" else measure_peer(args.cores))
        show(who, rows[who][-1])
        return rows[who][-1]["busy"]

    found = alternate({who: partial(once, who) for who in rows}, args.runs)
    print("Core seconds but for the wall time. between: jobs' starts, proposals, records and waiting, from the first trial's")
    print("start to the last one's end; outside: Snakemake's start and plan before that, and the gather after it.")
    work, measure_name, (ours, peer) = f"phase 2 on {args.cores} cores", "share of core time spent training", found
    steps = {who: [row["steps"] / row["wall_s"] for row in runs] for who, runs in rows.items()}
    write(
        "study",
        [
            Comparison(work, measure_name, "more", "goal", found[ours], [GOAL], 1.0),
            Comparison(work, measure_name, "more", peer, found[ours], found[peer], None),
            Comparison(work, "steps/s", "more", peer, steps[ours], steps[peer], None),
        ],
    )


if __name__ == "__main__":
    main()
