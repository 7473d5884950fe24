"""Runs of W&B: folders of offline runs, and JSON or CSV of histories.

JSON is a list of runs, or one run on each line: {"name": …, "config": {…}, "history": [{…}, …]}.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lrsweep.errors import UserError
from lrsweep.logs import jsonfile, text
from lrsweep.tracking import transaction_log
from lrsweep.tracking.sources import tables
from lrsweep.tracking.sources.source import History, Piece, broken, known, need

_NAME = re.compile(r'"name"\s*:\s*"((?:[^"\\]|\\.)*)"')


def find(path: Path) -> Iterator[Piece]:
    """Find the runs of an export or of a folder with offline runs, in the order of their names.

    Raises:
        UserError: the path is missing, or of none of these forms.
    """
    need(path)
    if path.is_dir():
        logs = sorted(path.rglob("run-*.wandb"))
        if not logs:
            raise UserError(
                f"{path}: found no run-ID.wandb in it, expected an offline run's folder, or one that holds such; name that,"
                " or see lrsweep import --help for other tools"
            )
        yield from map(_offline, logs)
    elif path.suffix == ".wandb":
        yield _offline(path)
    elif path.suffix == ".csv":
        yield from tables.find(path)
    elif path.suffix in (".json", ".jsonl"):
        yield from _json(path)
    else:
        raise UserError(
            f"{path}: found a file of type {path.suffix!r}, expected .json, .jsonl, .csv or .wandb; rename or convert it"
        )


def _offline(path: Path) -> Piece:
    def read() -> History:
        run = transaction_log.scan(path)
        rows = [(f"{path}: row {number}", row) for number, row in enumerate(run.rows, start=1)]
        own = path.stem.removeprefix("run-")
        return History(run.name or own, run.display_name or own, str(path), run.config, rows, run.broken)

    return Piece((path.stem.removeprefix("run-"), path.parent.name, str(path.parent)), str(path), read)


def _json(path: Path) -> Iterator[Piece]:
    content = text.read(path)
    for line, value in jsonfile.values(path, content):
        place = f"{path}: line {line}"
        try:
            if isinstance(value, UserError):
                raise value
            yield known(_run(place, value))
        except UserError as error:
            yield broken(error, place, *_names(value, content, line))


def _names(value: Any, content: str, line: int) -> list[str]:
    """Give the names of a run that cannot be read, as far as they can be seen."""
    if isinstance(value, dict):
        return [str(value[key]) for key in ("id", "name") if key in value]
    found = _NAME.search(content.split("\n", line)[line - 1][:10_000]) if isinstance(value, UserError) else None
    return [found[1]] if found else []


def _run(place: str, value: Any) -> History:
    """Read one run as the script in docs/imports.md writes it."""
    if isinstance(value, dict) and isinstance(value.get("config"), str):  # run.json_config
        value = {**value, "config": jsonfile.read(Path(f"{place}, config"), value["config"])}
    for key, kind in (("name", str), ("config", dict), ("history", list)):
        if not isinstance(value, dict) or not isinstance(value.get(key), kind):
            found = sorted(value) if isinstance(value, dict) else type(value).__name__
            raise UserError(
                f"{place}: found {found}, expected a run with its name, its config and its history; docs/imports.md shows one"
            )
    own = value["id"] if isinstance(value.get("id"), str) else value["name"]
    place = f"{place}, run {own}"
    for number, row in enumerate(value["history"], start=1):
        if not isinstance(row, dict):
            raise UserError(
                f"{place}, row {number}: found {row!r:.60}, expected what was logged, by names; docs/imports.md shows it"
            )
    rows = [(f"{place}, row {number}", row) for number, row in enumerate(value["history"], start=1)]
    return History(own, value["name"], place, value["config"], rows)
