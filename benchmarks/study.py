"""Study efficiency: training time of the trials / (cores x wall time of the stage), for phase 2 of params.yaml.

    python -m benchmarks.study [--cores 2] [--runs 3]

Works in a clone under work/bench_study, so that nothing here is touched. The stages before phase 2 run once and are not counted;
in the stage's wall time are Snakemake's start and plan, every process, every proposal and the gather.
"""

import argparse
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from tests.pipeline import LEFT_OUT, environment

from lrsweep import progress

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    shutil.rmtree(CLONE, ignore_errors=True)
    shutil.copytree(".", CLONE, ignore=LEFT_OUT)
    snakemake(args.cores, "results/edge/edge.json")
    print(f"{'wall':>8} {'training':>9} {'proposing':>10} {'between':>8} {'outside':>8} {'runs':>5} {'steps':>6}  busy")
    shares = []
    for _ in range(args.runs):
        row = measure(args.cores)
        shares.append(row["busy"])
        seconds = (f"{row[name]:.1f} s" for name in ("wall_s", "training_s", "proposing_s", "between_s", "outside_s"))
        print(
            "{:>8} {:>9} {:>10} {:>8} {:>8}".format(*seconds), f"{row['runs']:5} {row['steps']:6}  {row['busy']:.3f}", flush=True
        )
    print(
        f"busy: median {statistics.median(shares):.3f}, {min(shares):.3f} to {max(shares):.3f}, on {args.cores} cores; goal 0.90"
    )
    print("Core seconds but for the wall time. between: jobs' starts, proposals, records and waiting, from the first trial's")
    print("start to the last one's end; outside: Snakemake's start and plan before that, and the gather after it.")


if __name__ == "__main__":
    main()
