"""Locks: one runner in a folder at a time, and one process at a trial.

The system releases a lock when its holder ends, also when it is killed. Where a file system has no locks (Lustre mounted without
them, NFS without lockd), a file that says who made it is the lock. One of a killed process is removed by the next on its machine.
"""

import errno
import os
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.terminal import complain

_LOCKLESS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
_SAID = "LRSWEEP_NO_LOCKS"  # set for this process and all that it starts
_HELD: list[AbstractContextManager] = []  # to the end of the process


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Try to take a lock for the block, without waiting; give whether it was free.

    Raises:
        UserError: the lock's file cannot be written.
    """
    lock = None
    with files.writing(path), suppress(Timeout):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _lock(path)
    try:
        yield lock is not None
    finally:
        if lock:
            lock.release()


def _lock(path: Path) -> BaseFileLock:
    lock: BaseFileLock = FileLock(path, blocking=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except OSError as error:
        if error.errno not in _LOCKLESS:
            raise
        if _SAID not in os.environ:
            os.environ[_SAID] = "1"
            found = f"found a file system without locks ({error.strerror}), so files stand in for them"
            remedy = f"where a machine fails, remove its own before the next run: rm -r {shlex.quote(str(path.parent))}"
            complain(f"{path.parent}: {found}; {remedy}")
        lock = SoftFileLock(path.with_name(f"{path.name}.held"), blocking=False)
        lock.acquire()
    return lock


def hold(path: Path) -> None:
    """Take a lock until this process ends.

    Raises:
        UserError: another process has it.
    """
    claiming = claim(path)
    if not claiming.__enter__():
        remedy = "wait for it, or stop it and run again"
        raise UserError(f"{path}: found another run in this folder, expected none; {remedy}")
    _HELD.append(claiming)


def held(path: Path) -> bool:
    """Say whether a process has a lock, without taking it."""
    if not path.exists():
        return False
    with claim(path) as free:
        return not free
