"""params.schema.json, the schema of params.yaml for editors and `lrsweep explain`, and the comments of params.yaml.

Both are made from the settings of the rooms: the text under a field describes its key. The values of params.yaml become the
defaults. The schema has no references, so that each range can have defaults of its own.
"""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import CollectionNode

from lrsweep import files
from lrsweep.config import script, yamlfile
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.shipped import shipped
from lrsweep.trainers.builtin.settings import NAMES

PATH = Path("params.schema.json")
# Pydantic's own names for limits, which it uses after one of our validators.
LIMITS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
WITHOUT_UNIT = "-"
COLUMN, WIDTH = 28, 130  # where a comment begins, and the longest line
Fragment = dict[str, Any]


class Key(NamedTuple):
    """One key: its dotted path, its part of the schema, and what the text under its field says.

    text: what the key is. unit: that of a number, WITHOUT_UNIT where it has none; None for other values. source: of its value.
    """

    path: str
    fragment: Fragment
    text: str
    unit: str | None
    source: str | None


def make(values: Mapping[str, Any]) -> Fragment:
    """Make the schema; the values of params.yaml become the defaults, and the keys are in their order."""
    own = Params.model_json_schema()
    found = _inlined(own, own["$defs"])
    _add_names(found["properties"])
    _add_defaults(found, values, top=True)
    about = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "params.yaml of lrsweep"}
    return {**about, **found}


