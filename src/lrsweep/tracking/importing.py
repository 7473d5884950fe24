"""The conversion of runs to trials of a study: evals, steps and state, or the place and the reason why that fails."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import TypeAdapter

from lrsweep.errors import UserError
from lrsweep.search.curve import STEP_COLUMNS
from lrsweep.search.evals import values_by_step
from lrsweep.search.settings import SweepBayes, SweepUniform
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED, EvalPoint, Proposal, Record, RungPoint
from lrsweep.space import Dimension, Value, Values
from lrsweep.store.imported import CONTEXT
from lrsweep.tracking import advice, counting, hyperparameters
from lrsweep.tracking.counting import Base, Formula
from lrsweep.tracking.logged import EVAL, LOGGED, TRAIN, Logged, Overlap, Reading
from lrsweep.tracking.runs import STEP_NAMES
from lrsweep.tracking.sources import History

LearningRate = Callable[[Values, int], float]  # of a configuration at a step


class Trial(NamedTuple):
    """A trial that was trained elsewhere: its record, its curve as arrays of STEP_COLUMNS (NaN: not logged), and its run's ID."""

    record: Record
    curve: dict[str, np.ndarray]
    run: str


class Study(NamedTuple):
    """The study that a sweep becomes: its stage, its section, what the trainer takes, and the schedule of params.yaml.

    schedule: the values of that schedule, by their keys in params.yaml, which no run may contradict where its LR follows it.
    """

    stage: str
    section: SweepUniform | SweepBayes
    limits: Mapping[str, TypeAdapter]
    lr_at: LearningRate
    schedule: Mapping[str, Value]

    @property
    def varied(self) -> Mapping[str, Dimension | Literal["auto"]]:
        """The names in each run's configuration: in phase 1 the LR alone."""
        if isinstance(self.section, SweepBayes):
            return {"lr": self.section.space["lr"], **self.section.space}
        return {"lr": self.section.lr}

    @property
    def names(self) -> tuple[str, ...]:
        """The names that a run is read by; an export may call them otherwise."""
        return (*(f"config.{name}" for name in self.varied), *LOGGED)


@dataclass
class Taken:
    """The trials of a sweep, and what a reader has to know of how they were read, a line each."""

    trials: list[Trial]
    notes: list[str]


def convert(histories: Sequence[History], names: Mapping[str, str], study: Study, overlap: Overlap) -> Taken:
    """Convert runs to trials, numbered as their configurations say, or else in the given order.

    names: the export's name for each of the study's names; an empty one means that it was not logged.

    Raises:
        UserError: a line for each name that is missing, or for each run that is broken or partial, with its place.
    """
    advice.require_names(histories, names)
    reading, problems = _reading(histories, names, study, overlap), []
    trials, read = [], {}
    for number, history in zip(_numbers(histories), histories, strict=True):
        try:
            trial, read[history.id] = _convert_one(history, number, reading, study)
            trials.append(trial)
        except UserError as error:
            problems.append(f"{error}{advice.or_leave_out(history, str(error))}")
    if problems:
        raise UserError("\n".join(problems))
    said = advice.notes(histories, reading, read, _theirs(study, names))
    return Taken(sorted(trials, key=lambda trial: trial.record.trial), said)


def _theirs(study: Study, names: Mapping[str, str]) -> dict[str, str]:
    """Give the keys of a run's configuration that are read, by our names."""
    return {name: names[f"config.{name}"].removeprefix("config.") for name in study.varied}


def _reading(histories: Sequence[History], names: Mapping[str, str], study: Study, overlap: Overlap) -> Reading:
    """Say how the rows are read: what the steps of all runs together show of how they count."""
    section, logged = study.section, {key for history in histories for _, row in history.rows for key in row}
    formula = Formula.of(names["step"], logged)
    reading = Reading(names, formula, study.stage, section.eval_every, section.steps, overlap)
    for plus in dict.fromkeys((formula.plus, 0 if formula.plus == 1 else formula.plus)):
        tried = replace(reading, formula=formula._replace(plus=plus))
        evals: set[int] = set()
        for history in histories:
            try:
                indices, values = tried.indices(history)
            except UserError:  # it is named when the run is converted
                continue
            evals |= {index for index, found in zip(indices, values, strict=True) if EVAL in found}
        base = counting.base(evals, section.eval_every, section.steps)
        if base is not Base.UPDATES:
            return replace(tried, base=base)
    return reading


