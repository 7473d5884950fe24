"""A training process that was killed, or hangs, is started again as often as params.yaml says; one that says what is wrong is
not."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from lrsweep.errors import UserError
from lrsweep.runner.supervisor import KILLED, TIMED_OUT, Limits, supervise


def scripted(announce, folder, *ends):
    """Train one trial that ends as the script says, a line further at each start."""
    done = folder / "starts"
    number = len(done.read_text()) if done.exists() else 0
    done.write_text("x" * (number + 1))
    announce("sweep_uniform trial 4")
    end = ends[number]
    if end == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if end == "hangs":
        time.sleep(60)
    if end == "refuses":
        raise UserError("lr: found 2, expected 1; lower it")
    announce(None)


@pytest.mark.parametrize(
    ("ends", "code", "said"),
    [
        (["ends"], 0, []),
        (["refuses"], 2, ["lr: found 2, expected 1; lower it"]),
        (["killed", "ends"], 0, ["its process was killed, expected an end; started again"]),
        (["hangs", "ends"], 0, ["found no end after 0.05 min", "started again"]),
        (["killed", "refuses"], 2, ["started again"]),
        (["killed", "killed"], KILLED, ["if memory ran out, use fewer --cores", "nothing that had finished is lost"]),
        (["killed", "hangs"], TIMED_OUT, ["raise that, or see what the machine waits for"]),
    ],
)
def test_attempts(tmp_path, capfd, ends, code, said):
    assert supervise(scripted, (tmp_path, *ends), Limits(0.05 if "hangs" in ends else None, 2)) == code
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == sum(end in ("killed", "hangs", "refuses") for end in ends)
    assert all(line.startswith("lrsweep: ") for line in lines)
    assert all(any(words in line for line in lines) for words in said), lines
    assert all("sweep_uniform trial 4: " in line for line in lines if "started again" in line or "lost" in line)


ORPHAN = """
import sys, time
from pathlib import Path
from lrsweep.runner.supervisor import Limits, supervise
from tests.runner.test_supervisor import waits
if __name__ == "__main__":
    supervise(waits, (Path(sys.argv[1]),), Limits(None, 2))
"""


def waits(announce, pid_file):
    announce("sweep_uniform trial 0")
    pid_file.write_text(str(os.getpid()))
    time.sleep(600)


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_is_killed_takes_its_training_process_with_it(tmp_path, ended_by):
    pid_file, program = tmp_path / "pid", tmp_path / "worker.py"
    program.write_text(ORPHAN)
    worker = subprocess.Popen([sys.executable, program, pid_file], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    end = time.monotonic() + 60
    while not pid_file.exists() or not pid_file.read_text():
        assert time.monotonic() < end and worker.poll() is None
        time.sleep(0.05)
    child = psutil.Process(int(pid_file.read_text()))
    worker.send_signal(ended_by)
    worker.wait()
    psutil.wait_procs([child], timeout=30)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
