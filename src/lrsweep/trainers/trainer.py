"""What a trainer is: the seam between a study and whatever trains its trials.

A trainer starts runs. A run is a generator of observations: the consumer decides what is kept, when it stops and when its state
is saved. What only some trainers can do (curvature, weights) is a capability of its own, and the page says where it is missing.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from pydantic import TypeAdapter

from lrsweep.errors import UserError
from lrsweep.space import Budget, Values


class RunFailed(UserError):
    """A run that a person must mend; whoever trains it adds which trial it is."""


class Step(NamedTuple):
    """One update: its number from 1, its LR, the loss in nats on its batch before it, and the gradient norm before clipping.

    None is what a trainer does not say, and so never calm.
    """

    step: int
    lr: float | None
    loss_nats: float | None
    grad_norm: float | None

    @property
    def finite(self) -> bool:
        """Whether training can go on from here."""
        return all(value is None or math.isfinite(value) for value in (self.loss_nats, self.grad_norm))


class Eval(NamedTuple):
    """The validation loss in nats after `step` updates, and the LR of that step (0 at step 0); None where it is not known."""

    step: int
    lr: float | None
    loss_nats: float

    @property
    def finite(self) -> bool:
        """Whether training can go on from here."""
        return math.isfinite(self.loss_nats)


Observation = Step | Eval


class Run(Protocol):
    """One training run."""

    def observe(self, until: int) -> Iterator[Observation]:
        """Train on to the step `until`; yield every step, and an eval at step 0 and at each multiple of eval_every.

        While an observation is held, the state is exactly that of its step, so a consumer may stop or save there. The run ends
        with the first observation that is not finite. It is a generator: closing it ends the run.
        """

    def save(self, folder: Path) -> None:
        """Write the state into a new folder, so that `load` goes on from it to the same bits.

        Where a step has an eval, save after it: a loaded run goes on with the next step.
        """

    def load(self, folder: Path) -> int:
        """Take over a saved state and return its step.

        Raises:
            UserError: the state is damaged, or of another run. This run is then unchanged.
        """


class Trainer(Protocol):
    """What trains the trials of a study. Its parameters are fixed; a trial gives values for some of its names."""

    @property
    def names(self) -> Mapping[str, TypeAdapter]:
        """What a configuration may set, each with the type and the limits of its values."""

    def start(self, values: Values, seed: int, budget: Budget) -> Run:
        """Make a fresh run: these values over the trainer's own, a seed for weights and batches, and a length."""


@runtime_checkable
class HasTest(Protocol):
    """The capability of a run to measure itself on a text that nothing else has seen."""

    def test_loss(self) -> float:
        """Give the mean loss over the whole test text, in nats per token."""


@runtime_checkable
class HasWeights(Protocol):
    """The capability of a run to hand out its weights."""

    def weights(self) -> bytes:
        """Give the weights as a safetensors file holds them."""
