"""The variants of an ablation: what each changes in the selected configuration, and what may be wrong with that."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from pydantic import TypeAdapter

from lrsweep.config import names, violations
from lrsweep.config.params import Params
from lrsweep.config.violations import Problem
from lrsweep.search.settings import MOST_SEEDS, Ablate
from lrsweep.space import Choice, Int, Value, Values
from lrsweep.trainers.builtin.settings import NAMES, SIZES, complete
from lrsweep.trainers.builtin.terms import TERMS
from lrsweep.trainers.command.settings import ARGUMENTS, hands_on, unknown

BASELINE = "baseline"
BETWEEN = " + "  # the names of two variants that are crossed
LONGEST = 40  # characters of a name
KEY = "ablate.variants"


@dataclass(frozen=True)
class Variant:
    """What is changed in the selected configuration; `parts` are the numbers of the two variants that are crossed, if any."""

    name: str
    overrides: Mapping[str, Value]
    parts: tuple[int, int] | None


def variants_of(section: Ablate | None) -> list[Variant]:
    """Give the baseline, the variants and, where the grid is on, each two variants that change no name in common.

    Words for a script's command are no such name: they stand behind each other.
    """
    if section is None:
        return []
    singles = [Variant(name, overrides, None) for name, overrides in section.variants.items()]
    found = [Variant(BASELINE, {}, None), *singles]
    for (i, one), (j, other) in combinations(enumerate(singles, start=1), 2) if section.grid else ():
        if not (changed(one.overrides) & changed(other.overrides)) - {ARGUMENTS}:
            both = {**one.overrides, **other.overrides}
            if words := [str(its[ARGUMENTS]) for its in (one.overrides, other.overrides) if ARGUMENTS in its]:
                both[ARGUMENTS] = " ".join(words)
            found.append(Variant(f"{one.name}{BETWEEN}{other.name}", both, (i, j)))
    return found


def changed(overrides: Values) -> set[str]:
    """Give the names that overrides decide, a term as its plain name.

    >>> changed({"warmup_share": 0.1})
    {'warmup_steps'}
    """
    return {TERMS[name].name if name in TERMS else name for name in overrides}


def over(selected: Values, overrides: Values) -> dict[str, Value]:
    """Put overrides over a configuration; a term takes the place of its plain name, and the other way round.

    >>> over({"lr": 0.1, "warmup_steps": 5}, {"warmup_share": 0.1})
    {'lr': 0.1, 'warmup_share': 0.1}
    """
    kept = {name: value for name, value in selected.items() if not changed({name: value}) & changed(overrides)}
    return {**kept, **overrides}


def problems(p: Params) -> Iterator[Problem]:
    """Find what is wrong with the variants."""
    section = p.ablate
    if section is None:
        return
    if section.runs > MOST_SEEDS:
        expected = f"at most {MOST_SEEDS} runs a variant, with ablate.above, seeds, profile_runs and edge_runs"
        yield Problem("ablate.below", section.below, f"{expected}, not {section.runs}", "lower some of them")
    known: list[tuple[str, Values]] = []
    for name, overrides in section.variants.items():
        key = f"{KEY}.{name}"
        same = [other for other, its in known if its == overrides]
        if name == BASELINE or len(name) > LONGEST or not re.fullmatch(r"[A-Za-z0-9](?:[\w .-]*\w)?", name):
            expected = f"letters, digits, _, - and spaces, at most {LONGEST}, and not {BASELINE}, the selected configuration"
            yield Problem(KEY, name, f"a name of {expected}", "give it another name")
        elif not overrides:
            yield Problem(
                key, {}, "at least one name with its value: without one it is the baseline", "add one or remove the line"
            )
        elif same:
            yield Problem(key, overrides, f"other values than those of {same[0]}", "remove one of the two")
        else:
            yield from _override_problems(key, overrides, p)
        known.append((name, overrides))


def _override_problems(key: str, overrides: Values, p: Params) -> Iterator[Problem]:
    found = [problem for name, value in overrides.items() if (problem := _problem(f"{key}.{name}", name, value, p))]
    yield from found
    if found or p.trainer:
        return
    if len(changed(overrides)) < len(overrides):
        yield Problem(key, overrides, "a term or its plain name, not both", "remove one")
    sizes = p.model.model_copy(update={name: value for name, value in overrides.items() if name in SIZES})
    if sizes != p.model and sizes.d_model % (2 * sizes.n_heads):
        expected = f"heads of an even width: d_model ({sizes.d_model}) divisible by 2 · n_heads ({sizes.n_heads})"
        yield Problem(key, overrides, expected, "change d_model or n_heads (RoPE rotates pairs)")


def _problem(key: str, name: str, value: Value, p: Params) -> Problem | None:
    """Find the first thing that is wrong with one override."""
    if name == "lr":
        return Problem(key, value, "no lr: each variant finds its own best LR", "remove it")
    takes = _taken(p)
    if name not in takes:
        near = violations.nearest(name, takes)
        what = "a name that trainer.command takes, or arguments" if p.trainer else "a name that the trainer takes"
        hint = f" (nearest: {near})" if near else f": {', '.join(takes)}"
        return Problem(key, value, f"{what}{hint}", "correct the name or remove it")
    if (adapter := takes[name]) and (wrong := next(names.value_problems({key: value}, adapter), None)):
        return wrong
    if name == "warmup_steps" and (long := next(names.warmup_problems(key, value, p), None)):
        return long
    if p.trainer:
        return _script_problem(key, name, value, p)
    if value == "muon" and p.model.parametrization == "mup":
        expected = "adamw where model.parametrization is mup, whose rule is AdamW's"
        return Problem(key, value, expected, "remove it, or set model.parametrization: standard")
    if term := next((term for term in TERMS if TERMS[term].name == name and term in p.sweep_bayes.space), None):
        return Problem(key, value, f"{term} in its place, which sweep_bayes.space varies", f"write {term}")
    if name in p.sweep_bayes.space or name in TERMS:
        return None  # the baseline's value is known when phase 2 has ended, or depends on its LR
    own = complete({"lr": 1.0}, [name], p.optimizer, p.model, p.sweep_bayes)[name]
    return _same(key, value, own) if value == own else None


def _same(key: str, value: Value, own: Value) -> Problem:
    return Problem(key, value, f"another value than the baseline's ({own})", "change it or remove it")


def _taken(p: Params) -> Mapping[str, TypeAdapter | None]:
    """Give the names that a variant may change, with their types where these are known."""
    if p.trainer:
        return {name: None for name in (*p.sweep_bayes.space, *p.select.default, ARGUMENTS) if name != "lr"}
    return {name: adapter for name, adapter in {**NAMES, **SIZES}.items() if name != "lr"}


def _script_problem(key: str, name: str, value: Value, p: Params) -> Problem | None:
    """Find what is wrong with a value for a script: its kind, or words that its command cannot have."""
    if name == ARGUMENTS:
        return _argument_problem(key, value, p)
    dimension = p.sweep_bayes.space.get(name)
    whole = isinstance(dimension, Int)
    words = isinstance(dimension, Choice) and isinstance(dimension.choices[0], str)
    if dimension is None:
        own = p.select.default[name]
        words = isinstance(own, str)
        if value == own:
            return _same(key, value, own)
    if words != isinstance(value, str) or (whole and not isinstance(value, int)):
        expected = "a word" if words else "a whole number" if whole else "a number"
        return Problem(key, value, f"{expected}, as {name} has elsewhere", "correct it")
    return None


def _argument_problem(key: str, value: Value, p: Params) -> Problem | None:
    try:
        empty = not isinstance(value, str) or not shlex.split(value)
    except ValueError as error:
        return Problem(key, value, f"words with closed quotes ({error})", "close them")
    if empty:
        return Problem(key, value, "words that are put behind trainer.command", "write them in quotes, as '--no-norm'")
    if p.trainer and not hands_on(p.trainer.command):
        remedy = 'write "$@" where they belong in its text, and a word for $0 behind it: sh -c \'… "$@"\' sh'
        return Problem(key, value, "a command that takes words: a shell drops those behind its -c", remedy)
    known = dict.fromkeys(("lr", *p.sweep_bayes.space, *p.select.default))
    if wrong := unknown(re.findall(r"\{(\w+)\}", re.sub(r"\{\{|\}\}", " ", str(value))), known):
        return Problem(key, value, f"names in braces that trainer.command takes, not {{{wrong[0]}}}", "correct it")
    return None
