"""The built-in trainer: it starts runs of a small transformer."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from lrsweep.space import Budget, Values
from lrsweep.trainers.builtin.process import use_one_thread
from lrsweep.trainers.builtin.settings import NAMES, Model, Optimizer, override
from lrsweep.trainers.builtin.training import Data, Run, Settings


@dataclass(frozen=True)
class Builtin:
    """A trainer of the built-in model. Its constructor sets the process up for training on `device`, cpu or cuda.

    `model` and `optimizer` hold what a configuration does not set. `identity` is a digest of what all runs depend on, data and
    code included; checkpoints with another one are refused.
    """

    model: Model
    optimizer: Optimizer
    data: Data
    device: str
    identity: str

    def __post_init__(self) -> None:
        use_one_thread(self.device)

    @property
    def names(self) -> Mapping[str, TypeAdapter]:
        """What a configuration may set, each with the type and the limits of its values."""
        return NAMES

    def start(self, values: Values, seed: int, budget: Budget) -> Run:
        """Make a fresh run: these values over the trainer's own, a seed for weights and batches, and a length."""
        optimizer, model, budget = override(values, self.optimizer, self.model, budget)
        return Run(Settings(model, optimizer, budget, float(values["lr"]), seed), self.data, self.device, self.identity)
