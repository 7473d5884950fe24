"""Jobs that a Snakemake which was killed has left in SLURM's queue: they would train what the next run submits again."""

import os
import shutil
import subprocess
import sys
import time

from lrsweep.errors import UserError

LIMIT_S = 180.0  # SLURM kills what does not end by itself after KillWait, 30 s where nobody has changed it


def cancel() -> None:
    """Cancels the jobs of earlier runs in this folder, and returns when they have ended. The caller is its only runner.

    Raises:
        UserError: they do not end, for example on a node that does not answer.
    """
    jobs = left() if shutil.which("squeue") else []
    if not jobs:
        return
    print(f"lrsweep: SLURM jobs of an earlier run in this folder are cancelled: {', '.join(jobs)}", file=sys.stderr)
    subprocess.run(["scancel", *jobs], capture_output=True)
    limit = time.monotonic() + LIMIT_S
    while jobs := left():
        if time.monotonic() > limit:
            found = f"found {', '.join(jobs)} of an earlier run, which do not end when cancelled"
            raise UserError(f"SLURM's queue: {found}, expected none in this folder; see `squeue --me`, and run again then")
        time.sleep(1)


def left() -> list[str]:
    """The jobs of Snakemake that were submitted from this folder: none where no controller answers."""
    asked = ["squeue", "--noheader", "--user", str(os.getuid()), "--format=%i|%k|%Z"]  # number, comment, folder
    lines = subprocess.run(asked, capture_output=True, text=True).stdout.splitlines()
    found = [line.split("|", 2) for line in lines]
    return [number for number, comment, folder in found if comment.startswith("rule_") and folder == os.getcwd()]
