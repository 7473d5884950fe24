"""Made-up curves in place of training, for tests of scale: fast, deterministic, and never a result. Imports no torch."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.seeding import derive_seed, generator
from lrsweep.space import Budget, Value, Values
from lrsweep.trainers.trainer import Eval, Observation, Step

START_NATS, FLOOR_NATS = 6.0, 2.0
BEST_LR, DIVERGING_LR = 0.02, 0.2
NOISE_NATS = 0.02
NAME = "state.json"


@dataclass(frozen=True)
class Simulated:
    """A trainer that makes curves up. It stands in for a trainer that takes `names`."""

    names: Mapping[str, TypeAdapter]

    def start(self, values: Values, seed: int, budget: Budget) -> "SimulatedRun":
        """Make a fresh run of a configuration."""
        return SimulatedRun(values, seed, budget)


class SimulatedRun:
    """A run whose loss falls from START_NATS as a power of the steps towards a floor, which depends on the configuration.

    The floor rises with the square of the distance of log LR to log BEST_LR, and a little with each other value. Above
    DIVERGING_LR the loss is not finite from half way on. The LR rises linearly over the warm-up and falls linearly to a tenth.
    """

    def __init__(self, values: Values, seed: int, budget: Budget) -> None:
        self.seed, self.budget, self.step = seed, budget, 0
        self.max_lr = float(values["lr"])
        others = math.fsum(penalty_nats(name, value) for name, value in values.items() if name != "lr")
        self.floor_nats = FLOOR_NATS + 0.3 * math.log10(self.max_lr / BEST_LR) ** 2 + others

    def observe(self, until: int) -> Iterator[Observation]:
        """Yield steps and evals up to `until`, as `trainer.Run` says."""
        steps, eval_every = self.budget.steps, self.budget.eval_every
        noises = generator(self.seed, "simulation").normal(0.0, NOISE_NATS, size=(steps + 1, 2)).tolist()
        breaks_at = steps / 2 if self.max_lr > DIVERGING_LR else math.inf
        for step in range(self.step + (self.step > 0), until + 1):
            self.step, lr, (step_noise, eval_noise) = step, self._lr(step), noises[step]
            share = (1.0 + 20.0 * step / steps) ** -0.7
            loss_nats = math.nan if step >= breaks_at else self.floor_nats + (START_NATS - self.floor_nats) * share
            if step:
                yield Step(step, lr, loss_nats + step_noise, 0.5 + lr)
            if step < breaks_at and step % eval_every == 0:
                yield Eval(step, lr, loss_nats + eval_noise)
            if step >= breaks_at:
                return

    def save(self, folder: Path) -> None:
        """Write the number of steps done.

        Raises:
            UserError: it cannot be written, as on a full disk.
        """
        files.write_text(folder / NAME, json.dumps({"step": self.step}))

    def load(self, folder: Path) -> int:
        """Take over a number of steps and return it.

        Raises:
            UserError: there is none, or it is damaged.
        """
        try:
            self.step = int(json.loads((folder / NAME).read_text())["step"])
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(f"{folder / NAME}: damaged ({error}), expected a step; go on from an earlier one") from None
        return self.step

    def _lr(self, step: int) -> float:
        if step <= self.budget.warmup_steps:
            return self.max_lr * step / max(self.budget.warmup_steps, 1)
        return self.max_lr * (1.0 - 0.9 * (step - self.budget.warmup_steps) / (self.budget.steps - self.budget.warmup_steps))


def penalty_nats(name: str, value: Value) -> float:
    """Give what a value adds to the floor, at least 0.

    A number adds the square of its distance, in decades, to a centre that its name decides. A word adds a number that it and its
    name decide.
    """
    if isinstance(value, str):
        return 0.1 * _share(f"{name}={value}")
    centre = 4.0 * _share(name) - 3.0  # decades: from 0.001 to 10
    return 0.02 * (math.log10(max(abs(value), 1e-6)) - centre) ** 2


@cache
def _share(text: str) -> float:
    """Give a number from 0 to 1 that depends on the text alone."""
    return derive_seed(0, f"simulation/{text}") / 2**63
