"""Check the names of configurations, in sweep_bayes.space and in select.default, with their ranges and values."""

import math
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from lrsweep.config import violations
from lrsweep.config.params import Params
from lrsweep.config.violations import Nothing, Problem
from lrsweep.space import Choice, Dimension, Float, Int, Value, Values
from lrsweep.store.columns import TABLES, VALUES
from lrsweep.store.tables import SIMULATED
from lrsweep.trainers.builtin import terms
from lrsweep.trainers.builtin.settings import NAMES, complete
from lrsweep.trainers.builtin.terms import LEAST_STEPS, TERMS
from lrsweep.trainers.command.settings import ARGUMENTS

LARGEST_INT = 2**53  # above it not every whole number is a float
NARROWEST = 0.001  # width of a range, as a share of its larger end
SPACE, DEFAULT = "sweep_bayes.space", "select.default"
RANGE, CHOICES = "a range {min, max, scale: linear | log}", "{choices: [one, another]}"

# Columns of the tables of configurations beside those of the names
RESERVED = {column.rstrip("?") for table in TABLES.values() if VALUES in table for column in table} | {SIMULATED, ARGUMENTS}


def taken(p: Params) -> Mapping[str, TypeAdapter]:
    """Give the names whose values are known; a script and made-up curves take any others too."""
    return {"lr": NAMES["lr"]} if p.trainer else NAMES


def _takes_any(p: Params) -> bool:
    return p.simulate or p.trainer is not None


def problems(p: Params) -> Iterator[Problem]:
    """Find what is wrong with the ranges of both phases and with the default."""
    yield from _dimension_problems("sweep_uniform.lr", p.sweep_uniform.lr, NAMES["lr"])
    if "lr" not in p.sweep_bayes.space:
        expected = f"auto or {RANGE}: the edge, profiles and laws are about the learning rate"
        yield Problem(f"{SPACE}.lr", Nothing("nothing"), expected, "add the line `lr: auto`")
    for name, dimension in p.sweep_bayes.space.items():
        yield from _space_problems(f"{SPACE}.{name}", name, dimension, p)
    yield from _default_problems(p)
    if not p.trainer:
        yield from _term_problems(p)


def _space_problems(key: str, name: str, dimension: Dimension | Literal["auto"], p: Params) -> Iterator[Problem]:
    """Find what is wrong with one name of the space."""
    if problem := _name_problem(key, name, dimension, p):
        yield problem
    elif isinstance(dimension, str):
        if name != "lr":
            yield Problem(key, dimension, f"{RANGE} or {CHOICES}: auto is for lr alone", "write out what to search")
    elif name == "lr" and not isinstance(dimension, Float):
        yield Problem(key, _plain(dimension), f"auto or {RANGE} of real numbers", "write auto for the edge's range")
    elif found := list(_dimension_problems(key, dimension, taken(p).get(name))):
        yield from found
    elif name == "warmup_steps" and isinstance(dimension, Choice):
        yield from warmup_problems(f"{key}.choices", max(dimension.choices), p)
    elif name == "warmup_steps" and isinstance(dimension, Int):
        yield from warmup_problems(f"{key}.max", dimension.max, p)


def _name_problem(key: str, name: str, found: Dimension | Value, p: Params) -> Problem | None:
    """Find what is wrong with the name itself; made-up curves and a script take any name."""
    if name in RESERVED:
        return Problem(key, name, "a name that no column of the tables has already", "give it another name")
    if not name.isidentifier():
        return Problem(key, name, "a name of letters, digits and _", "give it another name")
    if name not in NAMES and not _takes_any(p):
        near = violations.nearest(name, NAMES)
        expected = "a name that the trainer takes" + (f" (nearest: {near})" if near else f": {', '.join(NAMES)}")
        return Problem(key, _plain(found), expected, "correct the name or remove the line")
    return None


def _dimension_problems(key: str, dimension: Dimension, takes: TypeAdapter | None) -> Iterator[Problem]:
    """Find what is wrong with a range or with choices, in themselves and by what the trainer takes, where that is known."""
    if isinstance(dimension, Choice):
        yield from _choice_problems(key, dimension, takes)
    elif takes and (wrong_kind := _kind_problem(key, dimension, takes)):
        yield wrong_kind
    elif dimension.min >= dimension.max:
        yield Problem(f"{key}.min", dimension.min, f"less than {key}.max ({dimension.max})", "swap or change them")
    elif isinstance(dimension, Float) and dimension.max - dimension.min < NARROWEST * max(abs(dimension.min), abs(dimension.max)):
        expected = f"at least {NARROWEST:.1%} of {key}.max ({dimension.max}) below it: values are rounded to 4 digits"
        yield Problem(f"{key}.min", dimension.min, expected, "widen the range, or take the name out of the space")
    elif wrong := list(value_problems({f"{key}.min": dimension.min, f"{key}.max": dimension.max}, takes)):
        yield from wrong
    elif dimension.is_log and dimension.min <= 0:
        yield Problem(f"{key}.min", dimension.min, "greater than 0 on a log scale", "raise it, or write scale: linear")
    elif not _has_width(dimension):
        found = Nothing(f"{dimension.min} to {dimension.max}")
        yield Problem(key, found, "a range whose width a number can hold, whole numbers below 2^53", "narrow it")


def _has_width(dimension: Float | Int) -> bool:
    """Say whether values between the ends can be worked out: their distance, or on a log scale their ratio, is finite."""
    low, high = dimension.min, dimension.max
    if isinstance(dimension, Int) and max(abs(low), abs(high)) > LARGEST_INT:
        return False
    return math.isfinite(high / low if dimension.is_log else high - low)


