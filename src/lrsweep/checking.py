"""params.yaml read and checked: one line for each thing wrong, with the key, what was found, what was expected and what to do."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import yaml
from pydantic import BaseModel, ValidationError

from lrsweep.errors import UserError
from lrsweep.params import Budget, Corpus, Params, Range, Select, SweepBayes


class Problem(NamedTuple):
    """One thing wrong with params.yaml."""

    key: str
    found: Any
    expected: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.key}: found {self.found!r}, expected {self.expected}; {self.remedy}"


def load(path: Path) -> Params:
    """Reads and checks params.yaml.

    Raises:
        UserError: the file is missing, is not YAML, or breaks the schema; one line for each problem.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the command in the project's folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise UserError(f"{path}: found {type(tree).__name__}, expected a mapping of sections")
    problems = parse_problems(tree)
    if problems:
        raise UserError("\n".join(f"{path}: {problem}" for problem in problems))
    return Params.model_validate(tree)


def parse_problems(tree: dict[str, Any]) -> list[Problem]:
    """Everything wrong with the parsed YAML: types and ranges first, then what must hold between keys."""
    try:
        params = Params.model_validate(tree)
    except ValidationError as error:
        return [_describe(item) for item in error.errors()]
    return list(_contradictions(params))


def _describe(item: Any) -> Problem:
    key, found = ".".join(_readable(item["loc"])), item["input"]
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(item["loc"][-1]), _keys_beside(item["loc"]), n=1)
        expected = f"a known key (nearest: {near[0]})" if near else "a known key"
        return Problem(key, found, expected, "correct its name or remove the line")
    if item["type"] == "missing":
        return Problem(key, None, "a value", "add the line; params.yaml in the repository shows every key")
    expected = item["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    return Problem(key, found, expected, "correct the value")


def _readable(loc: tuple[Any, ...]) -> list[str]:
    """The key path without the names of union members that pydantic adds to it."""
    return [str(part) for part in loc if not re.fullmatch(r"literal\[.*\]|Range|function-.*|constrained-.*|float", str(part))]


def _keys_beside(loc: tuple[Any, ...]) -> list[str]:
    model: Any = Params
    for part in loc[:-1]:
        if part in model.model_fields:
            annotation = model.model_fields[part].annotation
            kinds = get_args(annotation) or (annotation,)  # "auto" or a range; null or a section
            model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), Params)
    return list(model.model_fields)


def _contradictions(p: Params) -> Iterator[Problem]:
    yield from _source_problems(p.corpus)
    if p.model.d_model % (2 * p.model.n_heads):
        yield Problem(
            "model.n_heads",
            p.model.n_heads,
            f"heads of an even width: d_model ({p.model.d_model}) divisible by 2 · n_heads",
            "change d_model or n_heads (RoPE rotates pairs)",
        )
    budgets: list[tuple[str, Budget]] = [
        ("sweep_uniform", p.sweep_uniform),
        ("sweep_bayes", p.sweep_bayes),
        ("train", p.train),
    ]
    for name, budget in budgets:
        yield from _budget_problems(name, budget)
    ranges = [
        ("sweep_uniform.lr", p.sweep_uniform.lr),
        ("sweep_bayes.lr", p.sweep_bayes.lr),
        ("sweep_bayes.beta2", p.sweep_bayes.beta2),
        ("sweep_bayes.weight_decay", p.sweep_bayes.weight_decay),
    ]
    for name, interval in ranges:
        if isinstance(interval, Range) and interval.min >= interval.max:
            yield Problem(f"{name}.min", interval.min, f"less than {name}.max ({interval.max})", "swap or change them")
    if p.sweep_bayes.beta2.max >= 1:
        yield Problem("sweep_bayes.beta2.max", p.sweep_bayes.beta2.max, "less than 1", "use 0.999 for example")
    if p.edge.below * p.edge.above <= 1:
        expected = f"more than 1 / edge.above (1 / {p.edge.above}): phase 2 searches from edge / below to edge · above"
        yield Problem("edge.below", p.edge.below, expected, "raise one of them")
    if p.sharpness is not None:
        steps, end = p.sharpness.steps, p.sweep_uniform.steps
        if list(steps) != sorted(set(steps)) or steps[-1] > end:
            expected = f"rising numbers of updates of phase 1, up to sweep_uniform.steps ({end})"
            yield Problem("sharpness.steps", list(steps), expected, "correct them, or set sharpness: null")
    yield from _study_problems(p.sweep_bayes)
    if p.cluster.k_min > p.cluster.k_max:
        yield Problem("cluster.k_min", p.cluster.k_min, f"at most cluster.k_max ({p.cluster.k_max})", "swap them")
    yield from _race_problems(p.select)
    if not p.generate.prompts:
        yield Problem("generate.prompts", [], "at least one prompt", "add one")


