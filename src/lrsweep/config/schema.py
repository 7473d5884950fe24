"""params.schema.json: the schema of params.py for editors, with what the comments of params.yaml say of each key.

What a key is stands in one place, its comment; `lrsweep explain` reads it from here. There are no references in it, so that each
place of a range has a default of its own.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lrsweep.config import yamlfile
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.store.results import read_json, write_json

PATH = Path("params.schema.json")
# Limits behind a validator of ours come from pydantic under names of its own.
LIMITS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
Fragment = dict[str, Any]


def make(text: str, name: object) -> Fragment:
    """The schema, from the text of params.yaml; its values become the defaults.

    Raises:
        UserError: the text is no YAML, or a key has no comment.
    """
    own = Params.model_json_schema()
    found = _inlined(own, own["$defs"])
    _describe(found, yamlfile.parse(text, name), comments(text), (), name)
    about = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "params.yaml of lrsweep"}
    return {**about, **found}


def write(params_path: Path) -> None:
    """Writes PATH from params.yaml."""
    write_json(PATH, make(yamlfile.read(params_path), params_path))


def read() -> Fragment:
    """The schema.

    Raises:
        UserError: it is missing or damaged.
    """
    if not PATH.is_file():
        raise UserError(f"{PATH}: found no such file, expected the schema of params.yaml; `lrsweep schema` writes it")
    found: Fragment = read_json(PATH)
    return found


def comments(text: str) -> dict[str, str]:
    """What the comment behind each key says, by the key's path."""
    lines = text.split("\n")
    found = {}
    for path, name, node in positions(text):
        block = isinstance(node, yaml.MappingNode) and not node.flow_style
        mark = name.end_mark if block else node.end_mark
        rest = lines[mark.line][mark.column :].lstrip(": ")
        if rest.startswith("#"):
            found[path] = rest.lstrip("# ")
    return found


def positions(text: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """The dotted path of each key of a YAML text, with its node and that of its value."""
    waiting = [("", yaml.compose(text, Loader=yaml.SafeLoader))]
    while waiting:
        above, mapping = waiting.pop(0)
        for name, node in mapping.value:
            yield f"{above}{name.value}", name, node
            if isinstance(node, yaml.MappingNode):
                waiting.append((f"{above}{name.value}.", node))


def _inlined(fragment: Any, definitions: Mapping[str, Any]) -> Any:
    """Without references, and without the titles and descriptions that pydantic makes of the names and docstrings of classes."""
    if isinstance(fragment, list):
        return [_inlined(one, definitions) for one in fragment]
    if not isinstance(fragment, dict):
        return fragment
    if "$ref" in fragment:
        target = {**definitions[fragment["$ref"].rsplit("/", 1)[-1]]}
        target.pop("description", None)
        return _inlined({**target, **{key: value for key, value in fragment.items() if key != "$ref"}}, definitions)
    kept = {LIMITS.get(key, key): value for key, value in fragment.items() if key not in ("title", "$defs")}
    if "properties" in kept:
        kept["properties"] = {key: _inlined(value, definitions) for key, value in kept["properties"].items()}
    return {key: value if key == "properties" else _inlined(value, definitions) for key, value in kept.items()}


def _describe(fragment: Fragment, tree: Mapping[str, Any], said: Mapping[str, str], above: tuple[str, ...], name: object) -> None:
    """Puts comments and defaults to the properties, section by section."""
    for key, part in fragment["properties"].items():
        path = ".".join((*above, key))
        text = said.get(path) or part.get("description")
        if text is None:
            raise UserError(f"{name}: {path}: found no comment, expected what the key is; write it behind the key")
        section, value = section_of(part), tree.get(key)
        part["description"] = text
        if section and isinstance(value, dict):
            _describe(section, value, said, (*above, key), name)
        if key in tree and not (section and above == () and isinstance(value, dict)):
            part["default"] = value


def section_of(fragment: Fragment) -> Fragment | None:
    """The part of a fragment that is a mapping of keys; it may stand beside null or "auto"."""
    return next((one for one in fragment.get("anyOf", [fragment]) if "properties" in one), None)