def _kind_problem(key: str, dimension: Float | Int, takes: TypeAdapter) -> Problem | None:
    """Find a range where the trainer takes words, or real numbers where it takes whole ones, or the other way round."""
    schema = takes.json_schema()
    if schema["type"] == "integer" and isinstance(dimension, Float):
        return Problem(f"{key}.type", Nothing("nothing"), "int: the trainer takes whole numbers", "add type: int")
    if schema["type"] == "number" and isinstance(dimension, Int):
        return Problem(f"{key}.type", dimension.type, "a range of real numbers", "remove type: int, or write choices")
    if schema["type"] not in ("integer", "number"):
        words = " or ".join(map(repr, schema["enum"]))
        return Problem(key, _plain(dimension), f"choices of {words}", f"write {{choices: [{', '.join(schema['enum'][:2])}]}}")
    return None


def _choice_problems(key: str, dimension: Choice, takes: TypeAdapter | None) -> Iterator[Problem]:
    for number, value in enumerate(dimension.choices):
        place = f"{key}.choices[{number}]"
        if value in dimension.choices[:number]:
            yield Problem(place, value, "each choice once", "remove one")
        else:
            yield from value_problems({place: value}, takes)


def value_problems(values: Mapping[str, Value], takes: TypeAdapter | None) -> Iterator[Problem]:
    """Say of each value, by its key, why the trainer does not take it."""
    for key, value in values.items():
        try:
            if takes:
                takes.validate_python(value)
        except ValidationError as error:
            yield violations.describe(key, error.errors())


def warmup_problems(key: str, longest: Value, p: Params) -> Iterator[Problem]:
    """Find a warm-up that is as long as a trial of phase 2."""
    if not isinstance(longest, str) and longest >= p.sweep_bayes.steps:
        yield Problem(key, longest, f"less than sweep_bayes.steps ({p.sweep_bayes.steps})", "shorten the warm-up")


def _default_problems(p: Params) -> Iterator[Problem]:
    """Find what is wrong with the configuration that the candidates are compared with."""
    given, space = p.select.default, p.sweep_bayes.space
    for name in dict.fromkeys(("lr", *space)):
        if name not in given and (name == "lr" or (_takes_any(p) and name not in taken(p))):
            yield Problem(f"{DEFAULT}.{name}", Nothing("nothing"), "a value to compare the candidates with", f"add {name}")
    for name, value in given.items():
        key = f"{DEFAULT}.{name}"
        problem = _name_problem(key, name, value, p) if name not in space else None
        if name in taken(p):
            problem = next(value_problems({key: value}, taken(p)[name]), None)
        if problem:
            yield problem
        elif name == "warmup_steps":
            yield from warmup_problems(key, value, p)


def _term_problems(p: Params) -> Iterator[Problem]:
    """Find terms that stand beside their plain names, that no run can have, or that the default has no value for."""
    space, given = p.sweep_bayes.space, p.select.default
    for place, names in ((SPACE, space), (DEFAULT, given)):
        if name := terms.clash(names):
            plain = TERMS[name].name
            expected = f"one of the two, since {name} gives {plain} for each length"
            yield Problem(f"{place}.{name}", Nothing(f"it beside {plain}"), expected, "remove one")
            return
    for name in (name for name in ("averaging_share", "beta2_share") if name in space or name in given):
        yield from _short_problems(name, p)
    if name := next(_without_share(given, p) if "lr" in given else iter(()), None):
        why = f"nothing, and a {TERMS[name].name} that no {name} stands for"
        yield Problem(f"{DEFAULT}.{name}", Nothing(why), "a value to compare the candidates with", f"add {name}")
    if p.sweep_bayes.prior and (name := next(_without_share({"lr": 1.0}, p), None)):
        expected = f"null: optimizer.{TERMS[name].name} has no {name}"
        yield Problem("sweep_bayes.prior", p.sweep_bayes.prior, expected, "set it to null, or change that value")


def _without_share(given: Values, p: Params) -> Iterator[str]:
    """Find the terms of the space that a configuration without them has no value of, as of no weight decay."""
    missing = [name for name in TERMS if name in p.sweep_bayes.space and name not in given]
    for name, value in complete(given, missing, p.optimizer, p.model, p.sweep_bayes).items():
        if any(value_problems({name: value}, NAMES[name])):
            yield name


def _short_problems(name: str, p: Params) -> Iterator[Problem]:
    """Find shares of a run that are less than a step, in the study or in the final training."""
    dimension, default = p.sweep_bayes.space.get(name), p.select.default.get(name)
    least = {f"{DEFAULT}.{name}": default}
    if isinstance(dimension, Choice):
        least[f"{SPACE}.{name}.choices"] = min(dimension.choices)
    elif isinstance(dimension, Float):
        least[f"{SPACE}.{name}.min"] = dimension.min
    section, steps = min((("sweep_bayes", p.sweep_bayes.steps), ("train", p.train.steps)), key=lambda one: one[1])
    for key, value in least.items():
        if isinstance(value, float | int) and 0 < value * steps < LEAST_STEPS:
            yield Problem(key, value, f"at least a step of {section}.steps: 1 / {steps}", "raise it")


def _plain(found: Dimension | Value) -> object:
    """Give a dimension as a plain mapping."""
    return found.model_dump(mode="json") if isinstance(found, BaseModel) else found
