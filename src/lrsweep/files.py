"""Files: how they are written whole or not at all, what a failed write says, and what killed processes leave behind."""

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from lrsweep.errors import UserError

PROBE_BYTES = 1 << 16  # no run begins with less room than this

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
    """Turn a failure of the block to write a file or folder into one line that says why.

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
    """Give the name beside `path` that this process writes to: with the node, since only one node has each process number."""
    return path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}")


def prepare(root: Path) -> None:
    """Make a folder that a run will write to, and remove the unfinished files of killed processes of this machine.

    Raises:
        UserError: as in writing, before any work.
    """
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=root) as probe:
            probe.write(bytes(PROBE_BYTES))
    for path in root.rglob(f".*.{os.uname().nodename}.*"):
        if path.suffix[1:].isdecimal() and not alive(int(path.suffix[1:])):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def bring_to_the_present(paths: Iterable[Path]) -> None:
    """Set files dated in the future, as a clock that jumped leaves them, to now: Snakemake refuses what is made from them."""
    now = time.time()
    for path in paths:
        with suppress(OSError):  # removed meanwhile, or another user's
            if path.stat().st_mtime > now:
                os.utime(path)


def append_line(path: Path, line: str) -> None:
    """Add a line to a log in work/, in one write, so that the lines of several processes do not mix.

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


Stamp = tuple[int, int, int]  # time, size and inode of a file, which show an edit


def stamp(path: Path) -> Stamp | None:
    """Give the stamp of a file; None where there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def alive(pid: int) -> bool:
    """Say whether a process of this machine runs. One that has ended may stay as a zombie, in a container for good."""
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # another user's, on some systems
        return True


@contextmanager
def atomic_writer(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that is there whole at the end of the block, or not at all.

    Raises:
        UserError: it cannot be written, as on a full disk.
    """
    unfinished = temporary(path)
    with writing(path), folder_for(path):
        try:
            with unfinished.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)


@contextmanager
def folder_for(path: Path) -> Iterator[None]:
    """Make the folder of a file that the block writes, and remove it where the block fails and the folder is new and empty."""
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for folder in made:
            with suppress(OSError):  # something is in it by now
                folder.rmdir()
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all."""
    with atomic_writer(path) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    write_bytes(path, text.encode())


def digest(path: Path) -> str:
    """Give the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
