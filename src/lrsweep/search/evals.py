"""The evals of a curve with every metric at each, and the rows of a curve in the tables."""

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from lrsweep.search.curve import STEP_COLUMNS
from lrsweep.search.metric import Components, components
from lrsweep.search.settings import Metric
from lrsweep.search.trial import EvalPoint, Record

Row = dict[str, Any]

LARGEST = 1e100  # of a value, either way, as a model is told it: its square is a float


def measure(evals: Iterable[EvalPoint], max_lr: float, section: Metric) -> list[tuple[EvalPoint, Components]]:
    """Give each eval with a finite loss, and its metrics."""
    points = [(point, point.loss_nats) for point in evals if point.loss_nats is not None]
    starts = bool(points) and points[0][0].step == 0  # many curves that were not trained here lack it
    absent: list[tuple[float | None, float]] = [] if starts else [(0.0, math.nan)]
    whole = [*absent, *((point.lr, loss) for point, loss in points)]
    rows = components([math.nan if lr is None else lr for lr, _ in whole], [loss for _, loss in whole], max_lr, section)
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
