"""What killed processes were writing is removed, and what others still write is not."""

import os
import subprocess

import pytest

from lrsweep import files


@pytest.fixture
def ended():
    """A process that has ended and that nobody has waited for."""
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield process
    process.wait()


def test_a_process_that_has_ended_is_not_alive(ended):
    assert not files.alive(ended.pid)
    ended.wait()
    assert not files.alive(ended.pid)
    assert files.alive(os.getpid())


def test_what_ended_processes_were_writing_is_removed(tmp_path, ended):
    node = os.uname().nodename
    kept = [f".a.svg.{node}.{os.getpid()}", f".a.svg.elsewhere-{node}.{ended.pid}", "a.svg", f".a.{node}.svg"]
    left = [f".a.svg.{node}.{ended.pid}", f".b.svg.{node}.{ended.pid}"]
    (tmp_path / "figures").mkdir()
    for name in kept + left:
        (tmp_path / "figures" / name).touch()
    files.prepare(tmp_path)
    assert {path.name for path in (tmp_path / "figures").iterdir()} == set(kept)
