"""The runs of all sources: those to leave out are left out before they are read, and the pieces of a run are put together."""

import shlex
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from lrsweep.errors import UserError
from lrsweep.tracking.sources import History, Part, Piece, Source

SHOWN = 12  # names in a message


def read(source: Source, paths: Sequence[Path], leave_out: Sequence[str]) -> list[History]:
    """Read the runs at all paths, in the order given, but those that are left out by ID, display name or folder.

    Raises:
        UserError: a line for each path or run that is missing or broken, or for each name to leave out that no run has.
    """
    problems: list[str] = []
    pieces = [piece for path in paths for piece in _pieces(source, path, problems)]
    wanted, seen, found = set(leave_out), set[str](), list[History]()
    for piece in pieces:
        seen.update(piece.names)
        if wanted & set(piece.names):
            continue
        try:
            history = piece.read()
        except UserError as error:
            problems.append(f"{error}{_remedy(piece)}")
            continue
        seen.update((history.id, history.name))
        if not wanted & {history.id, history.name}:
            found.append(history)
    problems += [_unknown(name, seen) for name in leave_out if name not in seen]
    if problems:
        raise UserError("\n".join(problems))
    if not pieces:
        raise UserError(f"{', '.join(map(str, paths))}: holds no run, expected at least one; export it again")
    return _with_histories(_joined(found), paths)


def _pieces(source: Source, path: Path, problems: list[str]) -> Iterator[Piece]:
    try:
        yield from source.find(path)
    except UserError as error:
        problems.append(str(error))


def _remedy(piece: Piece) -> str:
    return f", or leave it out: --leave-out {shlex.quote(piece.names[0])}" if piece.names else ""


def _unknown(name: str, seen: set[str]) -> str:
    near = get_close_matches(name, seen, 1)
    known = sorted(seen)
    shown = ", ".join(known[:SHOWN]) + (f", … ({len(known)})" if len(known) > SHOWN else "")
    expected = f"the name of a run (nearest: {near[0]})" if near else f"the name of a run: {shown}"
    return f"--leave-out: found {name!r}, expected {expected}; correct it"


def _joined(found: Sequence[History]) -> list[History]:
    """Put the pieces of each run together, in the order in which they were found."""
    runs: dict[str, History] = {}
    for piece in found:
        if piece.id not in runs:
            runs[piece.id] = piece
            continue
        run = runs[piece.id]
        if not run.parts:
            run.parts.append(Part(run.place, run.config, 0, len(run.rows)))
        run.parts.append(Part(piece.place, piece.config, len(run.rows), len(run.rows) + len(piece.rows)))
        if not run.rows:
            run.place = piece.place
        run.rows += piece.rows
        run.config = {**run.config, **piece.config}
        if piece.rows:
            run.unfinished = piece.unfinished
    return list(runs.values())


def _with_histories(runs: Sequence[History], paths: Sequence[Path]) -> list[History]:
    """Give the runs that logged something; a table of runs may name others."""
    logged = [run for run in runs if run.rows or run.unfinished or not run.config]
    if runs and not logged:
        named = ", ".join(map(str, paths))
        raise UserError(
            f"{named}: found a table of runs, which has no histories, expected what was logged at each step; export the histories"
            " with the script of docs/imports.md, or name the chart of the validation loss beside it"
        )
    return logged