def _numbers(histories: Sequence[History]) -> list[int]:
    given = [str(history.config.get("trial")) for history in histories]
    if all(text.isdecimal() and len(text) < 6 for text in given) and len(set(map(int, given))) == len(given):
        return [int(text) for text in given]
    return list(range(len(histories)))


def _convert_one(history: History, number: int, reading: Reading, study: Study) -> tuple[Trial, Logged]:
    try:
        trial, logged = _whole(history, number, reading, study)
    except UserError:
        if history.unfinished:
            raise UserError(history.unfinished) from None
        raise
    if history.unfinished and trial.record.state != COMPLETE:
        raise UserError(history.unfinished)
    return trial, logged


def _whole(history: History, number: int, reading: Reading, study: Study) -> tuple[Trial, Logged]:
    theirs = _theirs(study, reading.names)
    hyperparameters.require_one_run(history, theirs.values())
    advice.require_parts(history, reading)
    logged = reading.read(history)
    if not logged.steps(EVAL):
        every = study.section.eval_every
        raise UserError(f"{history.place}: found no {reading.names[EVAL]}, expected one every {every} steps; log it")
    values = _values(history, logged, theirs, study)
    if not reading.names["lr"]:
        hyperparameters.require_schedule(history, study.schedule)
        for step in range(1, logged.last + 1):
            logged.rows.setdefault(step, {})["lr"] = study.lr_at(values, step)
    evals, curve = _evals(logged, history, reading, study), _curve(logged)
    record = Record(
        identity=CONTEXT,
        proposal=_proposal(history, number, values),
        seed=hyperparameters.seed(history),
        state=_state(history, evals, logged, study),
        steps=logged.last,
        evals=tuple(evals),
        rungs=(),
    )
    return Trial(replace(record, rungs=_rungs(history, record, study)), curve, history.id), logged


def _values(history: History, logged: Logged, theirs: Mapping[str, str], study: Study) -> dict[str, Value]:
    """Read the configuration of the trial; an LR that it does not have is the highest that was logged."""
    found: dict[str, Value] = {}
    lrs = [row["lr"] for row in logged.rows.values() if "lr" in row]
    for name, key in theirs.items():
        one, limits = study.varied[name], study.limits[name]
        if name == "lr" and not key:
            found[name] = hyperparameters.checked(f"{history.place}: config.lr", max(lrs, default=0.0), one, limits)
        else:
            found[name] = hyperparameters.value(history, name, key, one, limits, has_lrs=bool(lrs))
    return found


def _evals(logged: Logged, history: History, reading: Reading, study: Study) -> list[EvalPoint]:
    """Give the evals up to the last step. None may be missing, except at step 0 and at a step that diverged."""
    every, last = study.section.eval_every, logged.last
    steps = [step for step in logged.steps(EVAL) if step <= last]
    for step in steps:
        if step % every:
            expected = f"a multiple of {study.stage}.eval_every ({every})"
            remedy = advice.of_steps(logged.steps(EVAL), study.stage, study.section, reading)
            raise UserError(f"{logged.places[step, EVAL]}: found an eval at step {step}, expected {expected}; {remedy}")
        if step and "lr" not in logged.rows[step]:
            raise UserError(
                f"{logged.places[step, EVAL]}: found no learning rate with the eval at step {step}, expected one; log both, or"
                " work it out from the schedule of params.yaml: --name lr="
            )
    for step in range(every, last + 1 - logged.diverged, every):
        if step not in steps:
            raise UserError(advice.missing_eval(step, logged, history, study.section.eval_every))
    rows = {step: logged.rows[step] for step in steps}
    return [
        EvalPoint(step, row["lr"] if step else 0.0, row[EVAL] if math.isfinite(row[EVAL]) else None) for step, row in rows.items()
    ]


