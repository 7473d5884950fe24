"""The files of results/: where each lies, and how a stage reads and writes it.

Every file is written to a temporary name beside it and renamed, so that no reader sees half of one. No file holds a time stamp, a
host or a duration. Made-up curves leave a mark, which spreads: a stage that reads a marked file marks what it writes.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.space import Space
from lrsweep.store import tables
from lrsweep.store.tables import NOT_RUN, SIMULATED

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path("results")
LIBRARIES = ("torch", "optuna", "scipy", "tokenizers", "numpy")  # whose versions results depend on
T = TypeVar("T")


@dataclass
class Results:
    """The folder of all artifacts. `simulated` says that curves were made up, here or for a file that was read."""

    folder: Path
    simulated: bool = False

    def path(self, name: str) -> Path:
        """Give the path of an artifact, by its name below results/: edge/edge.json."""
        return self.folder / name

    def mark(self, value: dict[str, Any]) -> dict[str, Any]:
        """Put the mark into a mapping where it is simulated."""
        return {SIMULATED: True, **value} if self.simulated else value

    def write_json(self, name: str, value: Any) -> None:
        """Write a mapping or a dataclass as JSON: keys in the given order, floats to the bit, no NaN."""
        write_json(self.path(name), self.mark(asdict(value) if is_dataclass(value) and not isinstance(value, type) else value))

    def read_json(self, name: str) -> Any:
        """Read a JSON artifact.

        Raises:
            UserError: the file is missing or damaged.
        """
        value = read_json(self.path(name))
        if isinstance(value, dict) and value.pop(SIMULATED, False):
            self.simulated = True
        return value

    def read_as(self, kind: type[T], name: str) -> T:
        """Read a JSON artifact into the dataclass that it was written from.

        Raises:
            UserError: the file is missing or damaged.
        """
        return TypeAdapter(kind).validate_python(self.read_json(name))

    def write_text(self, name: str, text: str) -> None:
        """Write UTF-8 text."""
        files.write_text(self.path(name), text)

    def write_rows(self, name: str, rows: Sequence[Mapping[str, Any]], space: Space | None = None) -> None:
        """Write rows as a table, an artifact with the name of the table; `space` is that of its configurations."""
        columns = {column: [row[column] for row in rows] for column in tables.schema(table_of(name), space).names}
        self.write_columns(name, columns, space)

    def write_columns(self, name: str, columns: Mapping[str, Any], space: Space | None = None) -> None:
        """Write columns as a table, an artifact with the name of the table; `space` is that of its configurations."""
        tables.write_columns(self.path(name), table_of(name), columns, space, self.simulated)

    def read_table(self, name: str) -> "pd.DataFrame":
        """Read a table; `tables.space_of` gives the space of its configurations.

        Raises:
            UserError: the file is missing or damaged, or has other columns.
        """
        table, simulated = tables.read(self.path(name), table_of(name))
        self.simulated |= simulated
        return table

    def read(self, name: str) -> Any:
        """Read a JSON artifact or a table, whichever the suffix of its name says."""
        return self.read_json(name) if name.endswith(".json") else self.read_table(name)


def work() -> Path:
    """Give the folder that trials are kept in; LRSWEEP_WORK moves it, so that several workspaces can share it."""
    return Path(os.environ.get("LRSWEEP_WORK", "work"))


def table_of(name: str) -> str:
    """Give the name in TABLES of an artifact: its own name, behind a word where another stage has one of that name."""
    path, words = Path(name), {"train": "final_", "ablate": "ablated_"}
    return words.get(path.parent.name, "") + path.stem


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON, with a final newline."""
    files.write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        UserError: the file is missing or damaged.
    """
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: found a folder or a pipe, expected JSON; remove it and run the pipeline again")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: {NOT_RUN}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: damaged ({error}), expected JSON; remove it and run the pipeline again") from None
