"""Violations of the schema of params.yaml in words: one problem for each mistake, from pydantic's errors."""

import difflib
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import getitem
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from lrsweep.addresses import in_public
from lrsweep.config.params import Params
from lrsweep.config.yamlfile import shortened
from lrsweep.space import Choice, Float, Int
from lrsweep.trainers.command.settings import CurveFile, CurvePattern

DIMENSIONS: Mapping[str, type[BaseModel]] = {kind.__name__: kind for kind in (Float, Int, Choice)}
KINDS: Mapping[str, type[BaseModel]] = {**DIMENSIONS, **{kind.__name__: kind for kind in (CurveFile, CurvePattern)}}
RANGE = "a mapping of min, max and scale"


class Problem(NamedTuple):
    """One mistake in params.yaml."""

    key: str
    found: Any
    expected: str
    remedy: str

    def __str__(self) -> str:
        found = self.found if isinstance(self.found, Nothing) else shortened(in_public(repr(self.found)), 80)
        return f"{self.key}: found {found}, expected {self.expected}; {self.remedy}"


class Nothing(str):
    """What was found, where there is no value to show; it is not quoted."""


# What is expected and what to do, for those of pydantic's errors whose own words mean little to a writer of YAML
WORDS = {
    "bool_type": ("true or false", "write one of them, without quotes"),
    "float_type": ("number", "write it in figures, for example 0.001 or 1.0e-3"),
    "int_parsing": ("integer", "write a whole number"),
    "int_type": ("integer", "write a whole number, without quotes and exponent"),
    "string_type": ("text", "put it into quotes"),
    "dict_type": ("a mapping of names", "write its names and their values below it"),
    "tuple_type": ("a list", "write it in brackets: [one, two]"),
    "string_pattern_mismatch": ("64 hexadecimal digits, in lower case", "take them from sha256sum"),
    "string_too_short": ("at least one character", "write null for none"),
    "string_unicode": ("text of whole characters", "remove what is no character"),
}


def of(error: ValidationError, tree: Mapping[str, Any]) -> list[Problem]:
    """Give the problems behind an error of reading `tree`, one for each mistake."""
    items: dict[str, list[Any]] = {}
    for item in error.errors():
        if _meant(item["loc"], tree):
            items.setdefault(_readable(item["loc"]), []).append(item)
    renamed = set(_renamed(items))
    problems = []
    for key, group in items.items():
        inside = any(other.startswith((f"{key}.", f"{key}[")) for other in items) and isinstance(group[0]["input"], dict | list)
        if key not in renamed and not inside:  # a mistake inside says more than that the whole is not "auto" either
            problems.append(describe(key, group, tree))
    return problems


def _meant(loc: tuple[Any, ...], tree: Mapping[str, Any]) -> bool:
    """Say whether an error is about the kind of dimension or curve that was meant: pydantic reports the errors of all kinds."""
    if loc[:2] == ("sweep_bayes", "space") and loc[-1] == "literal['auto']":
        return loc[2] == "lr"
    kinds = [i for i, part in enumerate(loc) if part in KINDS]
    if not kinds:
        return True
    value: Any = reduce(getitem, loc[: kinds[0]], tree)
    if not isinstance(value, Mapping):
        return loc[kinds[0]] in ("Float", "CurveFile")  # one error stands for all
    if loc[kinds[0]] not in DIMENSIONS:
        return loc[kinds[0]] == ("CurvePattern" if "pattern" in value else "CurveFile")
    return loc[kinds[0]] == ("Choice" if "choices" in value else "Int" if "type" in value else "Float")


def _renamed(items: dict[str, list[Any]]) -> Iterator[str]:
    """Find missing keys that are there under a misspelt name: that is one mistake, and not two."""
    for key, (item, *_) in items.items():
        above, _, _ = key.rpartition(".")
        if item["type"] == "extra_forbidden" and (near := nearest(str(item["loc"][-1]), keys_beside(item["loc"]))):
            yield f"{above}.{near}" if above else near


