"""`make bench-scale`: what a study costs by its number of trials, with made-up curves in the place of training.

Prints a table, and writes it to docs/benchmarks/scale.md unless it is asked for other numbers of trials (`python -m
benchmarks.scale 100`). Time and memory are of this machine, which should do nothing else meanwhile. Proposals come from TPE, told
of as many trials as params.yaml says.
"""

import os
import shutil
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import yaml
from tests.pipeline import ROOT, clone, environment, run

STUDY = [f"results/sweep_bayes/{name}" for name in ("trials.parquet", "evals.parquet", "steps.parquet", "rungs.parquet")]
STUDY += ["results/sweep_bayes/proposals.parquet", "results/sweep_bayes/summary.json"]
SETTINGS = {
    "simulate": True,
    "sweep_bayes": {"first_block": 64, "lag": 128, "sampler": "tpe", "lr": {"min": 1e-3, "max": 0.1, "scale": "log"}},
    "execution": {"trials_per_job": 64},
}


SIZES = [100, 1_000, 10_000]
WRITTEN = ROOT / "docs/benchmarks/scale.md"
COLUMNS = "trials,jobs,plan s,plan MB,run s,no-op s,gather s,gather MB,files in a folder,work/ MB".split(",")


class Cost(NamedTuple):
    seconds: float
    peak_mb: float


def main() -> None:
    sizes = [int(argument) for argument in sys.argv[1:]] or SIZES
    lines = []
    with tempfile.TemporaryDirectory(prefix="lrsweep-scale-") as folder:
        for row in chain([COLUMNS, ["---:"] * len(COLUMNS)], (costs(Path(folder) / str(n), n) for n in sizes)):
            lines.append(f"| {' | '.join(row)} |")
            print(lines[-1], flush=True)
    if sizes == SIZES:
        WRITTEN.write_text("\n".join(["# Long studies: the cost by the number of trials", "", about(), "", *lines, ""]))


def about() -> str:
    cores, memory = os.cpu_count(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"`make bench-scale` on {cores} cores, {memory:.0f} GiB, Python {sys.version.split()[0]}; what is measured: "
        "[docs/scale.md](../scale.md). Wanted of 10,000 trials: planned within 30 s and 1,000 MB, nothing to do in 15 s, "
        "gathered in 60 s."
    )


def costs(target: Path, n: int) -> list[str]:
    """The row of a study of n trials."""
    project, whole = prepared(target, n), ["snakemake", "--cores", "all", "--quiet", "all"]
    plan = measured(project, *whole, "--dry-run", "--", *STUDY)
    ran, nothing = (measured(project, *whole, "--", *STUDY) for _ in range(2))
    gather = measured(project, "lrsweep", "sweep_bayes")
    jobs = len({receipt.name for receipt in project.glob("work/*/sweep_bayes/jobs/*/*.json")})  # each lies in two places
    most, size = folders(project / "work")
    times = [f"{plan.seconds:.1f}", f"{plan.peak_mb:.0f}", f"{ran.seconds:.0f}", f"{nothing.seconds:.1f}"]
    return [f"{n:,}", str(jobs), *times, f"{gather.seconds:.1f}", f"{gather.peak_mb:.0f}", str(most), f"{size / 1e6:.1f}"]


def prepared(target: Path, trials: int) -> Path:
    """The tiny pipeline with a study of so many made-up trials, up to the tokens."""
    project = clone(target)
    path = project / "params.yaml"
    params = yaml.safe_load(path.read_text())
    for key, value in SETTINGS.items():
        params[key] = {**params[key], **value} if isinstance(value, dict) else value
    params["sweep_bayes"]["trials"] = trials
    path.write_text(yaml.safe_dump(params))
    done = run(project, "snakemake", "--cores", "all", "--", "results/tokenize/tokens.json")
    assert done.returncode == 0, done.stderr[-2000:]
    return project


def measured(project: Path, *command: str) -> Cost:
    """Wall time of a command, and the peak memory of it or of one that it started."""
    began = time.monotonic()
    log = os.open(project / "scale.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    actions = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    here = os.getcwd()
    os.chdir(project)
    found = environment(LRSWEEP_WORK="work")
    program = shutil.which(command[0], path=found["PATH"])
    assert program, f"{command[0]} is not installed beside this Python"
    pid = os.posix_spawn(program, command, found, file_actions=actions)
    os.chdir(here)
    os.close(log)
    _, status, usage = os.wait4(pid, 0)
    assert status == 0, (project / "scale.log").read_text()[-3000:]
    return Cost(time.monotonic() - began, usage.ru_maxrss / 1024)


def folders(root: Path) -> tuple[int, int]:
    """The most files that a folder holds, and the bytes of all."""
    counts, size = [0], 0
    for path, _, names in os.walk(root):
        counts.append(len(names))
        size += sum((Path(path) / name).stat().st_size for name in names)
    return max(counts), size


if __name__ == "__main__":
    main()
