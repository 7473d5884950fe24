"""What a trial of a person's script costs beside its bare command, and beside Optuna that calls the same command.

    python -m benchmarks.script [--rounds 5]

The script sleeps, so that its own time is the same everywhere. The cost of a trial is the slope between a study of few trials and
one of more, so the start of a worker does not count; it is a row of its own. Phase 1 calls the script once a trial, as Optuna's
objective does; phase 2 proposes each trial by its GP and calls the script once more for the rung on the way.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from tests.pipeline import configured, environment

from benchmarks.frame import Comparison, alternate, write
from lrsweep.config import starting

FOLDER = Path("work/bench_script").resolve()
FEW, MORE, STEPS = 4, 16, 40
LIMIT_S = 1.2  # 2 % of a trial of a minute
SCRIPT = """#!/bin/sh
# Sleeps a hundredth of a second a step; $1 to $3: lr, until, dir
from=$(cat "$3/steps" 2>/dev/null || echo 0)
sleep "$(awk "BEGIN { print 0.01 * ($2 - $from) }")"
awk -v lr="$1" -v until="$2" 'BEGIN { printf "step=%d val_loss=%.6f\\n", until, 2 + 0.1 * log(lr / 0.01) ^ 2 + 4 / until }'
echo "$2" > "$3/steps"
"""
COMMAND = "sh script.sh {lr} {until} {dir}"
OPTUNA = f"""
import shutil, subprocess, sys, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
def objective(trial):
    folder = f"optuna/{{trial.number}}"
    __import__("os").makedirs(folder)
    lr = trial.suggest_float("lr", 0.001, 0.1, log=True)
    command = ["sh", "script.sh", str(lr), "{STEPS}", folder]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(said.split("val_loss=")[1])
optuna.create_study().optimize(objective, n_trials=int(sys.argv[1]))
"""


def begin() -> None:
    """Make the study's folder."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    (FOLDER / "script.sh").write_text(SCRIPT)
    (FOLDER / "optuna.py.txt").write_text(OPTUNA)
    curve = {"pattern": r"step=(?P<step>\d+) val_loss=(?P<loss>\S+)"}
    trainer = {"command": COMMAND, "reads": ["script.sh"], "curve": curve, "resume": True}
    lr = {"min": 0.001, "max": 0.1, "scale": "log"}
    (FOLDER / "params.yaml").write_text(starting.params(starting.Start(trainer, {}, STEPS, STEPS // 2, lr)))
    (FOLDER / "dvc.yaml").write_text(starting.pipeline(["script.sh"]))


def ours(stage: str, trials: int) -> float:
    """Train so many trials with one worker; give the seconds from its start to its end."""
    shutil.rmtree(FOLDER / "work", ignore_errors=True)
    stopping = {"first_rung": STEPS // 2, "eta": 2, "slack": 1.0}
    space = {"lr": {"min": 0.001, "max": 0.1, "scale": "log"}}
    phase_2 = {"trials": trials, "first_block": 2, "lag": 1, "ending": None, "stopping": stopping, "space": space}
    configured(FOLDER, {"sweep_uniform": {"trials": trials}, "sweep_bayes": phase_2})
    return call("lrsweep", "work", stage)


def optuna(trials: int) -> float:
    """Train so many trials by Optuna's default sampler; give the seconds from its start to its end."""
    shutil.rmtree(FOLDER / "optuna", ignore_errors=True)
    return call(sys.executable, "optuna.py.txt", str(trials))


def bare(trials: int) -> float:
    """Call the command so many times."""
    total_s = 0.0
    for number in range(trials):
        folder = FOLDER / f"bare/{number}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        total_s += call("sh", "script.sh", "0.01", str(STEPS), str(folder))
    return total_s


def call(*command: str) -> float:
    """Run a command in the folder, and give its seconds."""
    began_s = time.perf_counter()
    done = subprocess.run(command, cwd=FOLDER, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return time.perf_counter() - began_s


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    begin()
    kinds = {"phase 1": partial(ours, "sweep_uniform"), "phase 2": partial(ours, "sweep_bayes"), "Optuna": optuna}
    sizes = {(name, n): partial(kind, n) for name, kind in kinds.items() for n in (FEW, MORE)}
    contenders = {"bare": partial(bare, FEW), **{f"{name}, {n} trials": run for (name, n), run in sizes.items()}}
    found = alternate(contenders, args.rounds)
    bare_s = statistics.median(found["bare"]) / FEW
    few, more = ({name: found[f"{name}, {n} trials"] for name in kinds} for n in (FEW, MORE))
    costs = {name: [(b - a) / (MORE - FEW) - bare_s for a, b in zip(few[name], more[name], strict=True)] for name in kinds}
    starts = {name: [a - FEW * (cost + bare_s) for a, cost in zip(few[name], costs[name], strict=True)] for name in kinds}
    rows = []
    for name, calls in (("phase 1", "one call"), ("phase 2", "two calls and a proposal")):
        whole, theirs = ([cost + bare_s for cost in costs[one]] for one in (name, "Optuna"))
        work = f"trial of a script in {name}, {calls}"
        beside = f"{work}: cost beside the bare command"
        rows.append(Comparison(beside, "s", "less", "2 % of a minute", costs[name], [LIMIT_S], 1.0))
        rows.append(Comparison(f"{work}, of {bare_s:.2g} s", "s", "less", "Optuna", whole, theirs, None))
    rows.append(Comparison("start of a worker, phase 2", "s", "less", "Optuna", starts["phase 2"], starts["Optuna"], None))
    write("script", rows)
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
