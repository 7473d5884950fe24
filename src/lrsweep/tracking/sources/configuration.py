"""The configuration of a run, as files beside its log hold it."""

from pathlib import Path
from typing import Any

from lrsweep.config import yamlfile
from lrsweep.errors import UserError
from lrsweep.logs import jsonfile, text

FILES = ("config.json", "hparams.yaml", "config.yaml", "config.yml", "hparams.json", "params.json", "args.json")


def beside(folder: Path) -> dict[str, Any]:
    """Read the configuration from the first of FILES in a run's folder; nothing where there is none.

    Raises:
        UserError: the file is broken, or no mapping.
    """
    path = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if path is None:
        return {}
    if path.suffix != ".json":
        written = yamlfile.read(path)
        return yamlfile.parse(written, path) if written.strip() not in ("", "{}") else {}
    found = jsonfile.read(path, text.read(path))
    if not isinstance(found, dict):
        raise UserError(f"{path}: found a {type(found).__name__}, expected a mapping of names to values; correct it")
    return found


def folders_with(source: Path, pattern: str) -> list[Path]:
    """Give the folders at or below a source that hold a file of this pattern, in the order of their names."""
    return sorted({path.parent for path in source.rglob(pattern) if path.is_file()})


def name_of(folder: Path, source: Path) -> str:
    """Give the ID of the run of a folder: its path below the source, or its own name."""
    return folder.relative_to(source).as_posix() if folder != source else folder.resolve().name
