"""Doing nothing: a second `snakemake --cores all` and a second `dvc repro`, at the default scale, against a limit of 3 s.

    python -m benchmarks.nothing [--rounds 5]

In a clone under work/bench_nothing whose curves are made up (`simulate: true`): the stages, jobs and files are those of the
default run, and what is already there costs the same to look at.
"""

import argparse
import re
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path

from tests.pipeline import LEFT_OUT, environment

from benchmarks.frame import Comparison, alternate, write

CLONE = Path("work/bench_nothing")
LIMIT_S = 3.0
COMMANDS = {"snakemake --cores all": "Nothing to be done", "dvc repro": "up to date"}  # and what they say


def call(*command: str, says: str = "") -> float:
    """Seconds that a command takes in the clone; it must say so."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=CLONE, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    seconds = time.perf_counter() - began
    assert says in done.stdout + done.stderr, f"{' '.join(command)} did something: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return seconds


def prepare() -> None:
    """The finished run in the clone, known to both runners."""
    shutil.rmtree(CLONE, ignore_errors=True)
    shutil.copytree(".", CLONE, ignore=LEFT_OUT)
    shutil.copytree(".dvc", CLONE / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache", "config.local"))
    path = CLONE / "params.yaml"
    text, changed = re.subn(r"^simulate: false", "simulate: true", path.read_text(), flags=re.MULTILINE)
    assert changed == 1, "params.yaml says simulate: false"
    path.write_text(text)
    call("git", "init", "--quiet")
    call("snakemake", "--cores", "all")
    call("dvc", "commit", "--force", "--quiet")  # what `lrsweep record` does where the curves are not made up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    prepare()
    found = alternate({command: partial(call, *command.split(), says=says) for command, says in COMMANDS.items()}, args.rounds)
    write(
        "nothing",
        [Comparison(f"second {command}", "s", "less", "limit", seconds, [LIMIT_S], 1.0) for command, seconds in found.items()],
    )
    shutil.rmtree(CLONE)


if __name__ == "__main__":
    main()