def _race_problems(s: Select) -> Iterator[Problem]:
    if s.first_seeds > s.seeds:
        yield Problem("select.first_seeds", s.first_seeds, f"at most select.seeds ({s.seeds})", "lower it")
    first = (s.candidates + 1) * s.first_seeds
    if s.budget < first:
        why = f"the first round of {s.candidates} candidates and the default over {s.first_seeds} seeds"
        yield Problem("select.budget", s.budget, f"at least {first}: {why}", "raise it, or lower select.candidates")


def _source_problems(c: Corpus) -> Iterator[Problem]:
    if c.source == "files" and not c.paths:
        yield Problem("corpus.paths", [], "at least one path or glob with source: files", "name your text files")
    if c.source == "url" and (c.url is None or c.sha256 is None):
        key = "corpus.url" if c.url is None else "corpus.sha256"
        yield Problem(key, None, "a value with source: url", "give the address and the digest of the file behind it")
    if (c.valid_url is None) != (c.valid_sha256 is None):
        key = "corpus.valid_url" if c.valid_url is None else "corpus.valid_sha256"
        yield Problem(key, None, "both of valid_url and valid_sha256, or neither", "add the missing one")


def _budget_problems(name: str, b: Budget) -> Iterator[Problem]:
    if b.warmup_steps >= b.steps:
        yield Problem(f"{name}.warmup_steps", b.warmup_steps, f"less than {name}.steps ({b.steps})", "shorten the warm-up")
    if b.steps % b.eval_every:
        near = max(b.eval_every, round(b.steps / b.eval_every) * b.eval_every)
        expected = f"a divisor of {name}.steps ({b.steps}), so that the last step has an eval"
        yield Problem(f"{name}.eval_every", b.eval_every, expected, f"change it, or set {name}.steps to {near}")


def _study_problems(s: SweepBayes) -> Iterator[Problem]:
    key, first, eta = "sweep_bayes.stopping.first_rung", s.stopping.first_rung, s.stopping.eta
    if first % s.eval_every:
        near = max(s.eval_every, round(first / s.eval_every) * s.eval_every)
        expected = f"a multiple of sweep_bayes.eval_every ({s.eval_every}): a rung is counted in steps and must fall on an eval"
        yield Problem(key, first, expected, f"set it to {near}")
        return
    if first >= s.steps:
        why = "a rung at or past the end stops nothing; it is counted in steps, not in evals"
        expected = f"less than sweep_bayes.steps ({s.steps}): {why}"
        yield Problem(key, first, expected, f"set it to {max(1, s.steps // (8 * s.eval_every)) * s.eval_every}")
        return
    n_rungs = len(s.rungs)
    if s.first_block > s.trials:
        yield Problem("sweep_bayes.first_block", s.first_block, f"at most sweep_bayes.trials ({s.trials})", "lower it")
    elif s.first_block // eta**n_rungs < 1:
        why = f"the block is cut to 1/eta at each of the rungs {list(s.rungs)} and one trial must reach the end"
        expected = f"at least eta^rungs = {eta}^{n_rungs}: {why}"
        yield Problem("sweep_bayes.first_block", s.first_block, expected, f"set it to {eta ** (n_rungs + 1)}, or raise {key}")
    if s.metric.name == "m_u" and first // s.eval_every <= s.metric.window:
        expected = (
            f"past eval {s.metric.window}: M_u has no term up to its window ({s.metric.window} evals of {s.eval_every} steps)"
        )
        yield Problem(
            key, first, expected, f"set it to at least {(s.metric.window + 1) * s.eval_every}, or choose another metric"
        )
