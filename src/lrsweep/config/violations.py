"""What breaks the schema of params.yaml, in words: pydantic's errors as one problem for each mistake."""

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from lrsweep.config.params import Params


class Problem(NamedTuple):
    """One thing wrong with params.yaml."""

    key: str
    found: Any
    expected: str
    remedy: str

    def __str__(self) -> str:
        found = self.found if isinstance(self.found, Nothing) else _shortened(repr(self.found))
        return f"{self.key}: found {found}, expected {self.expected}; {self.remedy}"


class Nothing(str):
    """What was found where no value can be shown; stands unquoted."""


# Of pydantic's errors, those whose own words mean little to somebody who writes YAML: what is expected, and what to do.
WORDS = {
    "bool_type": ("true or false", "write one of them, without quotes"),
    "float_type": ("number", "write it in figures, for example 0.001 or 1.0e-3"),
    "int_type": ("integer", "write a whole number, without quotes and exponent"),
    "string_type": ("text", "put it into quotes"),
    "tuple_type": ("a list", "write it in brackets: [one, two]"),
    "string_pattern_mismatch": ("64 hexadecimal digits, in lower case", "take them from sha256sum"),
    "string_too_short": ("at least one character", "write null for none"),
    "string_unicode": ("text of whole characters", "remove what is no character"),
}


def of(error: ValidationError) -> list[Problem]:
    """The problems behind an error, one for each mistake."""
    items: dict[str, list[Any]] = {}
    for item in error.errors():
        items.setdefault(_readable(item["loc"]), []).append(item)
    renamed = set(_renamed(items))
    problems = []
    for key, group in items.items():
        inside = any(other.startswith(f"{key}.") for other in items) and isinstance(group[0]["input"], dict)
        if key not in renamed and not inside:  # what is wrong inside says more than that the whole is not "auto" either
            problems.append(_describe(key, group))
    return problems


def _renamed(items: dict[str, list[Any]]) -> Iterator[str]:
    """The missing keys that stand there under a name which is nearly theirs: one mistake, and not two."""
    for key, (item, *_) in items.items():
        above, _, _ = key.rpartition(".")
        if item["type"] == "extra_forbidden" and (near := nearest(str(item["loc"][-1]), keys_beside(item["loc"]))):
            yield f"{above}.{near}" if above else near


def _describe(key: str, group: list[Any]) -> Problem:
    """One problem from the errors at one key; there are several where it may be one of several things."""
    item, kind = group[0], group[0]["type"]
    if kind == "extra_forbidden":
        near = nearest(str(item["loc"][-1]), keys_beside(item["loc"]))
        expected = f"a known key (nearest: {near})" if near else "a known key"
        return Problem(key, item["input"], expected, "correct its name or remove the line")
    if kind == "missing":
        return Problem(key, Nothing("nothing"), "a value", "add the line; `lrsweep explain` lists every key")
    alternatives = [_expected(one) for one in group]
    if any(one["type"] == "model_type" for one in group):
        remedy = f"write its keys and values below it: `lrsweep explain {key}`"
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
    if item["type"] == "model_type":
        optional = " or null" if item["ctx"]["class_name"] in ("Sharpness", "Imported") else ""
        return (
            "a mapping of min, max and scale" if item["ctx"]["class_name"] == Range.__name__ else "a mapping of keys"
        ) + optional
    if item["type"] == "too_short":
        return f"at least {item['ctx']['min_length']} of them"
    if item["type"] in WORDS:
        return WORDS[item["type"]][0]
    return str(item["msg"]).removeprefix("Input should be ").removeprefix("a valid ").removeprefix("Value error, ")


def _whole(value: Any) -> int | None:
    """The whole number that somebody meant who wrote 300.0, "300" or 3e2."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if not isinstance(value, bool) and number.is_integer() else None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one, if one is."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def _readable(loc: tuple[Any, ...]) -> str:
    """The key path, sharpness.steps[0], without the names of union members that pydantic adds to it."""
    parts = [part for part in loc if not re.fullmatch(r"literal\[.*\]|Range|function-.*|constrained-.*|float", str(part))]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")


def keys_beside(loc: tuple[Any, ...]) -> list[str]:
    """The known keys of the mapping that a key stands in."""
    model: Any = Params
    for part in loc[:-1]:
        if part in model.model_fields:
            model = section_of(model.model_fields[part].annotation) or Params
    return list(model.model_fields)


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that a key holds, where it may hold one: a range beside "auto", a section beside null."""
    kinds = get_args(annotation) or (annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}…"
