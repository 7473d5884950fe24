"""Presets: a few values that replace those of params.yaml, whose comments, order and layout stay as they are.

A preset gives values key by key. In sweep_bayes.space and select.default, where names are free, a preset replaces the whole value
of a name, adds a name that is not there, and removes one with `name: null`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import CommentedMap

from lrsweep.config import document, yamlfile
from lrsweep.config.checking import parse_problems
from lrsweep.config.document import Document
from lrsweep.config.names import DEFAULT, SPACE
from lrsweep.config.violations import nearest
from lrsweep.errors import UserError

FOLDER = Path("workflow/presets")


def apply(params_path: Path, names: list[str]) -> None:
    """Lay the named presets over params.yaml, in order; write nothing where the result would not be valid.

    Raises:
        UserError: no such preset, a key that params.yaml does not have, or a result that breaks the schema.
    """
    text = yamlfile.read(params_path)
    yamlfile.parse(text, params_path)
    params = Document(text)
    for name in names:
        if name not in known():
            near = nearest(name, known())
            remedy = f"write {near}" if near else f"write one of these, or add {FOLDER}/NAME.yaml"
            raise UserError(f"preset {name!r}: not found in {FOLDER}, expected one of: {', '.join(known())}; {remedy}")
        path = FOLDER / f"{name}.yaml"
        preset = yamlfile.read(path)
        if yamlfile.parse(preset, path):
            _lay(params.tree, Document(preset).tree, "", path)
    changed = str(params)
    problems = parse_problems(yamlfile.parse(changed, params_path))
    if problems:
        raise UserError("\n".join(f"{params_path} under {' + '.join(names)}: {problem}" for problem in problems))
    document.write(params_path, changed)


def known() -> list[str]:
    """List the names of all presets."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def _lay(values: CommentedMap, preset: Mapping[str, Any], above: str, path: Path) -> None:
    """Lay the values of a preset over a mapping of params.yaml whose key path is `above`."""
    free = above in (f"{SPACE}.", f"{DEFAULT}.")
    for key, value in preset.items():
        if key not in values and not free:
            near = nearest(key, values)
            expected = f"a key of params.yaml{f' (nearest: {near})' if near else ''}"
            raise UserError(f"{path}: found {above}{key}, expected {expected}; correct its name")
        if free and value is None:
            if key in values:
                document.remove(values, key)
        elif isinstance(value, Mapping) and isinstance(values.get(key), CommentedMap) and not free:
            _lay(values[key], value, f"{above}{key}.", path)
        else:
            document.put(values, key, value)
