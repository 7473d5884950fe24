"""The conversion of W&B runs to trials of a study: evals, steps and state, or the place and the reason why that fails."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import TypeAdapter, ValidationError

from lrsweep.errors import UserError
from lrsweep.search.curve import STEP_COLUMNS
from lrsweep.search.evals import values_by_step
from lrsweep.search.settings import SweepBayes, SweepUniform
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED, EvalPoint, Proposal, Record, RungPoint
from lrsweep.space import Choice, Dimension, Int, Value
from lrsweep.store.imported import CONTEXT
from lrsweep.tracking.histories import History
from lrsweep.tracking.runs import STEP_NAMES

EVAL = "eval/loss_nats"
TRAIN = tuple(name for name in STEP_NAMES.values() if name != "lr")  # of a training step; may be missing altogether
LOGGED = ("step", "lr", *TRAIN, EVAL)  # the names that rows are read by, as our own tracking logs them


class Trial(NamedTuple):
    """A trial that was trained elsewhere: its record, and its curve as arrays of STEP_COLUMNS (NaN where not logged)."""

    record: Record
    curve: dict[str, np.ndarray]


@dataclass
class Logged:
    """What a run logged, by step and by our names, and the place of the first row of each step."""

    rows: dict[int, dict[str, float]] = field(default_factory=dict)
    places: dict[int, str] = field(default_factory=dict)

    def steps(self, *names: str) -> list[int]:
        """Give the steps at which any of these names was logged, in order."""
        return sorted(step for step, row in self.rows.items() if any(name in row for name in names))


class Study(NamedTuple):
    """The study that a sweep becomes: its stage, its section, and the types and limits of the values that a trainer takes."""

    stage: str
    section: SweepUniform | SweepBayes
    limits: Mapping[str, TypeAdapter]

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


def convert(histories: Sequence[History], names: Mapping[str, str], study: Study) -> list[Trial]:
    """Convert runs to trials, numbered as their configurations say, or else in the given order.

    names: the export's name for each of the study's names; an empty one means that it was not logged.

    Raises:
        UserError: a line for each run that is broken or partial, with its place.
    """
    _require_names(histories, names)
    trials, problems = [], []
    for number, history in zip(_numbers(histories), histories, strict=True):
        try:
            trials.append(_convert_one(history, number, names, study))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return sorted(trials, key=lambda trial: trial.record.trial)


def _require_names(histories: Sequence[History], names: Mapping[str, str]) -> None:
    logged = {key for history in histories for _, row in history.rows for key in row}
    for ours in LOGGED:
        theirs, may_be_absent = names[ours], ours in TRAIN
        if theirs not in logged and not (may_be_absent and not theirs):
            remedy = f"say what it is called there: --name {ours}=THEIRS"
            remedy += f", or that it was not logged: --name {ours}=" if may_be_absent else ""
            raise UserError(f"{ours}: no run logged {theirs!r}, found {', '.join(sorted(logged))}; {remedy}")


def _numbers(histories: Sequence[History]) -> list[int]:
    given = [str(history.config.get("trial")) for history in histories]
    if all(text.isdecimal() and len(text) < 6 for text in given) and len(set(map(int, given))) == len(given):
        return [int(text) for text in given]
    return list(range(len(histories)))


def _convert_one(history: History, number: int, names: Mapping[str, str], study: Study) -> Trial:
    logged = _read_rows(history, names, study)
    losses = {step: (row.get(EVAL, 0.0), row.get("train/loss_nats", 0.0)) for step, row in logged.rows.items()}
    lost = [step for step, both in losses.items() if not all(map(math.isfinite, both))]
    last = min(lost, default=max(logged.rows))
    diverged = bool(lost) or not math.isfinite(logged.rows[last].get("train/grad_norm", 0.0))
    evals, curve = _evals(logged, last, diverged, study), _curve(logged, last)
    record = Record(
        identity=CONTEXT,
        proposal=_proposal(history, number, names, study),
        seed=_seed(history),
        state=_state(history, evals, last, diverged, study),
        steps=last,
        evals=tuple(evals),
        rungs=(),
    )
    return Trial(replace(record, rungs=_rungs(history, record, study)), curve)


def _read_rows(history: History, names: Mapping[str, str], study: Study) -> Logged:
    logged, limit = Logged(), study.section.steps
    for place, row in history.rows:
        found = {ours: row[names[ours]] for ours in LOGGED if names[ours] and row.get(names[ours]) is not None}
        step = found.pop("step", None)
        if not found:
            continue  # something else that the run logged
        step = _whole(place, names["step"], step)
        if not 0 <= step <= limit:
            expected = f"0 to {study.stage}.steps ({limit}); set it to the length of the sweep's runs"
            raise UserError(f"{place}: {names['step']}: found {step}, expected {expected}")
        kept = logged.rows.setdefault(step, {})
        logged.places.setdefault(step, place)
        for ours, value in found.items():
            number = _number(place, names[ours], value)
            if ours in kept and repr(kept[ours]) != repr(number):
                raise UserError(
                    f"{place}: {names[ours]}: found {number} at step {step}, which has {kept[ours]} already, expected one value;"
                    " remove one"
                )
            kept[ours] = number
    if not logged.steps(EVAL):
        raise UserError(f"{history.place}: found no {names[EVAL]}, expected one every {study.section.eval_every} steps; log it")
    return logged


def _evals(logged: Logged, last: int, diverged: bool, study: Study) -> list[EvalPoint]:
    """Give the evals up to the last step. None may be missing, except at step 0 and at a step that diverged."""
    every, key = study.section.eval_every, f"{study.stage}.eval_every"
    steps = [step for step in logged.steps(EVAL) if step <= last]
    for step in steps:
        if step % every:
            expected = f"a multiple of {key} ({every}); set it to that of the sweep"
            raise UserError(f"{logged.places[step]}: found an eval at step {step}, expected {expected}")
        if step and "lr" not in logged.rows[step]:
            raise UserError(f"{logged.places[step]}: found no learning rate with the eval at step {step}, expected one; log both")
    for step in range(every, last + 1 - diverged, every):
        if step not in steps:
            after = min(other for other in logged.rows if other >= step)
            why = "a part is missing, or these are samples: run.scan_history() gives all rows and run.history() does not"
            raise UserError(f"{logged.places[after]}: found no eval at step {step}, expected one every {every} steps; {why}")
    rows = {step: logged.rows[step] for step in steps}
    return [
        EvalPoint(step, row["lr"] if step else 0.0, row[EVAL] if math.isfinite(row[EVAL]) else None) for step, row in rows.items()
    ]


def _curve(logged: Logged, last: int) -> dict[str, np.ndarray]:
    """Give the curve up to the last step. Steps must have been logged at equal distances, except for the first."""
    steps = [step for step in logged.steps(*TRAIN) if 0 < step <= last]
    stride = min((b - a for a, b in pairwise(steps[1:])), default=last)
    for before, step in pairwise([0, *steps, last + 1]):
        even = step - before <= stride if before in (0, *steps[:1]) or step > last else step - before == stride
        if steps and not even:
            place = logged.places.get(step, logged.places[max(logged.places)])
            why = f"expected {' or '.join(TRAIN)} every {stride} steps; a part is missing: export it again"
            raise UserError(f"{place}: found nothing of training between steps {before} and {step}, {why}")
    curve = {column: np.full(last, np.nan) for column in STEP_COLUMNS}
    for step in range(1, last + 1):
        for column, name in STEP_NAMES.items():
            curve[column][step - 1] = logged.rows.get(step, {}).get(name, np.nan)
    return curve


def _state(history: History, evals: list[EvalPoint], last: int, diverged: bool, study: Study) -> str:
    """Say how the trial ended, as its curve shows; a state in the run's configuration must agree."""
    section, place = study.section, history.rows[-1][0]
    complete = evals[-1].step == section.steps and not diverged
    state = DIVERGED if diverged else COMPLETE if complete else PRUNED
    first = section.rungs[0] if isinstance(section, SweepBayes) else section.steps
    if state == PRUNED and last < first:
        stopped = f", or to be stopped from its first rung ({first}) on" if first < section.steps else ""
        expected = f"{study.stage}.steps ({section.steps}){stopped}; export it whole, or --leave-out {history.name}"
        raise UserError(f"{place}: the run ends at step {last}, expected {expected}")
    said = history.config.get("state")
    if said != state and said in (COMPLETE, PRUNED, DIVERGED):
        raise UserError(
            f"{place}: the run ends at step {last} as {state}, and its configuration says {said};"
            " a part is missing: export it again"
        )
    return state


