"""Rows of a benchmark that are kept in a CSV file, one training after the other, so that an interrupted call goes on."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from lrsweep import files


def known(table: Path) -> list[dict[str, str]]:
    """Give the rows that the table has."""
    return list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8")))) if table.exists() else []


def add(table: Path, columns: Sequence[str], row: Mapping[str, object]) -> None:
    """Keep one more row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows([*known(table), row])
    files.write_text(table, text.getvalue())