def describe(key: str, group: Sequence[Any], tree: Mapping[str, Any] | None = None) -> Problem:
    """Make one problem of pydantic's errors at one key; a key that may hold several kinds of values has several errors.

    tree: what was read, of which a misplaced key may have its name elsewhere.
    """
    item, kind = group[0], group[0]["type"]
    if kind == "extra_forbidden":
        above, _, name = key.rpartition(".")
        hint = suggestion(name, keys_beside(item["loc"]), above, tree or {})
        return Problem(key, item["input"], f"a known key{hint}", "correct its name or remove the line")
    if kind == "missing":
        return Problem(key, Nothing("nothing"), "a value", "add the line; `lrsweep explain` lists every key")
    alternatives = [_expected(one) for one in group]
    if any(one["type"] == "model_type" for one in group):
        remedy = f"write its keys and values below it: `lrsweep explain {shlex.quote(key)}`"
    elif kind == "literal_error":
        near = nearest(str(item["input"]), re.findall(r"'(\w+)'", item["ctx"]["expected"]))
        remedy = f"write {near}" if near else "write one of these"
    elif kind in WORDS:
        remedy = WORDS[kind][1]
    else:
        remedy = "correct the value"
    if kind == "int_type" and (whole := _whole(item["input"])) is not None:
        remedy = f"write {whole}"
    return Problem(key, item["input"], " or ".join(alternatives), remedy)


def _expected(item: Any) -> str:
    kind = item["type"]
    if kind == "model_type":
        if item["ctx"]["class_name"] in DIMENSIONS:
            return f"{RANGE}, or of choices" if "space" in item["loc"] else RANGE
        return "a mapping of keys" + (
            " or null" if item["ctx"]["class_name"] in ("Sharpness", "Imported", "Scale", "Ablate") else ""
        )
    if kind == "too_short":
        return f"at least {item['ctx']['min_length']} of them"
    if kind in WORDS:
        return WORDS[kind][0]
    return str(item["msg"]).removeprefix("Input should be ").removeprefix("a valid ").removeprefix("Value error, ")


def _whole(value: Any) -> int | None:
    """Give the whole number that 300.0, "300" or 3e2 was meant to be."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if not isinstance(value, bool) and number.is_integer() else None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Find the known name most like this one, if any is."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def suggestion(name: str, beside: Iterable[str], above: str, tree: Mapping[str, Any]) -> str:
    """Say in brackets which key was meant: the one spelt alike beside it, or those of its name deeper in its section."""
    inside = [path for path in _paths(tree) if path.startswith(f"{above}." if above else "") and path.endswith(f".{name}")]
    deeper = [path for path in inside if path != f"{above}.{name}"][:3]
    near = nearest(name, beside) or ", ".join(deeper)
    return f" (nearest: {near})" if near else ""


def _paths(tree: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, value in tree.items():
        yield f"{above}{key}"
        if isinstance(value, Mapping):
            yield from _paths(value, f"{above}{key}.")


def _readable(loc: tuple[Any, ...]) -> str:
    """Write the key path, such as sharpness.steps[0], without the names of union members that pydantic adds to it."""
    members = rf"literal\[.*\]|function-.*|constrained-.*|float|int|str|{'|'.join(KINDS)}"
    parts = [part for part in loc if isinstance(part, int) or not re.fullmatch(members, part)]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")


def keys_beside(loc: tuple[Any, ...]) -> list[str]:
    """List the known keys of the mapping that holds a key."""
    model: type[BaseModel] | None = Params
    for part in loc[:-1]:
        if part in KINDS:
            model = KINDS[part]
        elif model and part in model.model_fields:
            model = section_of(model.model_fields[part].annotation)
    return list(model.model_fields) if model else []


def section_of(annotation: Any) -> type[BaseModel] | None:
    """Find the section that a key may hold, such as a range, also beside null."""
    kinds = get_args(annotation) or (annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
