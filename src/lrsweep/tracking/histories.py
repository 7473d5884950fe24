"""Histories of runs as W&B exports them: JSON, CSV or folders of offline runs. Each row keeps its place in the source.

JSON is a list of runs, or one run on each line: {"name": …, "config": {…}, "history": [{…}, …]}. CSV has a line for each row of
a history, with columns `run`, `config.NAME` and the logged names. An empty cell means that nothing was logged.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrsweep.errors import UserError
from lrsweep.tracking import transaction_log


@dataclass
class History:
    """A run: its place in the source, its configuration, and its rows, each with its own place."""

    name: str
    place: str
    config: dict[str, Any]
    rows: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def read(sources: Sequence[Path], leave_out: Sequence[str]) -> list[History]:
    """Read the runs of all sources, in the order given, but those named; below a folder they come in the order of its names.

    Raises:
        UserError: a source is missing, is of none of these forms, is broken or holds no run; a run is there twice, or one to
            be left out is not there. The line or record is named.
    """
    places: dict[str, str] = {}
    found = [history for source in sources for history in _read_one(source)]
    for history in found:
        if history.name in places:
            raise UserError(
                f"{history.place}: run {history.name}: stands at {places[history.name]} too, expected each run once;"
                " name each source once"
            )
        places[history.name] = history.place
    for name in leave_out:
        if name not in places:
            raise UserError(f"--leave-out: found {name!r}, expected the name of a run: {', '.join(places)}; correct it")
    return [history for history in found if history.name not in leave_out]


def _read_one(source: Path) -> list[History]:
    if source.is_dir():
        logs = sorted(source.rglob("run-*.wandb"))
        if not logs:
            raise UserError(
                f"{source}: found no run-ID.wandb in it, expected an offline run's folder, or one that holds such; name that"
            )
        return [_offline(path) for path in logs]
    if not source.is_file():
        raise UserError(f"{source}: no such file or folder, expected an export; correct the path")
    if source.suffix == ".wandb":
        return [_offline(source)]
    readers = {".csv": _csv, ".json": _json, ".jsonl": _json}
    if source.suffix not in readers:
        raise UserError(
            f"{source}: found a file of type {source.suffix!r}, expected .json, .jsonl, .csv or .wandb; rename or convert it"
        )
    try:
        text = source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{source}: line {line}: found a byte that is not UTF-8, expected UTF-8 text; convert it") from None
    found = list(readers[source.suffix](source, text))
    if not found:
        raise UserError(f"{source}: holds no run, expected at least one; export it again")
    return found


def _offline(path: Path) -> History:
    run = transaction_log.read(path)
    return History(run.name, str(path), run.config, [(f"{path}: row {n}", row) for n, row in enumerate(run.rows, start=1)])


def _json(source: Path, text: str) -> Iterator[History]:
    for line, value in _json_values(source, text):
        place = f"{source}: line {line}"
        for key, kind in (("name", str), ("config", dict), ("history", list)):
            if not isinstance(value, dict) or not isinstance(value.get(key), kind):
                found = sorted(value) if isinstance(value, dict) else type(value).__name__
                raise UserError(
                    f"{place}: found {found}, expected a run with its name, its config and its history; docs/wandb.md shows one"
                )
        place = f"{place}, run {value['name']}"
        for number, row in enumerate(value["history"], start=1):
            if not isinstance(row, dict):
                raise UserError(
                    f"{place}, row {number}: found {row!r:.60}, expected what was logged, by names; docs/wandb.md shows it"
                )
        rows = [(f"{place}, row {number}", row) for number, row in enumerate(value["history"], start=1)]
        yield History(value["name"], place, value["config"], rows)


def _json_values(source: Path, text: str) -> Iterator[tuple[int, Any]]:
    """Read the runs of a JSON list, or one from each line, with the number of the line where each begins."""
    decoder, position = json.JSONDecoder(), _after_space(text, 0)
    is_list = text[position : position + 1] == "["
    mark = "[" if is_list else ""  # the mark before the current position
    position += is_list
    while (position := _after_space(text, position)) < len(text) and not (is_list and text[position] == "]"):
        line = text.count("\n", 0, position) + 1
        if is_list and mark not in ("[", ","):
            break
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise UserError(
                f"{source}: line {error.lineno}: not JSON ({error.msg}), expected a run;"
                " the file is damaged or cut off: export it again"
            ) from None
        yield line, value
        position = _after_space(text, position)
        mark = text[position : position + 1]
        position += is_list and mark == ","
    if is_list and text[position : position + 1] != "]":
        line = text.count("\n", 0, position) + 1
        raise UserError(
            f"{source}: line {line}: found no end of the list of runs; the file is damaged or cut off: export it again"
        )


def _after_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _csv(source: Path, text: str) -> Iterator[History]:
    lines = csv.reader(text.splitlines(keepends=True), strict=True)
    found: dict[str, History] = {}
    try:
        heads = next(lines, [])
        if "run" not in heads or len(set(heads)) < len(heads):
            raise UserError(
                f"{source}: line 1: found the columns {heads}, expected each once and `run` among them; docs/wandb.md shows them"
            )
        for cells in lines:
            place = f"{source}: line {lines.line_num}"
            if len(cells) != len(heads):
                raise UserError(
                    f"{place}: found {len(cells)} cells, expected {len(heads)}; the line is cut off or broken: export it again"
                )
            _add_line(found, place, dict(zip(heads, cells, strict=True)))
    except csv.Error as error:
        raise UserError(
            f"{source}: line {lines.line_num}: not CSV ({error}), expected cells; the file is damaged or cut off: export it again"
        ) from None
    yield from found.values()


def _add_line(found: dict[str, History], place: str, cells: dict[str, str]) -> None:
    """Add a line of CSV to its run, whose configuration must be the same on each of its lines."""
    name = cells.pop("run")
    if not name:
        raise UserError(f"{place}: run: found an empty cell, expected the run's name; fill it in")
    config = {key.removeprefix("config."): value for key, value in cells.items() if key.startswith("config.") and value}
    history = found.setdefault(name, History(name, f"{place}, run {name}", config))
    for key in sorted(config.keys() | history.config.keys()):
        if config.get(key) != history.config.get(key):
            was = f"{history.config.get(key)!r} as on the run's lines before"
            raise UserError(f"{place}: config.{key}: found {config.get(key)!r}, expected {was}; correct it")
    history.rows.append((place, {key: value for key, value in cells.items() if value and not key.startswith("config.")}))
