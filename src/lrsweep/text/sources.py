"""Source files: which files the corpus is read from, each once, however many names it has."""

import glob
from pathlib import Path

from lrsweep import experiments, files
from lrsweep.errors import UserError
from lrsweep.text.settings import Corpus

FOLDER = Path("data")  # DVC watches it
OUTPUTS = Path("results")


def is_inside(path: str) -> bool:
    """Say whether a path or glob of corpus.paths stays in FOLDER, by its spelling."""
    return Path(path).parts[:1] == FOLDER.parts and ".." not in Path(path).parts


def source_files(section: Corpus) -> list[Path]:
    """List the files that `source: files` reads, in the order of corpus.paths, each glob sorted; none for other sources.

    A file that several names lead to is read once, under its shortest name.

    Raises:
        UserError: a path or a glob matches no file, or a file that no runner could follow: see _refuse.
    """
    if section.source != "files":
        return []
    names: dict[tuple[int, int], list[Path]] = {}  # by device and inode, in order
    for number, pattern in enumerate(section.paths):
        matches = [pattern] if Path(pattern).exists() else glob.glob(pattern, recursive=True)
        paths = sorted(path for path in map(Path, matches) if path.is_file() and path.suffix != ".dvc")
        if not paths:
            what, remedy = _why_nothing(pattern)
            raise UserError(f"corpus.paths[{number}]: found {pattern!r}, which {what}, expected UTF-8 text; {remedy}")
        for path in paths:
            found = path.stat()
            names.setdefault((found.st_dev, found.st_ino), []).append(path)
    chosen = [min(same, key=lambda path: (_behind_a_link(path) is not None, len(path.parts), path)) for same in names.values()]
    for path in chosen:
        _refuse(path)
    return chosen


def repeated(paths: list[Path]) -> dict[Path, Path]:
    """Give the files with the bytes of one before, each with that one."""
    seen: dict[str, Path] = {}
    first = {path: seen.setdefault(files.digest(path), path) for path in paths}
    return {path: other for path, other in first.items() if path != other}


def _refuse(path: Path) -> None:
    """Refuse a file whose changes a runner would not see, or whose name it would not understand."""
    if "{" in str(path):
        raise UserError(f"{path}: found a name with a brace, expected one that Snakemake takes for no wildcard; rename it")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = str(path).encode(errors="backslashreplace").decode()
        raise UserError(f"{shown}: found a name that is not UTF-8, expected one that JSON can hold; rename it") from None
    if link := _behind_a_link(path):
        found = f"found behind the link {link}, in which DVC sees no change"
        raise UserError(
            f"{path}: {found}, expected a file in {FOLDER}/ or a link to the file; link the files one by one, or copy them"
        )
    if path.resolve().is_relative_to(OUTPUTS.resolve()):
        found = f"found a file of {OUTPUTS}/, which a run writes anew"
        raise UserError(f"{path}: {found}, expected a text that a run does not change; copy it")


def _behind_a_link(path: Path) -> Path | None:
    """Give the linked folder inside FOLDER that the path leads through, if any."""
    return next((folder for folder in path.parents if FOLDER in folder.parents and folder.is_symlink()), None)


def _why_nothing(pattern: str) -> tuple[str, str]:
    """Say what a path that leads to no file is, and what to do."""
    if Path(pattern).is_dir():
        return "is a folder", f"write {str(Path(pattern) / '*.txt')!r}"
    return experiments.why_missing(pattern, is_glob=True) or ("names no file", "correct the path")
