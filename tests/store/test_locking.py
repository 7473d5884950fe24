"""A trial is trained by one process at a time, and a killed one keeps nobody out."""

import errno
import fcntl
import os
import shlex
import subprocess
import sys

import pytest

from lrsweep.errors import UserError
from lrsweep.store import locking
from lrsweep.store.locking import claim, held, hold

FLOCK = """
def flock(file, operation):
    raise OSError(37, "none")
fcntl.flock = flock
"""
HOLDER = """
import sys, time
from pathlib import Path
from lrsweep.store import locking
from lrsweep.store.locking import claim
with claim(Path(sys.argv[1])) as free:
    print(free, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "one")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_goes_on_to_another_trial_and_a_kill_lets_it_in(tmp_path, holder):
    with claim(tmp_path / "one") as free, claim(tmp_path / "two") as other:
        assert not free and other
    assert held(tmp_path / "one")
    holder.kill()
    holder.wait()
    with claim(tmp_path / "one") as free:
        assert free
    assert not held(tmp_path / "one")


def test_a_second_runner_is_refused(tmp_path, holder):
    with pytest.raises(UserError, match="found another run in this folder"):
        hold(tmp_path / "one")


def test_nobody_holds_what_is_not_there(tmp_path):
    assert not held(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_of_the_system_files_stand_in_and_one_line_says_so(tmp_path, monkeypatch, capsys, number):
    def flock(file, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr(locking, "_HELD", [])
    monkeypatch.delenv(locking._SAID, raising=False)
    folder = tmp_path / "my locks"
    with claim(folder / "one") as free, claim(folder / "one") as again, claim(folder / "two") as other:
        assert free and not again and other
        with pytest.raises(UserError, match="found another run"):
            hold(folder / "one")
    with claim(folder / "one") as free:
        assert free
    (line,) = capsys.readouterr().err.splitlines()
    assert "found a file system without locks" in line
    command = line.rpartition("before the next run: ")[2]
    assert shlex.split(command) == ["rm", "-r", str(folder)]


def test_without_locks_a_killed_holder_keeps_nobody_out(tmp_path, monkeypatch):
    def flock(file, operation):
        raise OSError(errno.ENOLCK, "none")

    code = HOLDER.replace("import sys", "import fcntl, sys").replace("with claim", FLOCK + "with claim")
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "one")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "True\n"
    monkeypatch.setattr(fcntl, "flock", flock)
    with claim(tmp_path / "one") as free:
        assert not free
    process.kill()
    process.wait()
    process.stdout.close()
    with claim(tmp_path / "one"):  # the first look removes what the dead one left
        pass
    with claim(tmp_path / "one") as free:
        assert free
