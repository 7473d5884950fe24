"""The curve that a script has written, read from whichever file it writes; a row may lack any of its numbers."""

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from lrsweep.errors import UserError
from lrsweep.logs import tfevents
from lrsweep.logs.measurement import measurement
from lrsweep.trainers.command.settings import CurveFile, CurvePattern

Row = Mapping[str, Any]
NAMES = ("loss", "lr", "grad_norm")
LARGEST = 2**53  # a float holds every whole number up to here
_DIGITS = re.compile(r"(\d+)")


class Point(NamedTuple):
    """A row of a curve; None is what it does not say. `loss` is the validation loss in nats."""

    step: int
    loss: float | None
    lr: float | None
    grad_norm: float | None


class Curve(NamedTuple):
    """The points in the order in which they were written, the columns that were seen, and the places that cannot be read."""

    points: tuple[Point, ...]
    columns: tuple[str, ...]
    damaged: tuple[str, ...]


def read(section: CurveFile | CurvePattern, place: str) -> Curve:
    """Read a curve. `place` is the file or glob, with all words put in; for a pattern it is the file of stdout."""
    paths = _paths(place)
    if isinstance(section, CurvePattern):
        text = "".join(map(_text, paths))
        rows = [found.groupdict() for found in re.finditer(section.pattern, text)]
        return _curve(rows, {name: name for name in ("step", *NAMES)}, [])
    columns = {"step": section.step, **{name: column for name in NAMES if (column := getattr(section, name))}}
    damaged: list[str] = []
    if any("tfevents" in path.name for path in paths):
        columns = {**columns, "step": "step"}
    return _curve([row for path in paths for row in _rows(path, damaged)], columns, damaged)


def _paths(place: str) -> list[Path]:
    """Give the files behind a path or glob: number after number, so that version_10 comes after version_9."""
    path = Path(place)
    found = list(Path(path.anchor).glob(str(path.relative_to(path.anchor)))) if path.anchor else list(Path().glob(place))
    files = [one for top in found for one in (top.rglob(tfevents.PATTERN) if top.is_dir() else [top])]
    return sorted(files, key=lambda one: [int(part) if part.isdecimal() else part for part in _DIGITS.split(str(one))])


def _rows(path: Path, damaged: list[str]) -> Iterator[Row]:
    if "tfevents" in path.name:
        try:
            yield from ({"step": event.step, **event.scalars} for event in tfevents.read(path))
        except UserError:
            damaged.append(path.name)
    elif path.suffix == ".csv":
        yield from _csv_rows(path, damaged)
    elif path.name == "trainer_state.json":
        state = _json(_text(path))
        rows = state.get("log_history") if isinstance(state, dict) else None
        if isinstance(rows, list):
            yield from (row for row in rows if isinstance(row, dict))
        else:
            damaged.append(path.name)
    else:
        for number, line in enumerate(_text(path).split("\n"), start=1):
            row = _json(line) if line.strip() else {}
            if isinstance(row, dict):
                yield row
            else:
                damaged.append(f"{path.name} line {number}")


def _csv_rows(path: Path, damaged: list[str]) -> Iterator[Row]:
    """Read CSV whose header may be written again by a later call. Of two columns with one name the first counts."""
    lines = csv.reader(io.StringIO(_text(path), newline=""), skipinitialspace=True)
    header, first = list[str](), dict[str, int]()
    try:
        for cells in lines:
            if not header:
                header, first = cells, {name: cells.index(name) for name in cells}
                damaged += [f"{path.name} column {i + 1} ({name} again)" for i, name in enumerate(cells) if name in cells[:i]]
            elif len(cells) == len(header) and cells != header:
                yield {name: cells[i] for name, i in first.items()}
            elif cells and cells != header:
                damaged.append(f"{path.name} line {lines.line_num}")
    except csv.Error:  # a cell of more than 128 KiB
        damaged.append(f"{path.name} from line {lines.line_num} on")


def _text(path: Path) -> str:
    """Read text, without a byte order mark; a file that the script has removed meanwhile is empty."""
    with suppress(OSError):
        return path.read_bytes().decode("utf-8-sig", errors="replace")
    return ""


def _json(text: str) -> Any:
    """Read JSON; None where it is none."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _curve(rows: Iterable[Row], columns: Mapping[str, str], damaged: list[str]) -> Curve:
    points, seen = [], dict[str, None]()
    for row in rows:
        seen |= dict.fromkeys(row)
        step = _number(row.get(columns["step"]))
        numbers = {name: _number(row.get(columns[name])) if name in columns else None for name in NAMES}
        if (
            step is not None
            and step.is_integer()
            and 0 <= step < LARGEST
            and any(value is not None for value in numbers.values())
        ):
            points.append(Point(int(step), **numbers))
    return Curve(tuple(points), tuple(seen), tuple(damaged))


def _number(value: Any) -> float | None:
    """Read a number, also NaN and infinities as any library spells them; None where there is none."""
    try:
        return None if value is None or value == "" or isinstance(value, bool) else measurement(float(value))
    except (TypeError, ValueError):
        return None
    except OverflowError:  # a whole number of hundreds of digits
        return math.inf
