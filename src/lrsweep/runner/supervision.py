"""A job of Snakemake under supervision: one whose process was killed, or hangs, is started once more and then reported.

What its trials had finished by then has records and is not done again. A job that says itself what is wrong is not started
again. On a cluster the scheduler does this (docs/slurm.md).
"""

import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from lrsweep.runner import forkserver
from lrsweep.runner.forkserver import KILLED, TIMED_OUT

if TYPE_CHECKING:  # a job starts sooner without
    from lrsweep.config.params import Execution

VARIABLE = "LRSWEEP_SUPERVISION"  # execution settings, from the Snakefile to its jobs on the same machine


def settings(section: "Execution") -> str:
    """The value of VARIABLE."""
    return json.dumps({"attempts": section.attempts, "trial_minutes": section.trial_minutes})


def run(argv: list[str], job: Callable[[], None]) -> int:
    """Has the job that argv names (lrsweep COMMAND WHAT FIRST LAST) done in another process; its exit code."""
    given = json.loads(os.environ[VARIABLE])
    minutes = given["trial_minutes"] and given["trial_minutes"] * (int(argv[4]) - int(argv[3]) + 1)
    code = KILLED
    for attempt in range(1, given["attempts"] + 1):
        code = forkserver.have_done(argv, job, minutes and minutes * 60)
        if code not in (KILLED, TIMED_OUT):
            break
        print(f"lrsweep: {_complaint(argv, code, minutes, attempt == given['attempts'])}", file=sys.stderr, flush=True)
    return code


def _complaint(argv: list[str], code: int, minutes: float | None, last: bool) -> str:
    what = f"{' '.join(argv[1:5])}: "
    if code == TIMED_OUT:
        what += f"found no end after {minutes:g} min, and killed it, expected execution.trial_minutes for each trial at most; "
        remedy = "raise that, or see what the machine waits for"
    else:
        what += "its process was killed, expected an end; "
        remedy = "if memory ran out, use fewer --cores or lower execution.trials_at_once"
    return what + (f"{remedy}, and run the same command again: nothing that had finished is lost" if last else "started again")
