"""Presets: a few values that are laid over params.yaml, which keeps its comments."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from lrsweep import artifacts
from lrsweep.checking import parse_problems
from lrsweep.errors import UserError

FOLDER = Path("workflow/presets")


def apply(params_path: Path, names: list[str]) -> None:
    """Lays the named presets over params.yaml, in order; writes nothing where the result would not be valid.

    Raises:
        UserError: no such preset, or the result breaks the schema.
    """
    yaml = YAML()
    yaml.width = 200
    tree = yaml.load(params_path.read_text(encoding="utf-8"))
    for name in names:
        path = FOLDER / f"{name}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.yaml")))
            raise UserError(f"preset {name!r}: not found in {FOLDER}, expected one of: {known}")
        _lay_over(tree, YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    text = StringIO()
    yaml.dump(tree, text)
    problems = parse_problems(YAML(typ="safe", pure=True).load(text.getvalue()))
    if problems:
        raise UserError("\n".join(f"{params_path} under {' + '.join(names)}: {problem}" for problem in problems))
    artifacts.write_text(params_path, text.getvalue())


def _lay_over(tree: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), Mapping):
            _lay_over(tree[key], value)
        else:
            tree[key] = value
