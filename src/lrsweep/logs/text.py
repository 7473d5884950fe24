"""The text of a file that another program wrote; what is not UTF-8 is named, with a command that mends it."""

import codecs
import shlex
from pathlib import Path

from lrsweep.errors import UserError

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read(path: Path) -> str:
    """Read UTF-8 text, with or without a mark at its beginning.

    Raises:
        UserError: the file cannot be read, or has another encoding; the line is named.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}, expected a file that can be read; correct the path or its rights") from None
    if data.startswith(_WIDE) or 3 * data[:200].count(0) > len(data[:200]):
        command = f"iconv -f UTF-16 -t UTF-8 {quoted(path)} > {quoted(other(path, path.suffix))}"
        raise UserError(f"{path}: line 1: found UTF-16, expected UTF-8 text; convert it: {command}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path}: line {line}: found a byte that is not UTF-8, expected UTF-8 text; convert it") from None


def other(path: Path, suffix: str) -> Path:
    """Give a name beside `path` for what it is converted to."""
    return path.with_name(f"{path.stem}-new{suffix}")


def quoted(path: Path) -> str:
    """Write a path as a shell reads it."""
    return shlex.quote(str(path))
