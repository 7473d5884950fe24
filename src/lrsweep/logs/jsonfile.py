"""JSON as programs write it: a value on each line, values one after the other, or a list; each with the line where it begins."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lrsweep.errors import UserError

Found = tuple[int, Any]  # the number of a line, and the value that begins there, or an UserError that says what is wrong with it

_SPACE, _NEXT = re.compile(r"\s*"), re.compile(r"\n(?=\{)")


def values(path: Path, text: str) -> Iterator[Found]:
    """Read the values. What is no JSON comes as an error in its place, and reading goes on with the next line that begins with {.

    It takes time in proportion to the text.
    """
    start = _after_space(text, 0)
    is_list = text[start : start + 1] == "["
    decoder, position, counted, line = json.JSONDecoder(), start + is_list, 0, 1
    closed, first = not is_list, True
    while (position := _after_space(text, position)) < len(text):
        if is_list and text[position] == "]":
            closed = True
            break
        if is_list and not first:
            if text[position] != ",":
                break
            position = _after_space(text, position + 1)
        line, counted, first = line + text.count("\n", counted, position), position, False
        try:
            value, position = decoder.raw_decode(text, position)
            yield line, value
        except (ValueError, RecursionError) as error:
            yield line, _broken(path, text, line, error)
            following = None if is_list else _NEXT.search(text, position)
            if not following:
                return
            position = following.end()
    if not closed:
        last = text.count("\n", 0, position) + 1
        yield (
            last,
            UserError(f"{path}: line {last}: found no end of the list of runs; the file is damaged or cut off: export it again"),
        )


def read(path: Path, text: str) -> Any:
    """Read a file that holds one value.

    Raises:
        UserError: it is not JSON; the line is named.
    """
    for _, value in values(path, f"[{text}]") if text.strip() else ():
        if isinstance(value, UserError):
            raise value
        return value
    raise UserError(f"{path}: found nothing, expected JSON; write it again")


def _broken(path: Path, text: str, line: int, error: Exception) -> UserError:
    """Say what is wrong: no JSON, too deep, or a number of thousands of digits."""
    said = "too many brackets in one another" if isinstance(error, RecursionError) else str(error).split(";")[0]
    if isinstance(error, json.JSONDecodeError):
        line, said = error.lineno, error.msg
    return UserError(f"{path}: line {line}: not JSON ({said}), expected a run; the file is damaged or cut off: export it again")


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    assert found, "no space is space too"
    return found.end()
