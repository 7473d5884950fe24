"""CSV as programs write it: cells between commas, lines that end with CR, LF or both, blank lines between them."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lrsweep.errors import UserError
from lrsweep.logs import text

_OTHERS = {";": ("semicolons", "sep=';', decimal=','"), "\t": ("tabs", "sep='\\t'"), "|": ("vertical bars", "sep='|'")}


@dataclass(frozen=True)
class Csv:
    """A table of text: its columns, and its lines with their places and cells. An empty cell is an empty text."""

    path: Path
    columns: list[str]
    lines: list[tuple[str, list[str]]]


def read(path: Path) -> Csv:
    """Read CSV. Only CR and LF end a line, and blank lines are skipped.

    Raises:
        UserError: the text is not UTF-8, cells are separated by something else, a column stands twice, or a line has too few
            or too many cells; the line is named.
    """
    content = text.read(path)
    if "\x00" in content:
        line = content.count("\n", 0, content.index("\x00")) + 1
        raise UserError(f"{path}: line {line}: found no table but a byte of zero, expected text; export it again")
    lines = csv.reader(io.StringIO(content, newline=""), strict=True, skipinitialspace=True)
    found: list[tuple[str, list[str]]] = []
    try:
        columns = next((cells for cells in lines if any(cells)), [])
        _check_columns(path, columns, content)
        for cells in lines:
            place = f"{path}: line {lines.line_num}"
            if not any(cells):
                continue
            if len(cells) != len(columns):
                expected = f"expected {len(columns)} as in the first line"
                remedy = "remove what stands above the names" if len(columns) < len(cells) else "it is cut off: export it again"
                raise UserError(f"{place}: found {len(cells)} cells, {expected}; {remedy}")
            found.append((place, cells))
    except csv.Error as error:
        raise UserError(
            f"{path}: line {lines.line_num}: not CSV ({error}), expected cells; the file is damaged or cut off: export it again"
        ) from None
    return Csv(path, columns, found)


def _check_columns(path: Path, columns: list[str], content: str) -> None:
    head = content.lstrip("\r\n").partition("\n")[0]
    for mark, (name, how) in _OTHERS.items():
        if head.count(mark) > head.count(","):
            new = text.other(path, ".csv")
            call = f"import pandas; pandas.read_csv({str(path)!r}, {how}).to_csv({str(new)!r}, index=False)"
            command = f"python -c {text.shlex.quote(call)}"
            raise UserError(f"{path}: line 1: found cells separated by {name}, expected commas; convert it: {command}")
    if twice := sorted(name for name, n in Counter(columns).items() if n > 1):
        raise UserError(
            f"{path}: line 1: found the column {', '.join(map(repr, twice))} more than once, expected each once;"
            " where runs share a name, give each its own before the export"
        )
