"""A job forked from the server says, answers and dies like one that was started."""

import os
import signal
import subprocess
import sys

import pytest

SERVER = """
import sys, time
from lrsweep import forkserver
forkserver.IDLE_S = 5.0
def job():
    print("out", *sys.argv[2:], flush=True)
    print("err", file=sys.stderr)
    if sys.argv[2] == "wait":
        time.sleep(60)
    if sys.argv[2] == "fault":
        raise RuntimeError("a fault of ours")
    sys.exit(int(sys.argv[2]))
forkserver.FOLDER.mkdir(exist_ok=True)
forkserver.offer(job)
while forkserver.ask(["lrsweep", "trials", "0"]) is None:
    time.sleep(0.05)
"""
CLIENT = "import sys; from lrsweep import forkserver; sys.exit(forkserver.ask(['lrsweep', 'trials', *sys.argv[1:]]) or 0)"


@pytest.fixture
def ask(tmp_path):
    """Starts a client that asks the server of a folder; its output is piped."""
    subprocess.run([sys.executable, "-c", SERVER], cwd=tmp_path, check=True, timeout=60, capture_output=True)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return lambda *words: subprocess.Popen([sys.executable, "-c", CLIENT, *words], cwd=tmp_path, **pipes)


def test_output_and_exit_code_come_back(ask):
    for code in ("0", "2"):
        client = ask(code)
        assert client.communicate(timeout=30) == (f"out {code}\n", "err\n")
        assert client.returncode == int(code)


def test_a_fault_shows_its_traceback(ask):
    client = ask("fault")
    assert "RuntimeError: a fault of ours" in client.communicate(timeout=30)[1]
    assert client.returncode == 1


def test_a_killed_job_takes_its_fork_with_it(ask):
    client = ask("wait")
    assert client.stdout.readline() == "out wait\n"
    client.send_signal(signal.SIGKILL)
    client.communicate(timeout=30)  # ends when the fork, which holds the pipes too, has ended


def test_without_a_server_the_client_works_for_itself(tmp_path):
    done = subprocess.run([sys.executable, "-c", CLIENT, "3"], cwd=tmp_path, env=dict(os.environ), timeout=60)
    assert done.returncode == 0  # ask gave None
