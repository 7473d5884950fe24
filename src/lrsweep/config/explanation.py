"""What `lrsweep explain` says of the keys of params.yaml: from its schema, its values there, and the stages of dvc.yaml."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from lrsweep.config import schema
from lrsweep.config.schema import Fragment
from lrsweep.config.violations import nearest
from lrsweep.errors import UserError
from lrsweep.provenance import pipeline
from lrsweep.provenance.pipeline import Stage

# What a comment says: the text, the unit of a number in brackets, and in parentheses where the number comes from.
COMMENT = re.compile(r"(?P<text>.*?)(?: \[(?P<unit>[^\]]*)\](?: \((?P<source>.*)\))?)?")
WORDS = {"number": "number", "integer": "integer", "boolean": "true or false", "string": "text", "null": "null"}
LIMITS = {"exclusiveMinimum": "greater than", "minimum": "of at least", "exclusiveMaximum": "less than", "maximum": "at most"}
WITHOUT_UNIT = "-"


class Key(NamedTuple):
    """One key: its dotted path, its part of the schema, and the key that it stands in."""

    path: str
    fragment: Fragment
    above: "Key | None"

    @property
    def text(self) -> str:
        """What the key is, as its comment in params.yaml says."""
        return self._said("text") or ""

    @property
    def unit(self) -> str | None:
        """The unit of a number, WITHOUT_UNIT of a pure one; None of what is no number. The ends of a range have the range's."""
        kinds = {one.get("type") for one in self.fragment.get("anyOf", [self.fragment])}
        above = self.above.unit if self.above and kinds & {"number", "integer"} else None
        return self._said("unit") or above

    @property
    def source(self) -> str | None:
        """Where the value comes from, as far as its comment or that of the section above names it."""
        return self._said("source") or (self.above.source if self.above else None)

    def _said(self, part: str) -> str | None:
        found = COMMENT.fullmatch(self.fragment["description"])
        return found[part] if found else None


def keys(fragment: Fragment, above: Key | None = None) -> Iterator[Key]:
    """The keys of the schema in the order of params.yaml, those of a section after it."""
    for name, part in fragment["properties"].items():
        key = Key(f"{above.path}.{name}" if above else name, part, above)
        yield key
        if section := schema.section_of(part):
            yield from keys(section, key)


def explain(asked: str, params: str, stages: Mapping[str, Stage]) -> str:
    """A key in full, and the keys in it where it is a section. params: the text of params.yaml.

    Raises:
        UserError: there is no such key; the nearest one is named.
    """
    known = {key.path: key for key in keys(schema.read())}
    if asked not in known:
        raise UserError(f"KEY: found {asked!r}, expected a key of params.yaml{_near(asked, known)}; `lrsweep explain` lists them")
    key = known[asked]
    lines = {
        "is": key.text,
        "unit": "none" if key.unit == WITHOUT_UNIT else key.unit,
        "may be": form(key.fragment),
        "value": _value(asked, params),
        "default": _shown(key.fragment["default"]) if "default" in key.fragment else None,
        "source": key.source or ("this project" if key.unit else None),
        "runs again": ", ".join(rerun(asked, stages)) or "no stage",
    }
    head = [asked, *(f"  {name:10}  {line}" for name, line in lines.items() if line)]
    inside = [one for path, one in known.items() if path.startswith(f"{asked}.")]
    return "\n".join([*head, *listing(inside, asked.count(".") + 1)])


def listing(found: list[Key], depth: int = 0) -> Iterator[str]:
    """A line for each key, indented by its depth."""
    for key in found:
        level = key.path.count(".") - depth
        unit = f" [{key.unit}]" if key.unit and key.unit != WITHOUT_UNIT else ""
        head = f"{'  ' * (level + bool(depth))}{key.path.rpartition('.')[2]}"
        yield f"{head:22}  {key.text}{unit}"


def _near(asked: str, known: Mapping[str, Key]) -> str:
    """The nearest key, by its whole path or by its last part alone."""
    lasts = {path.rpartition(".")[2]: path for path in reversed(list(known))}
    last = nearest(asked.rpartition(".")[2], lasts)
    near = nearest(asked, known) if "." in asked or last is None else lasts[last]
    return f" (nearest: {near})" if near else ""


def form(fragment: Fragment) -> str:
    """What a value may be, in words."""
    if "anyOf" in fragment:
        return ", or ".join(form(one) for one in fragment["anyOf"])
    if "const" in fragment or "enum" in fragment:
        return " or ".join(fragment["enum"] if "enum" in fragment else [fragment["const"]])
    if "properties" in fragment:
        return f"a mapping of {', '.join(fragment['properties'])}"
    if "items" in fragment:
        return f"list, each {form(fragment['items'])}"
    limits = [f"{name} {fragment[limit]}" for limit, name in LIMITS.items() if limit in fragment]
    kind = "64 hexadecimal digits" if "pattern" in fragment else WORDS[fragment["type"]]
    return " ".join([kind, " and ".join(limits)]).rstrip()


def rerun(key: str, stages: Mapping[str, Stage]) -> list[str]:
    """The stages that another value of a key runs again, in order: those whose params in dvc.yaml list it, and what follows."""

    def covers(one: str, other: str) -> bool:
        return other == one or other.startswith(f"{one}.")

    readers = [name for name, stage in stages.items() if any(covers(one, key) or covers(key, one) for one in stage.params)]
    return pipeline.downstream(stages, readers)


def _value(key: str, params: str) -> str | None:
    """What stands in params.yaml, with its line; sections have none."""
    for path, name, node in schema.positions(params):
        if path == key and (not isinstance(node, yaml.MappingNode) or node.flow_style):
            return f"{params[node.start_mark.index : node.end_mark.index]} (params.yaml, line {name.start_mark.line + 1})"
    return None


def _shown(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000).removesuffix("\n").removesuffix("\n...")
