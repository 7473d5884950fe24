"""Runs as CSV: a row a step with a column `run`, a column a run (W&B's charts), TensorBoard's CSV of one value, a table of runs.

A table of runs has a line for each run and no histories; it gives the configuration of runs that another file holds.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from lrsweep.errors import UserError
from lrsweep.logs import csvfile, wide
from lrsweep.logs.csvfile import Csv
from lrsweep.tracking.sources import configuration
from lrsweep.tracking.sources.source import History, Piece, known, need

TENSORBOARD = ["Wall time", "Step", "Value"]
NAMES = ("Name", "name", "ID", "id", "run")  # of a run, in a table of runs
ONE_RUN = re.compile(r"loss|perplexity|^ppl$|^lr$|learning_rate|grad_norm|^epoch$", re.IGNORECASE)
_DOWNLOAD = re.compile(r"run-(.+)-tag-(.+)")


def find(path: Path) -> Iterator[Piece]:
    """Find the runs of a CSV file, or those of all in a folder.

    Raises:
        UserError: the path is missing, is no CSV, or has columns of another form.
    """
    need(path)
    if path.is_dir():
        files = sorted(path.rglob("*.csv"))
        if not files:
            raise UserError(f"{path}: found no .csv in it, expected tables of runs; name another folder, or a file")
        yield from (piece for file in files for piece in find(file))
        return
    table = csvfile.read(path)
    yield from (known(history, path.stem) for history in _runs(table))


def _runs(table: Csv) -> Iterator[History]:
    path, columns = table.path, table.columns
    if columns == TENSORBOARD:
        yield _tensorboard(table)
    elif "run" in columns and not _is_table(table, "run"):
        yield from _rows(table)
    elif columns and columns[0].lower() in wide.STEPS and any(ONE_RUN.search(one) for one in columns if " - " not in one):
        rows = [(place, _cells(columns, cells)) for place, cells in table.lines]
        yield History(path.stem, path.stem, f"{path}, run {path.stem}", configuration.beside(path.parent), rows)
    elif wide.is_wide(columns):
        yield from _wide(table)
    elif any(name in columns for name in NAMES):
        yield from _configurations(table)
    else:
        raise UserError(
            f"{path}: line 1: found the columns {columns}, expected each once and `run` among them, or a step and a column for"
            " each run; docs/imports.md shows them"
        )


def _is_table(table: Csv, key: str) -> bool:
    names = [cells[table.columns.index(key)] for _, cells in table.lines]
    return len(set(names)) == len(names) and not any(name.lower() in wide.STEPS[:-1] for name in table.columns)


def _cells(columns: list[str], cells: list[str]) -> dict[str, str]:
    return {name: cell for name, cell in zip(columns, cells, strict=True) if cell and name}


def _rows(table: Csv) -> Iterator[History]:
    """Read a row a step: the columns `run`, `config.NAME` and what was logged."""
    found: dict[str, History] = {}
    for place, line in table.lines:
        cells = _cells(table.columns, line)
        name = cells.pop("run", "")
        if not name:
            raise UserError(f"{place}: run: found an empty cell, expected the run's name; fill it in")
        config = {key.removeprefix("config."): value for key, value in cells.items() if key.startswith("config.")}
        history = found.setdefault(name, History(name, name, f"{place}, run {name}", config))
        for key in sorted(config.keys() | history.config.keys()):
            if config.get(key) != history.config.get(key):
                was = f"{history.config.get(key)!r} as on the run's lines before"
                remedy = "correct it or, where these are several runs of one name, write their IDs (run.id) and not their names"
                raise UserError(f"{place}: config.{key}: found {config.get(key)!r}, expected {was}; {remedy}")
        history.rows.append((place, {key: value for key, value in cells.items() if not key.startswith("config.")}))
    if not found:
        raise UserError(f"{table.path}: holds no run, expected at least one; export it again")
    yield from found.values()


def _wide(table: Csv) -> Iterator[History]:
    """Read a column a run. Columns of one run are values of it; where a column names no value, the file's name does."""
    found: dict[str, History] = {}
    for number, (run, value) in wide.series(table.columns).items():
        history = found.setdefault(run, History(run, run, f"{table.path}, run {run}", {}))
        for place, cells in table.lines:
            if cells[number] and cells[0]:
                history.rows.append((place, {"step": cells[0], value or table.path.stem: cells[number]}))
    yield from found.values()


def _tensorboard(table: Csv) -> History:
    """Read the CSV that TensorBoard offers for one value of one run; its name says which."""
    named = _DOWNLOAD.fullmatch(table.path.stem)
    run, value = (named[1], named[2]) if named else (table.path.stem, "Value")
    rows = [(place, {"step": step, value: number}) for place, (_, step, number) in table.lines]
    return History(run, run, f"{table.path}, run {run}", {}, rows)


def _configurations(table: Csv) -> Iterator[History]:
    key = next(name for name in NAMES if name in table.columns)
    for place, line in table.lines:
        cells = _cells(table.columns, line)
        if name := cells.pop(key, ""):
            config = {one.removeprefix("config."): value for one, value in cells.items()}
            yield History(name, name, f"{place}, run {name}", config)
