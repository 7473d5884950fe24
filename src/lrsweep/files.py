"""Files: how they are written whole or not at all, what a failed write says, and what killed processes leave behind."""

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Literal

from lrsweep.errors import DISKS, UserError

PROBE_BYTES = 1 << 16  # no run begins with less room than this
FORGOTTEN_S = 7 * 24 * 3600.0
_TEMPORARY = re.compile(r"\..+\.(?P<machine>[0-9a-f]{12})\.(?P<pid>\d+)\.[0-9a-f]{8}", re.DOTALL)

# Why a file cannot be written, through no fault of ours, and what to do
_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of your quota",
    errno.EFBIG: "raise the limit of a file's size (ulimit -f)",
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "make it writable"),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY), "move away what is in the place of a folder there"),
    errno.ENOENT: "make its folder, or name a place where folders can be made",
    errno.EISDIR: "move away the folder that is in the place of a file there",
    **dict.fromkeys((errno.ELOOP, errno.ENXIO), "remove the link or pipe that is in its place"),
    errno.ENAMETOOLONG: "move the project, or LRSWEEP_WORK, to a folder with a shorter name",
    **DISKS,
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure of the block to write a file or folder into one line that says why.

    Raises:
        UserError: the system does not let it be written, for a reason of _REMEDIES.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _REMEDIES:
            raise
        place = f"{path}" if error.filename in (None, str(path)) else f"{path} ({error.filename})"
        remedy = f"{_REMEDIES[error.errno]} and run the same command again: nothing that had finished is lost"
        raise UserError(f"{place}: cannot be written ({error.strerror}), expected a place to write to; {remedy}") from None


@cache
def machine() -> str:
    """Give what a process number is unique in, until the next start of the system: a container has its own, under any name."""
    found = os.uname().nodename
    for say in (lambda: Path("/proc/sys/kernel/random/boot_id").read_text(), lambda: os.readlink("/proc/self/ns/pid")):
        with suppress(OSError):  # there on Linux alone
            found += say()
    return hashlib.sha256(found.encode()).hexdigest()[:12]


def temporary(path: Path) -> Path:
    """Make up the name beside `path` that this process writes to, which nobody can have known before."""
    return path.with_name(f".{path.name[:150]}.{machine()}.{os.getpid()}.{secrets.token_hex(4)}")


def prepare(root: Path) -> None:
    """Make a folder that a run will write to, and remove the unfinished files of killed processes of this machine.

    Raises:
        UserError: as in writing, before any work.
    """
    with writing(root):
        if root.is_symlink() and not root.exists():
            raise UserError(f"{root}: found a link to nothing, expected a folder; make {os.readlink(root)}, or remove the link")
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=root) as probe:
            probe.write(bytes(PROBE_BYTES))
    for path in root.rglob(".*"):
        named = _TEMPORARY.fullmatch(path.name)
        if named and (_old(path) if named["machine"] != machine() else not alive(int(named["pid"]))):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _old(path: Path) -> bool:
    """Say whether nothing can be writing a file any more, on whatever machine."""
    return time.time() - path.lstat().st_mtime > FORGOTTEN_S


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
        with open_plainly(path, "ab", buffering=0) as file:
            file.write(line.encode() + b"\n")


def open_plainly(path: Path, mode: Literal["ab", "wb", "xb"], buffering: int = -1) -> BinaryIO:
    """Open a file to write, with the rights that the umask gives; where a link or a pipe is in its place, refuse.

    Raises:
        OSError: it cannot be opened; ELOOP for a link.
    """

    def opener(name: str, flags: int) -> int:
        file = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise OSError(errno.ELOOP, "not a plain file", name)
        return file

    return open(path, mode, buffering=buffering, opener=opener)


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
            with open_plainly(unfinished, "xb") as file:
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
