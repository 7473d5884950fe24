"""A trial is trained by one process at a time, and a killed one keeps nobody out."""

import subprocess
import sys

import pytest

from lrsweep.errors import UserError
from lrsweep.store.locking import claim, held, hold

HOLDER = """
import sys, time
from pathlib import Path
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
