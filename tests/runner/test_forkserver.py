"""A job forked from the server says, answers and dies like one that was started."""

import json
import os
import select
import signal
import socket
import subprocess
import sys

import pytest

from lrsweep.runner import forkserver

SERVER = """
import sys, time
from lrsweep.runner import forkserver
forkserver.IDLE_S = 30.0
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


@pytest.fixture
def half_asked(ask, tmp_path):
    """A connection to the server, and what reads the pipe that a fork of it would write to."""
    (address,) = (tmp_path / forkserver.FOLDER).glob("*.sock")
    with (
        socket.socket(socket.AF_UNIX) as connection,
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader,
    ):
        connection.connect(str(address))
        yield connection, reader
        reader.kill()


def test_a_job_killed_before_it_hears_of_its_fork_takes_it_too(half_asked):
    connection, reader = half_asked
    request = json.dumps({"argv": ["lrsweep", "trials", "wait"], "environment": dict(os.environ)}).encode() + b"\n"
    socket.send_fds(connection, [request[:1]], [reader.stdin.fileno()] * 2)
    connection.sendall(request[1:])
    assert reader.stdout.readline() == "out wait\n"
    connection.close()  # with the fork's first word unread, which resets the connection
    assert "Traceback" not in reader.communicate(timeout=30)[0]  # ends when the fork has


def test_a_job_killed_while_it_asks_leaves_no_fork(half_asked):
    connection, reader = half_asked
    socket.send_fds(connection, [b"{"], [reader.stdin.fileno()] * 2)
    connection.close()
    assert reader.communicate(timeout=30) == ("", None)


def test_a_server_that_ends_before_it_hears_leaves_the_client_to_work_for_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    forkserver.FOLDER.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(forkserver._path("sock")))
        listener.listen()
        client = subprocess.Popen([sys.executable, "-c", CLIENT, "3"], stderr=subprocess.PIPE)
        assert select.select([listener], [], [], 30)[0]
    assert client.communicate(timeout=30)[1] == b""
    assert client.returncode == 0  # ask gave None
