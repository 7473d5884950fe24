"""Edits of params.yaml and of code for tests/faults.py, while workers run."""

import os
import signal

from tests.fault_case import Case, expect_line, running_trials, wait_until
from tests.pipeline import events, run, with_value

EDITS = {"optimizer.beta1": "0.8", "model.d_ff": "96", "seed": "7", "sweep_uniform.lr.max": "0.3"}
SCHEDULE = "src/lrsweep/trainers/builtin/schedule.py"


def params_edited(case: Case, tries: int) -> None:
    """Other values in params.yaml: the run ends with a line that names the key; another run with them ends in other trials."""
    path = case.project / "params.yaml"
    begun = path.read_text()
    for key, value in [*EDITS.items()][:tries]:
        _edited(case, path, with_value(begun, key, value), key)
        process = case.start()  # under the edit: its trials are others
        wait_until(lambda running=process: running.poll() is not None or running_trials(case.project))
        os.killpg(process.pid, signal.SIGKILL)
        case.end(process)
        _not_whole(case)
        path.write_text(begun)
        _not_whole(case)
        case.tries += 1


def code_edited(case: Case, tries: int) -> None:
    """Another formula where trials are decided: the run ends with a line that names the file. A comment stops nothing."""
    path = case.project / SCHEDULE
    begun = path.read_text()
    changed = begun.replace("math.cos(math.pi", "math.cos(3.0")
    assert changed != begun
    for _ in range(tries):
        _edited(case, path, changed, SCHEDULE.rpartition("/")[2])
        _not_whole(case)
        path.write_text(begun)
        case.tries += 1
    process = case.start()
    wait_until(lambda: process.poll() is not None or running_trials(case.project))
    path.write_text(f"{begun}# a comment\n")
    text = case.end(process)
    assert process.returncode == 0, text[-4000:]
    path.write_text(begun)
    case.tries += 1


def _edited(case, path, text, named):
    """Starts, and edits a file when a trial has begun."""
    before = len(events(case.project))
    process = case.start()
    wait_until(lambda: process.poll() is not None or (len(events(case.project)) > before and running_trials(case.project)))
    assert process.poll() is None, case.log.read_text()
    path.write_text(text)
    said = case.end(process)
    assert process.returncode != 0, said[-4000:]
    expect_line(said, named, "edited since this run began", "run the same command again")


def _not_whole(case):
    """What is there is of no one configuration, and `lrsweep verify` does not say otherwise."""
    done = run(case.project, "lrsweep", "verify")
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stdout + done.stderr