def _curve(logged: Logged) -> dict[str, np.ndarray]:
    """Give the curve up to the last step. Steps must have been logged at equal distances, except for the first."""
    last = logged.last
    steps = [step for step in logged.steps(*TRAIN) if 0 < step <= last]
    ignored = {step for name in TRAIN for step, _ in logged.ignored.get(name, ())}
    stride = min((b - a for a, b in pairwise(steps[1:])), default=last)
    for before, step in pairwise([0, *steps, last + 1]):
        even = step - before <= stride if before in (0, *steps[:1]) or step > last else step - before == stride
        if steps and not even and not any(before < skipped < step for skipped in ignored):
            place = logged.place(step if step in steps else steps[-1])
            why = f"expected {' or '.join(TRAIN)} every {stride} steps; a part is missing: export it again"
            raise UserError(f"{place}: found nothing of training between steps {before} and {step}, {why}")
    curve = {column: np.full(last, np.nan) for column in STEP_COLUMNS}
    for column, name in STEP_NAMES.items():
        for step in range(1, last + 1):
            curve[column][step - 1] = logged.rows.get(step, {}).get(name, np.nan)
    return curve


def _state(history: History, evals: list[EvalPoint], logged: Logged, study: Study) -> str:
    """Say how the trial ended, as its curve shows; a state in the run's configuration must agree."""
    section, place, last = study.section, history.rows[-1][0], logged.last
    complete = bool(evals) and evals[-1].step == section.steps and not logged.diverged
    state = DIVERGED if logged.diverged else COMPLETE if complete else PRUNED
    first = section.rungs[0] if isinstance(section, SweepBayes) else section.steps
    if state == PRUNED and last < first:
        stopped = f", or to be stopped from its first rung ({first}) on" if first < section.steps else ""
        expected = f"{study.stage}.steps ({section.steps}){stopped}; export it whole"
        raise UserError(f"{place}: the run ends at step {last}, expected {expected}")
    said = history.config.get("state")
    if said != state and said in (COMPLETE, PRUNED, DIVERGED):
        raise UserError(
            f"{place}: the run ends at step {last} as {state}, and its configuration says {said};"
            " a part is missing: export it again"
        )
    return state


def _proposal(history: History, number: int, values: dict[str, Value]) -> Proposal:
    """Give the proposal; what it was proposed from is known for our own trials alone."""
    unknown = Proposal.known(number, values, "imported")
    return _logged_by_us(
        history, "proposal", lambda said: Proposal(number, values, **{**said, "seed": int(said["seed"])}), unknown
    )


def _rungs(history: History, record: Record, study: Study) -> tuple[RungPoint, ...]:
    """Give the comparisons at the rungs as our own trials logged them; other trials have their values and where they stopped."""
    if not isinstance(study.section, SweepBayes):
        return ()
    values = values_by_step(record, study.section.metric)
    reached = [rung for rung in study.section.rungs if rung in values]
    stopped = reached[-1:] if record.state == PRUNED else []
    seen = tuple(RungPoint(rung, values[rung], 0, None, rung in stopped) for rung in reached)
    return _logged_by_us(history, "rungs", lambda said: tuple(RungPoint(**point) for point in said), seen)


def _logged_by_us(history: History, key: str, read: Callable[[Any], Any], absent: Any) -> Any:
    """Read what our own trials keep in their configuration, in CSV as JSON; give `absent` where there is nothing."""
    value = history.config.get(key)
    if value is None:
        return absent
    try:
        return read(json.loads(value) if isinstance(value, str) else value)
    except (TypeError, KeyError, ValueError, RecursionError):
        raise UserError(
            f"{history.place}: config.{key}: found {value!r:.60}, expected what lrsweep logs there, or nothing; remove it"
        ) from None
