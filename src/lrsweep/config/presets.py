"""Presets: a few values that are laid over params.yaml. The text between them, comments and all, stays as it is."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lrsweep import files
from lrsweep.config import yamlfile
from lrsweep.config.checking import parse_problems
from lrsweep.config.violations import nearest
from lrsweep.errors import UserError

FOLDER = Path("workflow/presets")


def apply(params_path: Path, names: list[str]) -> None:
    """Lays the named presets over params.yaml, in order; writes nothing where the result would not be valid.

    Raises:
        UserError: no such preset, a key that params.yaml does not have, or a result that breaks the schema.
    """
    text = yamlfile.read(params_path)
    yamlfile.parse(text, params_path)
    for name in names:
        if name not in known():
            near = nearest(name, known())
            remedy = f"write {near}" if near else f"write one of these, or add {FOLDER}/NAME.yaml"
            raise UserError(f"preset {name!r}: not found in {FOLDER}, expected one of: {', '.join(known())}; {remedy}")
        path = FOLDER / f"{name}.yaml"
        for keys, value in _leaves(yamlfile.parse(yamlfile.read(path), path)):
            text = _replace(text, keys, value, path)
    problems = parse_problems(yamlfile.parse(text, params_path))
    if problems:
        raise UserError("\n".join(f"{params_path} under {' + '.join(names)}: {problem}" for problem in problems))
    files.write_text(params_path, text)


def known() -> list[str]:
    """The names of the presets that there are."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def _leaves(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _replace(text: str, keys: tuple[str, ...], value: Any, preset: Path) -> str:
    """The text with another value at a key path; a comment behind it stays in its column where there is room."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in keys:
        beside = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((below for name, below in beside if name.value == key), None)
        if node is None:
            near = nearest(key, (name.value for name, _ in beside))
            expected = f"a key of params.yaml{f' (nearest: {near})' if near else ''}"
            raise UserError(f"{preset}: found {'.'.join(keys)}, expected {expected}; correct its name")
    start, end = node.start_mark.index, node.end_mark.index
    new = yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n").removesuffix("\n...")
    rest = text[end:]
    gap = len(rest) - len(rest.lstrip(" "))
    if rest.lstrip(" ").startswith("#"):
        rest = " " * max(1, gap + (end - start) - len(new)) + rest.lstrip(" ")
    return text[:start] + new + rest