def write(params_path: Path) -> None:
    """Write PATH from params.yaml, and write the comments of params.yaml anew.

    Raises:
        UserError: params.yaml is not YAML, or one of the two cannot be written.
    """
    text = yamlfile.read(params_path)
    schema = make(yamlfile.parse(text, params_path))
    files.write_text(PATH, json.dumps(schema, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    yamlfile.write(params_path, commented(text, descriptions(schema)))


def commented(text: str, descriptions: Mapping[str, str]) -> str:
    """Write a comment at each described key of params.yaml, by its dotted path; values, order and the head of the file stay.

    A comment stands after the value, or above the key where the line would be too long.
    """
    document = yamlfile.Document(text)
    head = "".join(token.value for token in (document.tree.ca.comment or [None, None])[1] or [])
    _strip(document.tree)
    bare = str(document)
    lines = bare.split("\n")
    for path, name, node in yamlfile.positions(bare):
        below = isinstance(node, CollectionNode) and not node.flow_style
        last = (name if below else node).end_mark
        begins_line = not lines[name.start_mark.line][: name.start_mark.column].strip()
        if path in descriptions and begins_line and last.line == name.start_mark.line:
            lines[last.line] = _with_comment(lines[last.line], descriptions[path])
        if below and "." not in path and name.start_mark.line:
            lines[name.start_mark.line] = "\n" + lines[name.start_mark.line]
    return head + "\n".join(lines)


def _with_comment(line: str, said: str) -> str:
    """Put a comment after a line, or in lines above it."""
    behind = f"{line:{COLUMN - 2}}  # {said}"
    if len(behind) <= WIDTH:
        return behind
    indent = " " * (len(line) - len(line.lstrip())) + "# "
    return "\n".join([*textwrap.wrap(said, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False), line])


def _strip(value: object) -> None:
    """Remove the comments."""
    if isinstance(value, CommentedMap | CommentedSeq):
        value.ca.items.clear()
        value.ca.comment = None
        for below in value.values() if isinstance(value, CommentedMap) else value:
            _strip(below)


def read() -> Fragment:
    """Read the schema: that of this folder, or, where a script of a person's own is, that of the package.

    Raises:
        UserError: it is missing or damaged.
    """
    if not PATH.exists():
        return of_script()
    return _read(PATH)


def of_script() -> Fragment:
    """Read the schema that the package brings, without the keys that do not apply beside a script."""
    found = _read(shipped(str(PATH)))
    for path in script.NOT_APPLYING:
        *above, name = path.split(".")
        section = found
        for one in above:
            section = section_of(section["properties"][one]) or section
        del section["properties"][name]
    for key in keys(found):
        key.fragment["description"] = script.DESCRIPTIONS.get(key.path, key.fragment["description"])
    return found


def _read(path: Path) -> Fragment:
    remedy = "`lrsweep schema` writes it"
    try:
        found: Fragment = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{PATH}: found no such file, expected the schema of params.yaml; {remedy}") from None
    except ValueError as error:
        raise UserError(f"{PATH}: found what is not JSON ({error}), expected the schema of params.yaml; {remedy}") from None
    return found


def keys(fragment: Fragment, above: Key | None = None) -> Iterator[Key]:
    """Yield the keys of the schema in the order of params.yaml, those of a section after it.

    A key has the source of its section, and a number its unit, where its own text has none: the ends of a range do.
    """
    for name, part in fragment["properties"].items():
        said = _parts(part["description"])
        is_number = {one.get("type") for one in part.get("anyOf", [part])} & {"number", "integer"}
        unit = said["unit"] or (above.unit if above and is_number else None)
        source = said["source"] or (above.source if above else None)
        key = Key(f"{above.path}.{name}" if above else name, part, said["text"], unit, source)
        yield key
        if section := section_of(part):
            yield from keys(section, key)


def descriptions(schema: Fragment) -> dict[str, str]:
    """Give the description of each key, by its path."""
    return {key.path: key.fragment["description"] for key in keys(schema)}


def section_of(fragment: Fragment) -> Fragment | None:
    """Find the part of a fragment that is a mapping of keys, also beside null or "auto"; choices are not one."""
    found = [one for one in fragment.get("anyOf", [fragment]) if "properties" in one]
    return found[0] if len(found) == 1 and "choices" not in found[0]["properties"] else None


def _parts(said: str) -> re.Match[str]:
    """Take `what it is [unit] (source)` apart; see lrsweep.section."""
    found = re.fullmatch(r"(?P<text>.*?)(?: \[(?P<unit>[^\]]*)\](?: \((?P<source>.*)\))?)?", said)
    assert found, f"{said!r} is one line"
    return found


def _inlined(fragment: Any, definitions: Mapping[str, Any]) -> Any:
    """Replace references, and drop the titles and descriptions that pydantic makes from names and docstrings of classes."""
    if isinstance(fragment, list):
        return [_inlined(one, definitions) for one in fragment]
    if not isinstance(fragment, dict):
        return fragment
    if "$ref" in fragment:
        target = {**definitions[fragment["$ref"].rsplit("/", 1)[-1]]}
        target.pop("description", None)
        return _inlined({**target, **{key: value for key, value in fragment.items() if key != "$ref"}}, definitions)
    if "description" in fragment:
        fragment = {**fragment, "description": " ".join(fragment["description"].split())}
    kept = {LIMITS.get(key, key): value for key, value in fragment.items() if key not in ("title", "$defs")}
    if "properties" in kept:
        kept["properties"] = {key: _inlined(value, definitions) for key, value in kept["properties"].items()}
    return {key: value if key == "properties" else _inlined(value, definitions) for key, value in kept.items()}


def _add_names(properties: Fragment) -> None:
    """Add the names that the trainer takes to the space and to the default, with its descriptions and limits."""
    space = properties["sweep_bayes"]["properties"]["space"]
    default = properties["select"]["properties"]["default"]
    takes = {name: _inlined(adapter.json_schema(), {}) for name, adapter in NAMES.items()}
    kinds = space["additionalProperties"]["anyOf"]
    space["properties"] = {name: _dimension(name, one, kinds) for name, one in takes.items()}
    default["properties"] = takes
    space["required"] = default["required"] = ["lr"]


def _dimension(name: str, takes: Fragment, kinds: list[Fragment]) -> Fragment:
    """Make the schema of a name in the space, from the kinds of dimensions that fit what the trainer takes."""
    limits = {key: value for key, value in takes.items() if key != "description"}
    fitting = []
    for kind in kinds:
        inside = kind.get("properties", {})
        if "choices" in inside and name != "lr":
            fitting.append({**kind, "properties": {"choices": {**inside["choices"], "items": limits}}})
        elif "min" in inside and inside["min"]["type"] == takes["type"]:
            ends = {end: {**inside[end], **limits} for end in ("min", "max")}
            fitting.append({**kind, "properties": {**inside, **ends}})
        elif "const" in kind and name == "lr":
            fitting.append(kind)
    said = _parts(takes["description"])
    return {"anyOf": fitting, "description": f"{said['text']} [{said['unit']}]" if said["unit"] else said["text"]}


def _add_defaults(fragment: Fragment, values: Mapping[str, Any], top: bool = False) -> None:
    """Make values the defaults of properties, in the order of the values; top-level sections have no default of their own."""
    own = fragment["properties"]
    fragment["properties"] = {**{key: own[key] for key in values if key in own}, **own}
    for key, value in values.items():
        if key not in own:
            continue
        section = section_of(own[key])
        if section and isinstance(value, Mapping):
            _add_defaults(section, value)
        if not (top and section and isinstance(value, Mapping)):
            own[key]["default"] = value
