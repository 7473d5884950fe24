"""What ends a command, as a line and an exit code."""

import errno
import os

import pytest

from lrsweep.errors import Mismatch, UserError, exit_code


def failing(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(("error", "code"), [(UserError("lr: found 2"), 2), (Mismatch("trial 3"), 1)])
def test_what_a_user_can_mend_is_a_line(error, code, capsys):
    assert exit_code(failing(error)) == code
    assert capsys.readouterr().err == f"lrsweep: {error}\n"


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
def test_memory_that_runs_out_is_one_line(error, capsys):
    assert exit_code(failing(error)) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "memory ran out; use fewer --cores" in said


def test_other_errors_keep_their_traceback(capsys):
    assert exit_code(failing(OSError(errno.EPIPE, os.strerror(errno.EPIPE)))) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("named", [("/data/a.txt",), ()])  # a read of an open file does not name it
@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_disk_that_fails_is_one_line(number, named, capsys):
    assert exit_code(failing(OSError(number, os.strerror(number), *named))) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith(f"lrsweep: {(*named, 'a file')[0]}: found {os.strerror(number).lower()}")


@pytest.mark.parametrize("named", [("/data/a.txt",), ()])
@pytest.mark.parametrize(
    "kind", ["EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "EISDIR", "ENOTDIR", "ELOOP", "EMFILE", "ENFILE"]
)
def test_a_file_that_the_system_does_not_give_is_one_line(kind, named, capsys):
    number = getattr(errno, kind)
    assert exit_code(failing(OSError(number, os.strerror(number), *named))) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith(f"lrsweep: {(*named, 'a file')[0]}: found {os.strerror(number).lower()}")
    assert ", expected " in said and "; " in said


def test_interruption_is_silent(capsys):
    assert exit_code(failing(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == ""
