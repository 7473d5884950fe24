"""`make bench-scale`: what a study costs by its number of trials, with made-up curves in the place of training.

Prints a table with the limits and what misses them, and writes it to docs/benchmarks/scale.md with its figure, unless it is asked
for other numbers of trials (`python -m benchmarks.scale 100`). Time and memory are of this machine, which should do nothing else
meanwhile. Proposals come from TPE, told of as many trials as params.yaml says. `ms a trial` is what the run costs beside
training and proposing: the start of Snakemake and the workers, records, locks, waiting and the gather.
"""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.pipeline import ROOT, clone, configured, environment, run

from benchmarks.frame import machine
from lrsweep.runner import progress

STUDY = [f"results/sweep_bayes/{name}" for name in ("trials.parquet", "evals.parquet", "steps.parquet", "rungs.parquet")]
STUDY += ["results/sweep_bayes/proposals.parquet", "results/sweep_bayes/summary.json"]
SETTINGS = {
    "simulate": True,
    "sweep_bayes": {"first_block": 64, "lag": 128, "sampler": "tpe"},
    "execution": {"workers": 2},
}

SIZES = [100, 1_000, 10_000]
WRITTEN = ROOT / "docs/benchmarks/scale.md"
FORMATS = {
    "trials": ",.0f",
    "plan s": ".1f",
    "plan MB": ",.0f",
    "run s": ",.0f",
    "ms a trial": ",.0f",
    "no-op s": ".1f",
    "gather s": ".1f",
    "gather MB": ",.0f",
    "files in a folder": ",.0f",
    "work/ MB": ".1f",
}
# At any number of trials up to the greatest; a folder has a record and a curve of each of a thousand trials
LIMITS = {"plan s": 5.0, "plan MB": 1000.0, "no-op s": 5.0, "gather s": 10.0, "files in a folder": 2000.0}

Row = dict[str, float]


class Cost(NamedTuple):
    seconds: float
    peak_mb: float


def main() -> None:
    sizes = [int(argument) for argument in sys.argv[1:]] or SIZES
    rows: list[Row] = []
    print(*HEAD, sep="\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="lrsweep-scale-") as folder:
        for n in sizes:
            rows.append(costs(Path(folder) / str(n), n))
            print(line(rows[-1]), flush=True)
    print(LIMIT, verdict(rows), sep="\n\n")
    if sizes == SIZES:
        WRITTEN.write_text("\n".join([*about(), "", *HEAD, *map(line, rows), LIMIT, "", verdict(rows), ""]))
        draw(rows, WRITTEN.with_suffix(".svg"))


def line(row: Row) -> str:
    """A line of the table; what has no value is left empty."""
    return f"| {' | '.join(format(row[name], form) if name in row else '' for name, form in FORMATS.items())} |"


HEAD = [f"| {' | '.join(FORMATS)} |", f"|{' ---: |' * len(FORMATS)}"]
LIMIT = line(LIMITS).replace("|", "| limit", 1)


def verdict(rows: list[Row]) -> str:
    """Whether the limits were kept, and where not."""
    missed = [
        f"{name} at {row['trials']:,.0f} trials ({row[name]:,.1f})" for row in rows for name in LIMITS if row[name] > LIMITS[name]
    ]
    return f"Missed: {', '.join(missed)}." if missed else "All limits were kept."


def about() -> list[str]:
    """What stands above the table."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    measured_on = f"`make bench-scale` on {machine()}, {memory:.0f} GiB; what is measured: [docs/scale.md](../scale.md)."
    return ["# Long studies: the cost by the number of trials", "", measured_on, "", "![Cost by trials](scale.svg)"]


def draw(rows: list[Row], path: Path) -> None:
    """Seconds and MB against trials, on log axes; a dashed line is a limit."""
    import matplotlib.pyplot as plt

    import lrsweep

    with plt.style.context(Path(lrsweep.__file__).parent / "figures/style.mplstyle"):
        figure, axes = plt.subplots(1, 2, figsize=(10, 4))
        for ax, unit, label in zip(axes, ("s", "MB"), ("wall time / s", "peak memory, size of work/ / MB"), strict=True):
            for name in (name for name in FORMATS if name.endswith(f" {unit}")):
                (drawn,) = ax.plot(
                    *zip(*((row["trials"], row[name]) for row in rows), strict=True), "o-", label=name[: -len(unit)]
                )
                if name in LIMITS:
                    ax.axhline(LIMITS[name], color=drawn.get_color(), linestyle="--", linewidth=1)
            ax.set(xscale="log", yscale="log", xlabel="trials", ylabel=label)
            ax.legend()
        figure.savefig(path, metadata={"Date": None})


def costs(target: Path, n: int) -> Row:
    """The row of a study of n trials."""
    project, whole = prepared(target, n), ["snakemake", "--cores", "all", "--quiet", "all"]
    plan = measured(project, *whole, "--dry-run", "--", *STUDY)
    ran, nothing = (measured(project, *whole, "--", *STUDY) for _ in range(2))
    gather = measured(project, "lrsweep", "sweep_bayes")
    (path,) = project.glob("work/*/sweep_bayes/events.jsonl")
    used_s = sum(event.seconds + event.proposing_s for event in progress.read(path))
    beside_ms = 1000 * (SETTINGS["execution"]["workers"] * ran.seconds - used_s) / n
    values = (n, plan.seconds, plan.peak_mb, ran.seconds, beside_ms, nothing.seconds, gather.seconds, gather.peak_mb)
    most = max(len(files) for folder in (project / "work", project / ".snakemake") for _, _, files in os.walk(folder))
    size_mb = sum(path.stat().st_size for path in (project / "work").rglob("*") if path.is_file()) / 1e6
    return dict(zip(FORMATS, (*values, most, size_mb), strict=True))


def prepared(target: Path, trials: int) -> Path:
    """Make the tiny pipeline with a study of so many made-up trials, up to the edge."""
    project = configured(clone(target), {**SETTINGS, "sweep_bayes": {**SETTINGS["sweep_bayes"], "trials": trials}})
    done = run(project, "snakemake", "--cores", "all", "--", "results/edge/edge.json")
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
    return Cost(time.monotonic() - began, usage.ru_maxrss * 1024 / 1e6)


if __name__ == "__main__":
    main()
