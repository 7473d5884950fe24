"""A trial is trained by one process at a time, and a killed one keeps nobody waiting."""

import subprocess
import sys

from lrsweep.store.locking import alone

HOLDER = """
import sys, time
from pathlib import Path
from lrsweep.store.locking import alone
with alone(Path(sys.argv[1]), int(sys.argv[2])):
    print("in", flush=True)
    time.sleep(float(sys.argv[3]))
"""


def start(folder, number, seconds):
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), str(number), str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_second_waits_for_the_first_and_a_kill_lets_it_in(tmp_path):
    first = start(tmp_path, 7, 600)
    assert first.stdout.readline() == "in\n"
    with alone(tmp_path, 8):  # another trial
        pass
    second = start(tmp_path, 7, 0)
    assert "another run is training number 7" in second.stderr.readline()
    assert second.poll() is None
    first.kill()
    assert second.wait(timeout=60) == 0 and second.stdout.read() == "in\n"
    first.wait()
    for process in (first, second):
        process.stdout.close()
        process.stderr.close()
