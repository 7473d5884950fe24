"""Explanations of the keys of params.yaml: what each is, what it may be, its value, and the stages that a change runs again."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from ruamel.yaml.nodes import MappingNode

from lrsweep.config import schema, yamlfile
from lrsweep.config.schema import WITHOUT_UNIT, Fragment, Key
from lrsweep.config.violations import nearest
from lrsweep.errors import UserError

WORDS = {"number": "number", "integer": "integer", "boolean": "true or false", "string": "text", "null": "null"}
LIMITS = {"exclusiveMinimum": "greater than", "minimum": "of at least", "exclusiveMaximum": "less than", "maximum": "at most"}


def explain(asked: str, params: str, rerun: Callable[[str], Sequence[str]]) -> str:
    """Explain a key in full and, where it is a section, list its keys.

    params: the text of params.yaml. rerun: gives the stages that run again when a key changes.

    Raises:
        UserError: there is no such key; the message names the nearest one.
    """
    known = {key.path: key for key in schema.keys(schema.read())}
    if asked not in known:
        raise UserError(f"KEY: found {asked!r}, expected a key of params.yaml{_near(asked, known)}; `lrsweep explain` lists them")
    key = known[asked]
    lines = {
        "is": key.text,
        "unit": "none" if key.unit == WITHOUT_UNIT else key.unit,
        "may be": form(key.fragment),
        "value": _value(asked, params),
        "default": yamlfile.dump(key.fragment["default"], flow=True).rstrip() if "default" in key.fragment else None,
        "source": key.source or ("this project" if key.unit and "default" in key.fragment else None),
        "runs again": ", ".join(rerun(asked)) or "no stage",
    }
    head = [asked, *(f"  {name:10}  {line}" for name, line in lines.items() if line)]
    inside = [one for path, one in known.items() if path.startswith(f"{asked}.")]
    return "\n".join([*head, *listing(inside, asked.count(".") + 1)])


def listing(found: Sequence[Key], depth: int = 0) -> Iterator[str]:
    """Yield a line for each key, indented by its depth."""
    for key in found:
        level = key.path.count(".") - depth
        unit = f" [{key.unit}]" if key.unit and key.unit != WITHOUT_UNIT else ""
        head = f"{'  ' * (level + bool(depth))}{key.path.rpartition('.')[2]}"
        yield f"{head:22}  {key.text}{unit}"


def form(fragment: Fragment) -> str:
    """Say in words what a value may be."""
    if "anyOf" in fragment:
        return ", or ".join(form(one) for one in fragment["anyOf"])
    if "const" in fragment or "enum" in fragment:
        return " or ".join(map(str, fragment["enum"] if "enum" in fragment else [fragment["const"]]))
    if "properties" in fragment:
        return _mapping(fragment["properties"])
    if "items" in fragment:
        return f"list, each {form(fragment['items'])}"
    if "additionalProperties" in fragment:
        return f"a mapping of names, each to {form(fragment['additionalProperties'])}"
    limits = [f"{name} {fragment[limit]}" for limit, name in LIMITS.items() if limit in fragment]
    kind = "64 hexadecimal digits" if "pattern" in fragment else WORDS[fragment["type"]]
    return " ".join([kind, " and ".join(limits)]).rstrip()


def _mapping(properties: Fragment) -> str:
    """Say what a mapping holds: for a range its ends, for choices the choices."""
    if "scale" in properties:
        parts = [one for one in ("min", "max", "scale", "type") if one in properties]
        return f"a range {{{', '.join(parts)}}}, each end {form(properties['min'])}"
    if "choices" in properties:
        return f"{{choices}}, each {form(properties['choices']['items'])}"
    return f"a mapping of {', '.join(properties)}"


def _near(asked: str, known: Mapping[str, Key]) -> str:
    """Name the key with the nearest path or, where only a name was given, with the nearest last part."""
    lasts = {path.rpartition(".")[2]: path for path in reversed(list(known))}
    last = nearest(asked.rpartition(".")[2], lasts)
    near = nearest(asked, known) if "." in asked or last is None else lasts[last]
    return f" (nearest: {near})" if near else ""


def _value(key: str, params: str) -> str | None:
    """Show the value in params.yaml and its line; None for sections."""
    for path, name, node in yamlfile.positions(params):
        if path == key and (not isinstance(node, MappingNode) or node.flow_style):
            return f"{params[node.start_mark.index : node.end_mark.index]} (params.yaml, line {name.start_mark.line + 1})"
    return None
