"""Files under faults: why one cannot be written, in one line, and what killed processes leave behind."""

import errno
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

from lrsweep.errors import UserError

PROBE_BYTES = 1 << 16  # with less room than this no run is begun

# Why a file cannot be written, through no fault of ours, and what to do
_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of your quota",
    errno.EFBIG: "raise the limit of a file's size (ulimit -f)",
    errno.EROFS: "make it writable",
    errno.EACCES: "make it writable",
    errno.EPERM: "make it writable",
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Says in one line that a file or folder cannot be written, and why.

    Raises:
        UserError: the disk is full, a quota is used up, or the place may not be written to.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _REMEDIES:
            raise
        remedy = f"{_REMEDIES[error.errno]} and run the same command again: nothing that had finished is lost"
        raise UserError(f"{path}: cannot be written ({error.strerror}), expected a place to write to; {remedy}") from None


def temporary(path: Path) -> Path:
    """The name beside `path` that this process writes under; nodes share a file system, not their processes' numbers."""
    return path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}")


def prepare(root: Path) -> None:
    """Makes a folder that a run will write to, and removes what killed processes of this machine were writing there: it is
    nobody's, and may be large.

    Raises:
        UserError: as in writing, before any work.
    """
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=root) as probe:
            probe.write(bytes(PROBE_BYTES))
    for path in root.rglob(f".*.{os.uname().nodename}.*"):
        if path.suffix[1:].isdecimal() and not alive(int(path.suffix[1:])):
            path.unlink(missing_ok=True)


def bring_to_the_present(paths: Iterable[Path]) -> None:
    """Takes the future from the times of files, as a clock that jumped leaves it: Snakemake refuses what is made from such."""
    now = time.time()
    for path in paths:
        with suppress(OSError):  # removed meanwhile, or of another user
            if path.stat().st_mtime > now:
                os.utime(path)


def append_line(path: Path, line: str) -> None:
    """Adds a line to a log in work/, in one write, so that processes do not mix theirs; logs are no artifacts.

    Raises:
        UserError: as in writing.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(file, line.encode() + b"\n")
        finally:
            os.close(file)


def alive(pid: int) -> bool:
    """Whether a process of this machine runs; one that has ended may stay as a zombie, in a container for good."""
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # of another user, on some systems
        return True
