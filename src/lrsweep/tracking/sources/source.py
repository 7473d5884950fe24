"""A source of runs: how one kind of file or folder is read. A reader finds pieces of runs, and reads each when it is wanted.

So a run can be left out before it is read whole, and every broken one is named.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from lrsweep.errors import UserError

Row = tuple[str, dict[str, Any]]  # the place of a row, and what was logged there by names


class Part(NamedTuple):
    """A piece of a run that was put together: its place, its configuration, and its rows, from `start` to before `end`."""

    place: str
    config: dict[str, Any]
    start: int
    end: int


@dataclass
class History:
    """A run, or a piece of one: its ID and display name, its place, its configuration, and its rows with their places.

    unfinished: why the run may go on past its last row; None where its end is known or needs no mark.
    parts: the pieces that it was put together from; none where it is a whole.
    """

    id: str
    name: str
    place: str
    config: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    unfinished: str | None = None
    parts: list[Part] = field(default_factory=list)


@dataclass(frozen=True)
class Piece:
    """A run, or a piece of one, that was found and is not read yet: the names by which it can be left out, and its place."""

    names: tuple[str, ...]
    place: str
    read: Callable[[], History]


@dataclass(frozen=True)
class Source:
    """One kind of source: how runs are found at a path, and its names of our values.

    `names` has the kind's own name for each of our names that it calls otherwise; an empty one was not logged. `find` raises a
    UserError where a path is of another kind.
    """

    kind: str
    find: Callable[[Path], Iterator[Piece]]
    names: Mapping[str, str] = field(default_factory=dict)


def known(history: History, *names: str) -> Piece:
    """Give the piece of a run that has been read already."""
    return Piece((history.id, history.name, *names), history.place, lambda: history)


def broken(error: UserError, place: str, *names: str) -> Piece:
    """Give a piece that cannot be read; its error is raised unless the run is left out."""

    def read() -> History:
        raise error

    return Piece(names, place, read)


def need(path: Path) -> None:
    """Make sure that a path is there.

    Raises:
        UserError: it is not.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file or folder, expected an export; correct the path")
