"""The workspaces of experiments: why a file is not in one, and how it comes there.

`dvc exp run --temp` and `--queue` run in a copy of the project below .dvc/tmp. It has what git knows, and of what DVC keeps that
which a stage depends on.
"""

import glob
import shlex
from contextlib import suppress
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


def project() -> Path | None:
    """Give the project's folder where this one is its copy in the workspace of `dvc exp run --temp` or `--queue`, else None."""
    here = Path.cwd()
    if ".dvc" not in here.parts:
        return None
    root = next(folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir())
    return Path(*here.parts[: here.parts.index(".dvc")]) / here.relative_to(root)


def why_missing(name: str, is_glob: bool = False) -> tuple[str, str] | None:
    """Say why a path leads to nothing, and what to do, where the project has, or DVC has or should have, what it names.

    is_glob: whether the path may be a glob.
    """
    if home := project():
        what = "is not in this workspace of an experiment, which has what git and DVC's cache know"
        return what, f"{_keep(name, home, is_glob)}, or run without --temp and --queue"
    if Path(f"{name}.dvc").is_file():
        return "DVC keeps and has not put here", f"run `dvc pull {shlex.quote(f'{name}.dvc')}`"
    return None


def left_behind(pattern: str) -> str | None:
    """Say which files of a glob the project has and this workspace of an experiment lacks; None where there are none."""
    home = project()
    if home is None or Path(pattern).is_absolute():
        return None
    there = (name for name in sorted(glob.glob(pattern, root_dir=home, recursive=True)) if not name.endswith(".dvc"))
    names = [name for name in there if (home / name).is_file() and not Path(name).exists()]
    if not names:
        return None
    found = f"{names[0]} and {len(names) - 1} more of the project are" if len(names) > 1 else f"{names[0]} of the project is"
    return f"{found} not in this workspace, so not read; {_keep(names[0], home, False)}"


def _keep(name: str, home: Path, is_glob: bool) -> str:
    """Say how a file or folder of a project comes into its workspaces: by DVC where a stage depends on it, else by git."""
    path, note = Path(name), f"{name}.dvc"
    top = path.parts[0] if path.parts and not path.is_absolute() else ".."
    if ".." in (top, *path.parts):
        return "put it into the project, name it so in params.yaml, and let git or DVC keep it there"
    if Path(note).is_file() and not (home / name).exists():
        return f"run `dvc pull {shlex.quote(note)}` in the project"
    if not _depends_on(top):
        return f"keep it in git (`git add -f {shlex.quote(name)} && git commit` in the project)"
    if is_glob and set("*?[") & set(name) and not (home / name).exists():
        add, note = f"--glob {shlex.quote(name)}", f"{shlex.quote(str(path.parent))}/*.dvc"
    else:
        add, note = shlex.quote(name), shlex.quote(note)
    return f"keep it in DVC (`dvc add {add} && git add {note} && git commit` in the project)"


def _depends_on(folder: str) -> bool:
    """Say whether dvc.yaml names a folder among the deps of its stages."""
    with suppress(OSError, ValueError, YAMLError, AttributeError, TypeError):  # no file, or not as DVC has it
        stages = YAML(typ="safe", pure=True).load(Path("dvc.yaml"))["stages"].values()
        return any(folder in stage.get("deps", ()) for stage in stages)
    return False
