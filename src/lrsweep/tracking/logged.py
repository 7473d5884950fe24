"""What a run logged, by step and by our names: overlaps of its pieces settled, and what is not finite told apart.

A value that is not finite is no divergence where training comes back: NaN may stand for `not logged`, and a step of mixed
precision may be skipped. A run has diverged where no finite loss follows.
"""

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lrsweep.errors import UserError
from lrsweep.logs.measurement import measurement
from lrsweep.tracking import counting, numbers
from lrsweep.tracking.counting import Base, Formula
from lrsweep.tracking.runs import STEP_NAMES
from lrsweep.tracking.sources import History

EVAL, LOSS, NORM = "eval/loss_nats", "train/loss_nats", "train/grad_norm"
TRAIN = tuple(name for name in STEP_NAMES.values() if name != "lr")  # of a training step; may be missing altogether
VALUES = ("lr", *TRAIN, EVAL)
LOGGED = ("step", *VALUES)  # the names that rows are read by, as our own tracking logs them

Overlap = Literal["refuse", "earlier", "later"]


@dataclass
class Logged:
    """The values of a run by step and by our names; the place of each value, and what was ignored, by name, as (step, value).

    settled: the first step that had two values; None where each has one.
    """

    rows: dict[int, dict[str, float]] = field(default_factory=dict)
    places: dict[tuple[int, str], str] = field(default_factory=dict)
    ignored: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    settled: int | None = None
    diverged: bool = False
    last: int = 0

    def steps(self, *names: str) -> list[int]:
        """Give the steps at which any of these names was logged, in order."""
        return sorted(step for step, row in self.rows.items() if any(name in row for name in names))

    def place(self, step: int) -> str:
        """Give the place of a value at a step."""
        return next(place for (at, _), place in self.places.items() if at == step)

    def drop(self, step: int, name: str) -> None:
        """Ignore a value."""
        self.ignored.setdefault(name, []).append((step, self.rows[step].pop(name)))


def values_of(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Give what a row logged, by our names."""
    return {ours: row[names[ours]] for ours in VALUES if names[ours] and numbers.given(row.get(names[ours]))}


@dataclass(frozen=True)
class Reading:
    """How the rows of a sweep are read: the export's names, its steps, the study's lengths, and which of two rows counts."""

    names: Mapping[str, str]
    formula: Formula
    stage: str
    every: int
    last: int
    overlap: Overlap
    base: Base = Base.UPDATES

    def indices(self, history: History) -> tuple[list[int], list[dict[str, Any]]]:
        """Give the index of each row of a run and what was logged there.

        Raises:
            UserError: as in counting.indices.
        """
        values = [values_of(row, self.names) for _, row in history.rows]
        steps = [row.get(self.formula.name) for _, row in history.rows]
        for found, step in zip(values, steps, strict=True):
            if (not numbers.given(step) or numbers.is_nan(step)) and all(map(numbers.is_nan, found.values())):
                found.clear()  # pandas gives NaN for all that a row did not log
        return counting.indices(history, self.formula, values, EVAL, self.every), values

    def read(self, history: History) -> Logged:
        """Read the rows of a run.

        Raises:
            UserError: a value is no number or lies outside of the study, or a step has two values of one name.
        """
        logged, (indices, values) = Logged(), self.indices(history)
        trained = {index for index, found in zip(indices, values, strict=True) if LOSS in found or NORM in found}
        dense = any(index + 1 in trained for index in trained)
        for (place, _), index, found in zip(history.rows, indices, values, strict=True):
            read = {ours: measurement(numbers.number(place, self.names[ours], value)) for ours, value in found.items()}
            if all(map(math.isnan, read.values())) and not 0 <= index <= self.last:
                continue
            if not 0 <= index <= self.last:
                remedy = "set it to the length of the sweep's runs, or say how much of it one step is"
                raise UserError(
                    f"{place}: {self.names['step']}: found {index}, expected 0 to {self.stage}.steps ({self.last}); {remedy}:"
                    f" --name {shlex.quote(f'step={self.formula.name}/N')}"
                )
            for ours, value in read.items():
                of_update = ours != EVAL and (dense or self.base is not Base.LOOP)
                step = counting.placed(index, self.base, trained=of_update, last=self.last)
                self._put(logged, place, step, ours, value)
        _settle(logged, self.every)
        return logged

    def _put(self, logged: Logged, place: str, step: int, ours: str, value: float) -> None:
        """Keep a value; where another is there, a finite one counts before NaN, and `overlap` says which of two finite ones."""
        row = logged.rows.setdefault(step, {})
        was = row.get(ours)
        if was is not None and not math.isnan(value) and not math.isnan(was) and was != value:
            if self.overlap == "refuse":
                first = logged.places[step, ours]
                raise UserError(
                    f"{place}: {self.names[ours]}: found {value} at step {step}, and {was} in {first}, expected one value; where"
                    " the run was resumed from an earlier step, say which counts: --overlap later, or --overlap earlier"
                )
            logged.settled = step if logged.settled is None else min(step, logged.settled)
            if self.overlap == "earlier":
                return
            for later in [other for other in logged.rows if other >= step]:  # the run went on from before this step
                for name in logged.rows.pop(later):
                    del logged.places[later, name]
            row = logged.rows.setdefault(step, {})
        if was is None or math.isnan(was) or not math.isnan(value):
            row[ours] = value
            logged.places[step, ours] = place


def _settle(logged: Logged, every: int) -> None:
    """Say whether and where the run has diverged, and ignore what is not finite before that."""
    rows = logged.rows
    alive = max((step for step, row in rows.items() if _is_alive(step, row, every)), default=-1)
    for step, row in rows.items():
        for name in [name for name, value in row.items() if not math.isfinite(value)]:
            off_grid = name == EVAL and step % every
            if name == "lr" or off_grid or (name != NORM and step <= alive):
                logged.drop(step, name)
    lost = [step for step, row in rows.items() if not all(math.isfinite(row.get(name, 0.0)) for name in (EVAL, LOSS))]
    final = max(logged.steps(*VALUES), default=0)
    broken = final == alive and _norm_broke(rows, final)
    for step, row in rows.items():
        if not math.isfinite(row.get(NORM, 0.0)) and step < min(lost, default=final + (not broken)):
            logged.drop(step, NORM)
    logged.diverged, logged.last = bool(lost) or broken, min(lost, default=final)


def _is_alive(step: int, row: Mapping[str, float], every: int) -> bool:
    """Say whether a step shows that training goes on: a finite eval, or a finite loss without an eval that is not finite."""
    if EVAL in row and (math.isfinite(row[EVAL]) or step % every == 0):
        return math.isfinite(row[EVAL])
    return math.isfinite(row.get(LOSS, math.nan))


def _norm_broke(rows: Mapping[int, Mapping[str, float]], final: int) -> bool:
    """Say whether a run ends with a norm that is not finite, where norms were logged with all losses and no eval follows."""
    row, trained = rows.get(final, {}), [one for one in rows.values() if LOSS in one]
    return (
        EVAL not in row
        and not math.isfinite(row.get(NORM, 0.0))
        and sum(not math.isnan(one.get(NORM, math.nan)) for one in trained) >= len(trained) - 1
    )
