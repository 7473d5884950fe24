"""Presets: a few values that replace those of params.yaml, whose comments, order and layout stay as they are.

A preset gives values key by key. In sweep_bayes.space, select.default and ablate.variants, where names are free, a preset
replaces the whole value of a name, adds a name that is not there, and removes one with `name: null`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import CommentedMap, CommentedSeq, CommentToken
from ruamel.yaml.error import CommentMark

from lrsweep.config import script, yamlfile
from lrsweep.config.checking import parse_problems
from lrsweep.config.names import DEFAULT, SPACE
from lrsweep.config.variants import KEY as VARIANTS
from lrsweep.config.violations import nearest, suggestion
from lrsweep.config.yamlfile import Document
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
            if not known() and script.names_script(params.tree):
                remedy = f"edit params.yaml, or write {FOLDER}/{name}.yaml; `lrsweep explain KEY` says what a key is"
                raise UserError(f"preset {name!r}: found a script, expected the built-in model, which presets are of; {remedy}")
            near = nearest(name, known())
            remedy = f"write {near}" if near else f"write one of these, or add {FOLDER}/NAME.yaml"
            raise UserError(f"preset {name!r}: not found in {FOLDER}, expected one of: {', '.join(known())}; {remedy}")
        path = FOLDER / f"{name}.yaml"
        preset = yamlfile.read(path)
        if yamlfile.parse(preset, path):
            _lay(params.tree, Document(preset).tree, "", path, params.tree)
    changed = str(params)
    problems = parse_problems(yamlfile.parse(changed, params_path))
    if problems:
        raise UserError("\n".join(f"{params_path} under {' + '.join(names)}: {problem}" for problem in problems))
    yamlfile.write(params_path, changed)


def known() -> list[str]:
    """List the names of all presets."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def _lay(values: CommentedMap, preset: Mapping[str, Any], above: str, path: Path, tree: CommentedMap) -> None:
    """Lay the values of a preset over a mapping of params.yaml, the tree, whose key path is `above`."""
    free = above in (f"{SPACE}.", f"{DEFAULT}.", f"{VARIANTS}.")
    for key, value in preset.items():
        if key not in values and not free:
            near = suggestion(key, values, above.removesuffix("."), tree)
            raise UserError(f"{path}: found {above}{key}, expected a key of params.yaml{near}; correct its name")
        if free and value is None:
            if key in values:
                remove(values, key)
        elif isinstance(value, Mapping) and isinstance(values.get(key), CommentedMap) and not free:
            _lay(values[key], value, f"{above}{key}.", path, tree)
        else:
            put(values, key, value)


def put(mapping: CommentedMap, key: str, value: Any) -> None:
    """Set a key to a value of another document, on one line. Comments below the key stay below it."""
    below = _take(mapping, key if key in mapping else _last(mapping))
    if key in mapping and _is_block(mapping[key]) and mapping[key].ca.comment:
        behind, *_ = mapping[key].ca.comment
        mapping.ca.items[key] = [None, None, behind, None]
    if mapping.get(key) is None and key in mapping and _is_block(value):
        _open(mapping, key, value)
    else:
        mapping[key] = _on_one_line(value)
    _give(mapping, key, below)


def _open(mapping: CommentedMap, key: str, section: CommentedMap) -> None:
    """Put a section where there is null: a key a line, and the comment stays behind the key of the section."""
    said = mapping.ca.items.pop(key, None)
    mapping[key] = CommentedMap((name, _on_one_line(below)) for name, below in section.items())
    if said and said[2]:
        mapping[key].ca.comment = [said[2], None]


def remove(mapping: CommentedMap, key: str) -> None:
    """Remove a key with the comment after it. Comments below it stay, below the key before."""
    below = _take(mapping, key)
    before = list(mapping)[list(mapping).index(key) - 1]
    del mapping[key]
    mapping.ca.items.pop(key, None)
    if mapping and before != key:
        _give(mapping, before, below)


# ruamel.yaml keeps all text between two keys in one token at the end of the first one's value: the comment after the value and,
# after a line break, the comments below it up to the next key. So these have to move where the value goes.


def _leaf(parent: Any, key: Any) -> tuple[Any, Any, int]:
    """Find the mapping or list, the key in it, and the slot that keep the token after a value."""
    while _is_block(parent[key]):
        parent = parent[key]
        key = _last(parent)
    return parent, key, 2 if isinstance(parent, CommentedMap) else 0


def _take(parent: Any, key: Any) -> str:
    """Cut off the comments below a value, without the comment after it."""
    holder, key, slot = _leaf(parent, key)
    found = holder.ca.items.get(key)
    if not found or not found[slot]:
        return ""
    behind, _, below = found[slot].value.partition("\n")
    if behind:
        found[slot].value = behind + "\n"
    else:
        found[slot] = None
    return below


def _give(parent: Any, key: Any, below: str) -> None:
    """Put comments below a value."""
    holder, key, slot = _leaf(parent, key)
    if below:
        found = holder.ca.items.setdefault(key, [None] * 4)
        if not found[slot]:
            found[slot] = CommentToken("\n", CommentMark(0))
        found[slot].value += below


def _is_block(value: Any) -> bool:
    """Say whether a value stands on lines of its own."""
    return isinstance(value, CommentedMap | CommentedSeq) and bool(value) and not value.fa.flow_style()


def _last(container: Any) -> Any:
    return list(container)[-1] if isinstance(container, CommentedMap) else len(container) - 1


def _on_one_line(value: Any) -> Any:
    """Copy a value without its comments, in braces and brackets."""
    copy: Any
    if isinstance(value, CommentedMap):
        copy = CommentedMap((key, _on_one_line(below)) for key, below in value.items())
    elif isinstance(value, CommentedSeq):
        copy = CommentedSeq(_on_one_line(below) for below in value)
    else:
        return value
    copy.fa.set_flow_style()
    return copy
