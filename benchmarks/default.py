"""The default run, from nothing to the page: steps and seconds beside those of an earlier commit, and what each run chose.

    python -m benchmarks.default [--commit 3ee4914] [--rounds 1] [--seeds 8]

Each commit has a clone with an environment of its own, under work/bench_default; making them is not timed. What the final
trainings had is then trained by today's code, for as long and over the same fresh seeds. Two runs and these trainings take 40
minutes of two fast cores, and the machine should do nothing else.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import time
from functools import partial
from pathlib import Path

from scipy.stats import t
from tests.pipeline import environment

from benchmarks.frame import Comparison, alternate, number, write
from benchmarks.pool import prepare
from benchmarks.terms import DATA, train
from lrsweep.config import checking
from lrsweep.seeding import derive_seed

FOLDER = Path("work/bench_default").resolve()
GOAL = 1 / 0.45  # of the earlier commit's steps and seconds
WORKERS = 2


def cloned(commit: str) -> Path:
    """Give a clone of a commit with its environment."""
    folder = FOLDER / commit
    if not (folder / ".venv/.installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        for command in (("git", "clone", "--quiet", ".", folder), ("git", "-C", folder, "checkout", "--quiet", commit)):
            subprocess.run(command, check=True)
        subprocess.run(("make", "--silent", "env"), cwd=folder, check=True)
    return folder


def seconds(folder: Path) -> float:
    """Run a clone from nothing to its page, and give the seconds."""
    for made in ("work", "results", ".snakemake"):
        shutil.rmtree(folder / made, ignore_errors=True)
    subprocess.run(("git", "-C", folder, "checkout", "--quiet", "--", "results"), check=True)
    path = f"{folder / '.venv/bin'}:{environment()['PATH']}"
    command = ("snakemake", "--cores", str(WORKERS))
    began_s = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment(PATH=path, PYTHONPATH=""), capture_output=True, text=True)
    taken_s = time.perf_counter() - began_s
    assert done.returncode == 0, done.stderr[-4000:]
    return taken_s


def steps(folder: Path) -> int:
    """Count the steps that the clone's run trained: each training notes them when it ends."""
    lines = [line for path in folder.glob("work/**/events.jsonl") for line in path.read_text().splitlines()]
    return sum(json.loads(line)["trained"] for line in lines)


def losses(folder: Path, seeds: int) -> list[float]:
    """Train what the clone's final training had, by today's code, over seeds that no run has used."""
    params = checking.load(Path("params.yaml"))
    prepare(params, DATA)
    said = json.loads((folder / "results/train/metrics.json").read_text())
    values = {name: said[name] for name in ("lr", "beta2", "weight_decay")}
    found = [train(params, values, derive_seed(params.seed, "default", k), params.train) for k in range(seeds)]
    return [float("inf") if loss is None else loss for loss in found]


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commit", default="3ee4914")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=8)
    args = parser.parse_args()
    head = subprocess.run(("git", "rev-parse", "--short", "HEAD"), check=True, capture_output=True, text=True).stdout.strip()
    folders = {"now": cloned(head), args.commit: cloned(args.commit)}
    taken = alternate({name: partial(seconds, folder) for name, folder in folders.items()}, args.rounds)
    trained = {name: [float(steps(folder))] for name, folder in folders.items()}
    found = {name: losses(folder, args.seeds) for name, folder in folders.items()}
    work = f"default run, {WORKERS} workers"
    write(
        "default",
        [
            Comparison(f"{work}, from nothing to the page", "s", "less", args.commit, taken["now"], taken[args.commit], GOAL),
            Comparison(f"{work}, trained", "steps", "less", args.commit, trained["now"], trained[args.commit], GOAL),
            Comparison(
                "its final configuration over fresh seeds", "nats", "less", args.commit, found["now"], found[args.commit], None
            ),
        ],
    )
    apart = [now - then for now, then in zip(found["now"], found[args.commit], strict=True)]
    middle, reach = statistics.mean(apart), t.ppf(0.975, len(apart) - 1) * statistics.stdev(apart) / len(apart) ** 0.5
    print(f"now minus {args.commit}: {number(middle)} nats, 95 % interval {number(middle - reach)} to {number(middle + reach)}")


if __name__ == "__main__":
    main()
