"""The curve of a training run: how it is recorded during training, and its metrics at each eval."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from lrsweep.search.metric import Components, components
from lrsweep.search.settings import Metric
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED, EvalPoint, Record, RungPoint

Row = dict[str, Any]

STEP_COLUMNS = ("lr", "loss_nats", "grad_norm")  # what is kept of every step


class Seen(Protocol):
    """What a training run yields: an eval, or, where it has a `grad_norm`, a step."""

    @property
    def step(self) -> int:
        """Number of updates."""

    @property
    def lr(self) -> float:
        """Learning rate of the step."""

    @property
    def loss_nats(self) -> float:
        """Loss."""

    @property
    def finite(self) -> bool:
        """Whether training can go on from here."""


@dataclass
class Curve:
    """What has been observed of a trial so far."""

    evals: list[EvalPoint] = field(default_factory=list)
    steps: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in STEP_COLUMNS})
    rungs: list[RungPoint] = field(default_factory=list)
    state: str = COMPLETE
    last_step: int = 0


Decide = Callable[[Curve, int], RungPoint | None]  # a comparison after the eval of a step, or None


def follow(observations: Iterable[Seen], curve: Curve, decide: Decide) -> Curve:
    """Consume a training run until it ends, diverges, or is stopped by `decide(curve, step)` after an eval."""
    for seen in observations:
        curve.last_step = seen.step
        if hasattr(seen, "grad_norm"):
            for name in STEP_COLUMNS:
                curve.steps[name].append(getattr(seen, name))
        else:
            curve.evals.append(EvalPoint(seen.step, seen.lr, seen.loss_nats if math.isfinite(seen.loss_nats) else None))
        if not seen.finite:
            curve.state = DIVERGED
            break
        if not hasattr(seen, "grad_norm") and (point := decide(curve, seen.step)):
            curve.rungs.append(point)
            if point.stopped:
                curve.state = PRUNED
                break
    return curve


def measure(evals: Iterable[EvalPoint], max_lr: float, section: Metric) -> list[tuple[EvalPoint, Components]]:
    """Give each eval with a finite loss, and its metrics."""
    points = [(point, point.loss_nats) for point in evals if point.loss_nats is not None]
    absent = [] if points and points[0][0].step == 0 else [(0.0, math.nan)]  # step 0, which many imported curves lack
    whole = [*absent, *((point.lr, loss) for point, loss in points)]
    rows = components([lr for lr, _ in whole], [loss for _, loss in whole], max_lr, section)
    return [(point, row) for (point, _), row in zip(points, rows[len(absent) :], strict=True)]


@cache
def values_by_step(record: Record, section: Metric) -> Mapping[int, float]:
    """Give the metric that the section names, by step, at each eval of the record where it is defined.

    It is cached, since for each trial a worker needs it of every record in sight.
    """
    values = {point.step: row.value(section.name) for point, row in measure(record.evals, record.proposal.lr, section)}
    return {step: value for step, value in values.items() if value is not None}


def eval_rows(record: Record, section: Metric) -> Iterator[Row]:
    """Give the record's rows of the table `evals`, one for each finite eval."""
    for point, row in measure(record.evals, record.proposal.lr, section):
        yield {"trial": record.trial, "step": point.step, "lr": point.lr, **row.__dict__}


def step_rows(curve: Mapping[str, Iterable[float]]) -> Iterator[Row]:
    """Give a row for each step, from step 1: its number and STEP_COLUMNS."""
    columns = [curve[name] for name in STEP_COLUMNS]
    for step, values in enumerate(zip(*columns, strict=True), start=1):
        yield {"step": step, **dict(zip(STEP_COLUMNS, map(float, values), strict=True))}
