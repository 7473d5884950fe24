"""Read and check params.yaml: one line for each mistake, with the key, what was found, what was expected and what to do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from lrsweep.addresses import is_address, public
from lrsweep.config import names, script, variants, violations, yamlfile
from lrsweep.config.params import Params
from lrsweep.config.violations import Nothing, Problem
from lrsweep.errors import UserError
from lrsweep.search.settings import MOST_SEEDS, Scale, Select, SweepBayes, SweepUniform
from lrsweep.space import Budget, Choice
from lrsweep.text import formats
from lrsweep.text.settings import Corpus
from lrsweep.text.sources import FOLDER, is_inside
from lrsweep.trainers.builtin.settings import SIZES
from lrsweep.trainers.builtin.terms import TERMS

PARAMS = Path("params.yaml")


def load(path: Path) -> Params:
    """Read and check params.yaml.

    Raises:
        UserError: the file is missing, is not YAML, or breaks the schema; one line for each problem.
    """
    tree = yamlfile.parse(yamlfile.read(path), path)
    problems = parse_problems(tree)
    if problems:
        raise UserError("\n".join(f"{path}: {problem}" for problem in problems))
    return Params.model_validate(script.completed(tree))


def parse_problems(tree: dict[str, Any]) -> list[Problem]:
    """Find the mistakes in parsed YAML: types and limits first; where these are right, what must hold between keys."""
    if found := list(script.needless(tree)):
        return found
    tree = script.completed(tree)
    try:
        params = Params.model_validate(tree)
    except ValidationError as error:
        return violations.of(error, tree)
    return list(_contradictions(params))


def _contradictions(p: Params) -> Iterator[Problem]:
    yield from script.problems(p)
    if not p.trainer:
        yield from _builtin_problems(p)
    for section in ("sweep_uniform", "sweep_bayes", "train"):
        yield from _budget_problems(section, getattr(p, section))
    yield from names.problems(p)
    if p.edge.below * p.edge.above <= 1:
        expected = f"more than 1 / edge.above (1 / {p.edge.above}): phase 2 searches from edge / below, or less, to edge · above"
        yield Problem("edge.below", p.edge.below, expected, "raise one of them")
    yield from _study_problems(p.sweep_bayes)
    if p.sweep_bayes.prior:
        yield from _prior_problems(p.sweep_uniform, p.sweep_bayes)
    if p.cluster.k_min > p.cluster.k_max:
        yield Problem("cluster.k_min", p.cluster.k_min, f"at most cluster.k_max ({p.cluster.k_max})", "swap them")
    yield from _race_problems(p.select)
    if p.scale:
        yield from _scale_problems(p.scale, p)
    elif p.train.compare and p.train.compare.rules:
        expected = "false where scale is null: rules are compared with the answer of its proxies"
        yield Problem("train.compare.rules", True, expected, "set it to false, or turn scale on")
    yield from variants.problems(p)


def _builtin_problems(p: Params) -> Iterator[Problem]:
    """Find contradictions in the sections of the built-in model."""
    yield from _source_problems(p.corpus)
    if p.model.d_model % (2 * p.model.n_heads):
        expected = f"heads of an even width: d_model ({p.model.d_model}) divisible by 2 · n_heads"
        yield Problem("model.n_heads", p.model.n_heads, expected, "change d_model or n_heads (RoPE rotates pairs)")
    if p.model.parametrization == "mup" and (key := _muon(p)):
        expected = "adamw where model.parametrization is mup, whose rule is AdamW's"
        yield Problem(key, "muon", expected, "leave muon out, or set model.parametrization: standard")
    if p.sharpness is not None:
        steps, end = p.sharpness.steps, p.sweep_uniform.steps
        if list(steps) != sorted(set(steps)) or steps[-1] > end:
            expected = f"rising numbers of updates of phase 1, up to sweep_uniform.steps ({end})"
            yield Problem("sharpness.steps", list(steps), expected, "correct them, or set sharpness: null")
    if not p.generate.prompts:
        yield Problem("generate.prompts", [], "at least one prompt", "add one")


def _muon(p: Params) -> str | None:
    """Give the key that asks for Muon; None where none does."""
    searched = p.sweep_bayes.space.get("optimizer")
    asked = {
        "optimizer.optimizer": p.optimizer.optimizer == "muon",
        "sweep_bayes.space.optimizer.choices": isinstance(searched, Choice) and "muon" in searched.choices,
        "select.default.optimizer": p.select.default.get("optimizer") == "muon",
    }
    return next((key for key, found in asked.items() if found), None)


def _prior_problems(phase_1: SweepUniform, s: SweepBayes) -> Iterator[Problem]:
    for name in Budget.model_fields:
        own, other = getattr(s, name), getattr(phase_1, name)
        if own != other:
            lengths = f"sweep_uniform.{name} is {other}, sweep_bayes.{name} {own}"
            expected = f"null, since trials of another length are no measure: {lengths}"
            block = " and sweep_bayes.first_block to 8" if s.first_block == 0 else ""
            yield Problem("sweep_bayes.prior", s.prior, expected, f"set it to null{block}, or make both the same")
            return


def _race_problems(s: Select) -> Iterator[Problem]:
    if s.first_seeds > s.seeds:
        yield Problem("select.first_seeds", s.first_seeds, f"at most select.seeds ({s.seeds})", "lower it")
    if s.seeds + s.confirm > MOST_SEEDS:
        yield Problem("select.confirm", s.confirm, f"at most {MOST_SEEDS} with select.seeds ({s.seeds})", "lower one of them")
    first = (s.candidates + 1) * s.first_seeds
    if s.budget < first:
        why = f"the first round of {s.candidates} candidates and the default over {s.first_seeds} seeds"
        yield Problem("select.budget", s.budget, f"at least {first}: {why}", "raise it, or lower select.candidates")


def _scale_problems(s: Scale, p: Params) -> Iterator[Problem]:
    for key in ("steps", "sizes", "batch_size"):
        found = getattr(s, key)
        if any(one in found[:number] for number, one in enumerate(found)):
            yield Problem(f"scale.{key}", list(found), "each once, since a proxy repeated tells nothing new", "remove one")
    if len(s.steps) * max(1, len(s.sizes)) * max(1, len(s.batch_size)) < 2:
        yield Problem("scale.steps", list(s.steps), "at least two proxies: a law needs two", "add a length, or set scale: null")
    for number, name in enumerate(s.carried):
        if p.trainer or name not in TERMS:
            near = f"a carried term (nearest: {violations.nearest(name, tuple(TERMS)) or ', '.join(TERMS)})"
            expected = "[], since a script has no carried terms" if p.trainer else near
            yield Problem(f"scale.carried[{number}]", name, expected, "correct the name or remove it")
    known = tuple(p.select.default) if p.trainer else SIZES
    if s.batch_size and p.trainer and "batch_size" not in known:
        expected = "[] where trainer.command takes no {batch_size}, or select.default has no value of it"
        yield Problem("scale.batch_size", list(s.batch_size), expected, "add both, or set it to []")
    for number, size in enumerate(s.sizes):
        key = f"scale.sizes[{number}]"
        if size.keys() != s.sizes[0].keys():
            expected = f"the names of the first size ({', '.join(s.sizes[0])})"
            yield Problem(key, size, expected, "name the same in each")
        elif unknown := [name for name in size if name not in known]:
            expected = f"a size of the model (nearest: {violations.nearest(unknown[0], known) or ', '.join(known)})"
            if p.trainer:
                expected = "a name that trainer.command takes, with the value of the final training in select.default"
            yield Problem(f"{key}.{unknown[0]}", size[unknown[0]], expected, "correct the name or remove it")
        elif p.trainer is None and (own := p.model.model_copy(update=size)).d_model % (2 * own.n_heads):
            expected = f"heads of an even width: d_model ({own.d_model}) divisible by 2 · n_heads ({own.n_heads})"
            yield Problem(key, size, expected, "change d_model or n_heads (RoPE rotates pairs)")


def _source_problems(c: Corpus) -> Iterator[Problem]:
    if c.source == "files" and not c.paths:
        yield Problem("corpus.paths", [], "at least one path or glob with source: files", "name your text files")
    for number, path in enumerate(c.paths if c.source == "files" else ()):
        if not is_inside(path):
            expected = f"a path inside {FOLDER}/, which DVC watches, without .."
            yield Problem(f"corpus.paths[{number}]", path, expected, f"copy the text into {FOLDER}/, or link the file there")
    if c.source == "url" and (c.url is None or c.sha256 is None):
        key = "corpus.url" if c.url is None else "corpus.sha256"
        yield Problem(key, None, "a value with source: url", "give the address and the digest of the file behind it")
    for key in ("url", "valid_url", "test_url"):
        address = getattr(c, key)
        if c.source == "url" and address is not None and not is_address(address):
            yield Problem(
                f"corpus.{key}",
                public(address),
                "an address with http:// or https:// and a host",
                "correct it; or use source: files for a file",
            )
        elif c.source == "url" and address is not None and (ending := formats.refuse_ending(urlsplit(address).path)):
            expected = "an address of a text, JSON lines or parquet file, each plain or as gz, bz2 or zst"
            yield Problem(f"corpus.{key}", Nothing(f"an address that ends in {ending}"), expected, "give another file")
    for side in ("valid", "test"):
        pair = (f"{side}_url", f"{side}_sha256")
        missing = [key for key in pair if getattr(c, key) is None]
        if len(missing) == 1:
            yield Problem(f"corpus.{missing[0]}", None, f"both of {' and '.join(pair)}, or neither", "add the missing one")
    if c.valid_share + c.test_share >= 1:
        expected = f"less than 1 with corpus.valid_share ({c.valid_share}): training needs documents too"
        yield Problem("corpus.test_share", c.test_share, expected, "lower one of them")


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
        fitting = max(1, s.steps // (8 * s.eval_every)) * s.eval_every
        more = "lower sweep_bayes.eval_every" if fitting >= s.steps else f"set it to {fitting}"
        yield Problem(key, first, expected, more)
        return
    if s.ending and s.sampler != "mfgp":
        expected = "mfgp where sweep_bayes.ending is set: no other sampler says what it still expects to gain"
        yield Problem("sweep_bayes.sampler", s.sampler, expected, "set sweep_bayes.ending to null")
    n_rungs = len(s.rungs)
    if s.first_block > s.trials:
        yield Problem("sweep_bayes.first_block", s.first_block, f"at most sweep_bayes.trials ({s.trials})", "lower it")
    elif s.first_block // eta**n_rungs < 1 and (s.first_block or not s.prior):
        why = f"the block is cut to 1/eta at each of the rungs {list(s.rungs)} and one trial must reach the end"
        expected = f"at least eta^rungs = {eta}^{n_rungs}: {why}"
        yield Problem("sweep_bayes.first_block", s.first_block, expected, f"set it to {eta**n_rungs} or more, or raise {key}")
    window = s.metric.window
    if s.metric.name == "m_u" and first // s.eval_every <= window:
        expected = f"past eval {window}: M_u has no term up to its window ({window} evals of {s.eval_every} steps)"
        remedy = f"set it to at least {(window + 1) * s.eval_every}, or choose another metric"
        yield Problem(key, first, expected, remedy)
