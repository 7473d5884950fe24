"""why: train a trial again up to a spike or a break, measure which weights went first, and try what would have prevented it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lrsweep.analysis import why
from lrsweep.analysis.why import LEAD, Batch, Part, Rise, Test, Verdict
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.runner.catalogue import STUDIES, study_of
from lrsweep.runner.study import Study
from lrsweep.search.curve import STEP_COLUMNS
from lrsweep.search.plan import Task
from lrsweep.search.trial import DIVERGED, Record
from lrsweep.space import Values
from lrsweep.store import records
from lrsweep.store.results import Results
from lrsweep.text.tokens import decode, load_tokenizer
from lrsweep.trainers.trainer import Step

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from lrsweep.trainers.builtin.tracing import Change, State
    from lrsweep.trainers.builtin.training import Run

RUNS = 6  # on other batches, of each counter-test
HORIZON = 20  # steps of each of these runs
DRAWS = 8  # other batches at the step in question
AFTER = 3  # steps after it that are trained too
SHOWN = 60  # characters of a text


@dataclass(frozen=True)
class Seen:
    """What training a trial again has shown.

    differs_at: the first step with other bits than recorded; None for none. norms: rows of tracing.Norms. outcomes: the
    gradient norms of the counter-tests, by test, run and step.
    """

    differs_at: int | None
    batch: Batch
    norms: pd.DataFrame
    outcomes: pd.DataFrame


@dataclass(frozen=True)
class Why:
    """The answer for one step of a trial; where that is no spike, nothing was seen."""

    stage: str
    trial: int
    state: str
    values: Values
    rise: Rise
    verdict: Verdict
    parts: tuple[Part, ...]
    tests: tuple[Test, ...]
    seen: Seen | None

    def described(self) -> dict[str, Any]:
        """Give the answer as JSON has it; a number that is not finite is null."""
        tree = asdict(replace(self, seen=None))
        if self.seen:
            tables = {"norms": self.seen.norms, "outcomes": self.seen.outcomes}
            rows = {name: json.loads(table.to_json(orient="records", double_precision=15)) for name, table in tables.items()}
            tree["seen"] = {"differs_at": self.seen.differs_at, "batch": asdict(self.seen.batch), **rows}
        return tree


def run(params: Params, results: Results, stage: str, trial: int, step: int | None) -> Why:
    """Explain the greatest rise of the gradient norm in a trial, or its break, or `step`.

    Raises:
        UserError: the trial was not trained here with these parameters and this code, or it has no such step.
    """
    study = _study(params, results, stage)
    record, curve = _recorded(study, trial)
    n_steps, length = len(curve["grad_norm"]), study.length(Task(trial, 0, study.budget.steps))
    if step is not None and not 1 < step <= n_steps:
        found = f"found {step}, expected 2 to {n_steps}, the last one of trial {trial} ({record.state})"
        raise UserError(f"--step: {found}; name one of these, or leave it out for the greatest rise")
    rise, seen = why.find(curve, record.state == DIVERGED, length.steps, step, params.edge), None
    if rise.kind != "rise" and rise.window:
        training: Any = study.trainer().start(record.proposal.values, record.seed, length)
        seen = examine(training, curve, rise, load_tokenizer(results.path("tokenize/tokenizer.json")))
    parts = why.parts(seen.norms, rise, params.edge) if seen else ()
    tests = why.tests(seen.outcomes, rise, params.edge) if seen else ()
    values = dict(record.proposal.values)
    return Why(stage, trial, record.state, values, rise, why.judge(rise, tests), parts, tests, seen)


def _study(params: Params, results: Results, stage: str) -> Study:
    stages = [name for name in STUDIES if name != "sharpness"]  # whose trials are those of phase 1
    if stage not in stages:
        raise UserError(f"--stage: found {stage!r}, expected one of {', '.join(stages)}; name one of these")
    only = "only trials of the built-in trainer, trained here, can be trained again to the bit and measured"
    for key, found, wanted in (
        ("trainer", "a script" if params.trainer else None, "null"),
        ("simulate", params.simulate or None, "false"),
        (f"{stage}.imported", getattr(getattr(params, stage), "imported", None) and "a sweep from elsewhere", "null"),
    ):
        if found:
            raise UserError(f"{key}: found {found}, expected {wanted}: {only}; look at the logs of the trial instead")
    return study_of(stage, params, results)


def _recorded(study: Study, trial: int) -> tuple[Record, dict[str, np.ndarray]]:
    """Give the record of a trial and its curve, of these parameters and this code."""
    found = {record.trial: (record, path) for record, path in study.found()}
    if not found:
        said = f"{study.identity.folder}: found no trial of {study.stage} with these parameters, this code and this machine"
        raise UserError(f"{said}, expected trained ones; set back what changed since, or run snakemake --cores all")
    if trial not in found:
        said = f"TRIAL: found {trial}, expected one of the {len(found)} trials of {study.stage}"
        raise UserError(f"{said}, {min(found)} to {max(found)}; name one of these")
    record, path = found[trial]
    return record, records.load_curve(path)


def examine(run: "Run", curve: Mapping[str, np.ndarray], rise: Rise, tokenizer: "Tokenizer") -> Seen:
    """Train a fresh run up to the step in question and a little on, measure its weights there, and make the counter-tests."""
    from lrsweep.trainers.builtin import tracing

    step, steps = rise.step, run.settings.budget.steps
    start, end = max(0, step - 1 - LEAD), min(step + AFTER, steps)
    seen, norms = list(tracing.advance(run, max(0, step - 1 - max(rise.window, LEAD)))), list[dict[str, Any]]()

    def trace(until: int) -> "State":
        for one, measured in tracing.trace(run, until):
            seen.append(one)
            norms.extend(map(asdict, measured))
        return tracing.state_of(run)

    early, late = trace(start), trace(step - 1)
    losses = np.array(tracing.losses(run, step))
    others = [float(np.mean(tracing.losses(run, step + number * steps))) for number in range(1, DRAWS + 1)]
    worst = int(losses.argmax())
    text = decode(tokenizer, run.batch(step)[0][worst].tolist())[:SHOWN]
    batch = Batch.of(float(losses.mean()), others, float(losses[worst]), text)
    trace(end)
    outcomes = pd.DataFrame(_outcomes(run, early, late, step, end))
    return Seen(differs_at(seen, curve), batch, pd.DataFrame(norms), outcomes)


def differs_at(seen: Sequence[Step], curve: Mapping[str, np.ndarray]) -> int | None:
    """Give the first step that has other bits than the recorded curve; None where there is none, as far as both go."""
    recorded = zip(*(curve[name] for name in STEP_COLUMNS), strict=True)
    for one, was in zip(seen, recorded, strict=False):
        if not np.array_equal([getattr(one, name) for name in STEP_COLUMNS], was, equal_nan=True):
            return one.step
    return None


def _outcomes(run: "Run", early: "State", late: "State", step: int, end: int) -> Iterator[dict[str, Any]]:
    """Give the gradient norms of the counter-tests: test, run, step, grad_norm. Run 0 is on the recorded batches."""
    from lrsweep.trainers.builtin.tracing import RECORDED, Changed, advance

    start, steps = int(early["step"]), run.settings.budget.steps

    def train(test: str, number: int, state: "State", change: "Change", until: int) -> Iterator[dict[str, Any]]:
        for seen in advance(Changed(run, state, change), until):
            yield {"test": test, "run": number, "step": seen.step, "grad_norm": seen.grad_norm}

    precise = replace(RECORDED, precise=True)
    changes = {
        why.RECORDED: RECORDED,
        why.HALF_LR: replace(RECORDED, lr_factor=0.5),
        why.SHORT_MEMORY: replace(RECORDED, memory=0.1),
    }
    for test, change in changes.items():
        yield from train(test, 0, early, change, end)
        for number in range(1, RUNS + 1):
            yield from train(test, number, early, replace(change, batches=number * steps), min(start + HORIZON, steps))
    yield from train(why.PRECISE, 0, early, precise, end)
    for number in range(1, DRAWS + 1):
        yield from train(why.OTHER_BATCH, number, late, replace(RECORDED, batches=number * steps), step)
    yield from train(why.EARLIER, 0, early, replace(RECORDED, batches=step - start - 1), start + 1)
    yield from train(why.PRECISE_NOW, 0, late, precise, step)
