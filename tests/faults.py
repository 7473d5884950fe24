"""`make test-faults`: what happens to the tiny pipeline under faults. After each the pipeline is started again and must end in
the bytes of an undisturbed run, with nothing that had finished done again.

It prints a table, in Markdown. Tries; lost: steps of trainings that were cut, at most (a checkpoint may have saved some), and
steps that were trained beside those of the undisturbed run; again: trainings that had finished and were done again; wrong: bytes
of the artifacts that are not those of the undisturbed run. `--short` takes fewer tries, and, where a fault hits a run, the
pipeline up to phase 2; names of faults take these alone.
"""

import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import psutil

from tests import faults_of_disks, faults_of_edits, faults_of_files, faults_of_processes
from tests.fault_case import COMMAND, PARAMS, Case, NotHere, Outcome, copied, expect_success, fresh
from tests.pipeline import clone, configured, run

SEED = 9
PHASE_1 = ("results/sweep_uniform/trials.parquet",)
PHASE_2 = ("results/sweep_bayes/trials.parquet",)
# fault: (what is done, tries in the short and in the long form, what the project is at the start, what is made: () for all)
FAULTS = {
    "SIGKILL of a training": (faults_of_processes.training_killed, 2, 10, fresh, ()),
    "SIGKILL of a worker": (faults_of_processes.worker_killed, 1, 10, fresh, ()),
    "SIGKILL of the runner": (faults_of_processes.runner_killed, 1, 10, fresh, ()),
    "SIGKILL of everything": (faults_of_processes.all_killed, 1, 10, fresh, ()),
    "SIGINT": (faults_of_processes.interrupted, 1, 3, fresh, ()),
    "SIGTERM": (faults_of_processes.terminated, 1, 3, fresh, ()),
    "full disk, each stage": (faults_of_disks.full_in_stages, 3, 99, copied, ()),
    "full disk, random moment": (faults_of_disks.full_in_run, 1, 4, fresh, ()),
    "read-only results": (faults_of_disks.read_only, 1, 1, fresh, PHASE_1),
    "damaged artifact, each": (faults_of_files.every_artifact, 1, 2, copied, ()),
    "damaged artifacts, run again": (faults_of_files.some_artifacts, 1, 3, copied, ()),
    "artifact damaged silently": (faults_of_files.silent_artifacts, 1, 4, copied, ()),
    "damage in work/": (faults_of_files.work_folder, 1, 3, copied, ()),
    "damaged checkpoint": (faults_of_files.checkpoints, 1, 3, copied, ()),
    "two runners at once": (faults_of_processes.two_runners, 1, 3, fresh, ()),
    "clock that jumps": (faults_of_processes.clock_jumped, 1, 3, fresh, ()),
    "workers that join and leave": (faults_of_processes.joined_and_left, 1, 3, fresh, PHASE_1),
    "workers without Snakemake": (faults_of_processes.by_hand_alone, 1, 1, fresh, PHASE_1),
    "two folders, one work/": (faults_of_processes.shared_work, 1, 4, fresh, PHASE_2),
    "params.yaml edited": (faults_of_edits.params_edited, 1, 4, fresh, PHASE_2),
    "code edited": (faults_of_edits.code_edited, 1, 3, fresh, PHASE_2),
    "worker that hangs": (faults_of_processes.worker_hung, 1, 1, fresh, PHASE_1),
    "worker that hangs once": (faults_of_processes.worker_hung_once, 1, 1, fresh, PHASE_1),
    "memory that runs out": (faults_of_processes.memory_ran_out, 1, 2, fresh, PHASE_1),
}
HEAD = (
    f"| {'fault':<28} | tries | lost steps | done again | wrong bytes |\n|{'-' * 30}|{'-' * 7}|{'-' * 12}|{'-' * 12}|{'-' * 13}|"
)


def main() -> None:
    """Runs the faults; the folder of one that failed is kept."""
    faults_of_disks.enter_namespace("tests.faults")
    names = [word for word in sys.argv[1:] if not word.startswith("-")] or list(FAULTS)
    folder = Path(tempfile.mkdtemp(prefix="lrsweep-faults-"))
    undisturbed = configured(clone(folder / "undisturbed"), PARAMS)
    expect_success(run(undisturbed, *COMMAND))
    where = "on a tmpfs of its own" if faults_of_disks.may_mount() else "by a limit of the size of files: this may not mount"
    print(f"test-faults: seed {SEED}; disks are filled {where}\n\n{HEAD}", flush=True)
    failed = [name for name in names if not line(name, undisturbed, folder)]
    if failed:
        sys.exit(f"test-faults: failed: {', '.join(failed)}; see {folder}")
    shutil.rmtree(folder)


def line(name: str, undisturbed: Path, folder: Path) -> bool:
    """Does a fault and prints its line; whether all was right."""
    do, short, long, _, _ = FAULTS[name]
    tries = short if "--short" in sys.argv[1:] else long
    left, found = tries, list[Outcome]()
    try:
        while not found or (found[-1].tries and left > 0):  # a run may end before all tries are done
            found.append(outcome(name, undisturbed, folder / f"{do.__name__}-{len(found)}", left))
            left -= found[-1].tries
    except NotHere as reason:
        print(f"| {name:<28} | not tried: {reason} | | | |", flush=True)
        return True
    except (AssertionError, OSError, subprocess.SubprocessError, psutil.Error):
        traceback.print_exc()
        return False
    total = Outcome(*(sum(getattr(one, column) for one in found) for column in ("tries", "lost", "again", "wrong")))
    print(f"| {name:<28} | {total.tries:>5} | {total.lost:>10} | {total.again:>10} | {total.wrong:>11} |", flush=True)
    return not total.again and not total.wrong and total.tries > 0


def outcome(name: str, undisturbed: Path, target: Path, tries: int) -> Outcome:
    """What came of a fault, done so many times to one project; the folder of one that was all right is removed."""
    do, _, _, prepared, targets = FAULTS[name]
    if "--short" in sys.argv[1:] and prepared is fresh and do is not faults_of_processes.training_killed:
        targets = targets or PHASE_2
    case = Case(undisturbed, prepared(undisturbed, target), f"{SEED} {target.name}", targets)
    do(case, tries)
    found = case.finish()
    if not found.again and not found.wrong:
        shutil.rmtree(target)
    return found


if __name__ == "__main__":
    main()
