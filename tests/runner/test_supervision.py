"""A job whose process was killed, or hangs, is started again as often as params.yaml says; one that says what is wrong is not."""

import errno
import os
import time

import pytest

from lrsweep.cli import main as cli
from lrsweep.runner import forkserver, supervision
from lrsweep.runner.forkserver import KILLED, TIMED_OUT

ARGV = ["lrsweep", "trials", "sweep_uniform", "4", "6"]


@pytest.fixture
def supervised(monkeypatch, tmp_path):
    """Runs a job under supervision that ends with the given codes, one after the other; the limits that it was given."""
    monkeypatch.chdir(tmp_path)
    limits = []

    def run(codes, trial_minutes=2.0, attempts=2):
        remaining = iter(codes)
        monkeypatch.setattr(forkserver, "have_done", lambda argv, job, limit_s: (limits.append(limit_s), next(remaining))[1])
        monkeypatch.setenv(supervision.VARIABLE, f'{{"attempts": {attempts}, "trial_minutes": {trial_minutes or "null"}}}')
        return supervision.run(ARGV, lambda: None), limits

    return run


@pytest.mark.parametrize(
    ("codes", "code", "last"),
    [
        ([0], 0, ""),
        ([2], 2, ""),  # an error that a user can mend is not tried again
        ([KILLED, 0], 0, "started again"),
        ([TIMED_OUT, 2], 2, "started again"),
        ([TIMED_OUT, KILLED], KILLED, "if memory ran out, use fewer --cores"),
        ([KILLED, TIMED_OUT], TIMED_OUT, "no end after 6 min, and killed it, expected execution.trial_minutes for each trial"),
    ],
)
def test_attempts(supervised, capsys, codes, code, last):
    assert supervised(codes) == (code, [360.0] * len(codes))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == sum(one in (KILLED, TIMED_OUT) for one in codes)
    assert all(line.startswith("lrsweep: trials sweep_uniform 4 6: ") for line in said)
    assert last in (said[-1] if said else "")


def test_no_limit(supervised):
    assert supervised([0], trial_minutes=None) == (0, [None])


@pytest.mark.parametrize(
    ("job", "limit_s", "code"), [(lambda: os._exit(9), 30, KILLED), (lambda: time.sleep(60), 0.2, TIMED_OUT)]
)
def test_a_fork_that_dies_or_hangs(monkeypatch, tmp_path, job, limit_s, code):
    monkeypatch.chdir(tmp_path)  # no server is there
    assert forkserver.have_done(ARGV, job, limit_s) == code


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),  # of a file that is to be mapped
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 64 bytes."),
        RuntimeError("CUDA out of memory."),
        RuntimeError("could not create a primitive"),  # oneDNN
    ],
)
def test_memory_that_runs_out_is_one_line(error, monkeypatch, capsys):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(SystemExit) as end:
        cli.main()
    said = capsys.readouterr().err
    assert end.value.code == 1 and said.count("\n") == 1 and "memory ran out; use fewer --cores" in said


def test_other_errors_of_the_system_keep_their_traceback(monkeypatch):
    def fails(*_, **__):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(OSError, match="Input/output error"):
        cli.main()
