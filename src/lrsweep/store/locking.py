"""One runner in a folder at a time, and one process at a trial. The system gives a lock back when its holder ends, also when
it is killed.
"""

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lrsweep import files
from lrsweep.errors import UserError

_HELD: list[int] = []  # open to the end of the process


def hold(path: Path) -> None:
    """Takes the lock until this process ends.

    Raises:
        UserError: another process has it.
    """
    with files.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(file, 32).decode().strip()
        os.close(file)
        found = f"another run in this folder (process {holder})"
        raise UserError(f"{path}: found {found}, expected none; wait for it, or stop it and run again") from None
    with files.writing(path):
        os.truncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
    _HELD.append(file)


def held(path: Path) -> bool:
    """Whether a process has the lock; it is not taken."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def alone(folder: Path, number: int) -> Iterator[None]:
    """Waits until no other process is in such a block with the same folder and number, and keeps others waiting until its end.

    Also those on other machines that share the file system, if it has locks. Who is inside must not wait for a second one. The
    lock is a byte of a file (POSIX, fcntl), so forks do not inherit it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("ab") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                print(f"lrsweep: {folder}: another run is training number {number}; waiting for it", file=sys.stderr)
                fcntl.lockf(file, fcntl.LOCK_EX, 1, number)
        yield
