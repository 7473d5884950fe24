"""The curve of a training run, recorded while it trains."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED, EvalPoint, RungPoint

STEP_COLUMNS = ("lr", "loss_nats", "grad_norm")  # what is kept of every step


class Seen(Protocol):
    """What a training run yields: an eval, or, where it has a `grad_norm`, a step."""

    @property
    def step(self) -> int:
        """Number of updates."""

    @property
    def lr(self) -> float | None:
        """Learning rate of the step; None where the trainer does not say it."""

    @property
    def loss_nats(self) -> float | None:
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
                value = getattr(seen, name)
                curve.steps[name].append(math.nan if value is None else value)
        else:
            loss = seen.loss_nats
            curve.evals.append(EvalPoint(seen.step, seen.lr, loss if loss is not None and math.isfinite(loss) else None))
        if not seen.finite:
            curve.state = DIVERGED
            break
        if not hasattr(seen, "grad_norm") and (point := decide(curve, seen.step)):
            curve.rungs.append(point)
            if point.stopped:
                curve.state = PRUNED
                break
    return curve