def _proposal(history: History, number: int, names: Mapping[str, str], study: Study) -> Proposal:
    """Read the configuration of the trial; what it was proposed from is known for our own trials alone."""
    values = {}
    for name in study.varied:
        theirs = names[f"config.{name}"].removeprefix("config.")
        if theirs not in history.config:
            found = f"found {', '.join(sorted(history.config))}; say what it is called: --name config.{name}=THEIRS"
            raise UserError(f"{history.place}: config.{theirs}: not there, {found}")
        values[name] = _value(history, name, theirs, study)
    unknown = Proposal.known(number, values, "imported")
    return _logged_by_us(
        history, "proposal", lambda said: Proposal(number, values, **{**said, "seed": int(said["seed"])}), unknown
    )


def _value(history: History, name: str, theirs: str, study: Study) -> Value:
    """Read a value of the configuration: one of the choices, or a number that the trainer takes."""
    one, said, key = study.varied[name], history.config[theirs], f"{history.place}: config.{name}"
    if isinstance(one, Choice):
        for choice in one.choices:  # CSV has text alone
            if said == choice or str(said) == str(choice):
                return choice
        raise UserError(f"{key}: found {said!r:.60}, expected one of {', '.join(map(str, one.choices))}; correct it")
    value = (_whole if isinstance(one, Int) else _number)(history.place, f"config.{theirs}", said)
    try:
        study.limits[name].validate_python(value)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Input should be ")
        raise UserError(f"{key}: found {value}, expected {message}; correct it") from None
    if one != "auto" and one.is_log and value <= 0:
        raise UserError(f"{key}: found {value:g}, expected greater than 0: its logarithm is clustered; --leave-out it")
    return value


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
    except (TypeError, KeyError, ValueError):
        raise UserError(
            f"{history.place}: config.{key}: found {value!r:.60}, expected what lrsweep logs there, or nothing; remove it"
        ) from None


def _seed(history: History) -> int:
    """Read the seed that the run was trained with; 0 where there is none."""
    value = history.config.get("seed")
    seed = 0 if value is None else _whole(history.place, "config.seed", value)
    if not 0 <= seed < 2**63:
        raise UserError(f"{history.place}: config.seed: found {seed}, expected 0 to 2^63 - 1; correct it")
    return seed


def _number(place: str, key: str, value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)  # also text, since W&B writes NaN and Infinity so
    except (TypeError, ValueError):
        raise UserError(f"{place}: {key}: found {value!r:.60}, expected a number; correct it") from None


def _whole(place: str, key: str, value: Any) -> int:
    if isinstance(value, str) and value.isdecimal():
        return int(value)  # a seed has more digits than a float
    number = _number(place, key, value)
    if not number.is_integer():
        raise UserError(f"{place}: {key}: found {value!r:.60}, expected a whole number; correct it")
    return int(number)
