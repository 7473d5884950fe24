"""Locks: one runner in a folder at a time, and one process at a trial.

The system releases a lock when its holder ends, also when it is killed. Where a file system has no locks, filelock falls back
to files that say who made them.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from lrsweep import files
from lrsweep.errors import UserError

_HELD: list[AbstractContextManager] = []  # to the end of the process


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Try to take a lock for the block, without waiting; give whether it was free.

    Raises:
        UserError: the lock's file cannot be written.
    """
    lock = FileLock(path, blocking=False)
    with files.writing(path), suppress(Timeout):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield lock.is_locked
    finally:
        lock.release()


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
