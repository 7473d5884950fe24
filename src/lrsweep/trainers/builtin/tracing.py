"""Tracing: a run trained again while the norms of its weights are measured, and trained differently from a state on the way.

Measuring changes no bit of the training: norms are taken from what each step leaves behind.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lrsweep.trainers.builtin.optimizers import Optimizers
from lrsweep.trainers.builtin.training import Run
from lrsweep.trainers.trainer import Step

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Norms:
    """The norms of one weight at one step: of its gradient before clipping, and of its update.

    layer: number of the block; None outside the blocks. order: place of the weight in back-propagation, 0 next to the loss.
    """

    step: int
    group: str
    layer: int | None
    order: int
    gradient: float
    update: float


@dataclass(frozen=True)
class Change:
    """How a training differs from the recorded one, from a state on.

    lr_factor: what each LR is multiplied with. memory: what the half-life of AdamW's second moment is multiplied with.
    precise: float64 where the run is in float32, float32 where it is in bfloat16. In float64 the rotation of queries and keys and
    the loss stay in float32, which are rounded once a step and not summed. batches: how many batches past its own a step takes
    its batch from; as many as the run has steps give one that the run never sees.
    """

    lr_factor: float
    memory: float
    precise: bool
    batches: int


RECORDED = Change(lr_factor=1.0, memory=1.0, precise=False, batches=0)


class Changed(Run):
    """A run that goes on from a state of another one, with a change."""

    def __init__(self, run: Run, state: State, change: Change) -> None:
        self.change, was = change, run.settings.optimizer
        to_float32 = change.precise and was.precision == "bfloat16"
        precision = "float32" if to_float32 else was.precision
        section = was.model_copy(update={"beta2": was.beta2 ** (1 / change.memory), "precision": precision})
        super().__init__(run.settings._replace(optimizer=section), run.data, str(run.device), run.identity)
        if change.precise and not to_float32:
            self.model.double()
            self.optimizers = Optimizers(self.model, section)
        self.load_tensors(state)
        if self.step and change.memory != 1:  # what AdamW estimates at this state stays as it was
            for kept in self.optimizers.moments.values():
                if "exp_avg_sq" in kept:
                    kept["exp_avg_sq"] *= (1 - section.beta2**self.step) / (1 - was.beta2**self.step)

    def lr(self, step: int) -> float:
        """Give the learning rate of a step."""
        return self.change.lr_factor * super().lr(step)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Give the inputs and targets B x T of a step."""
        return super().batch(step + self.change.batches)


def state_of(run: Run) -> State:
    """Give a copy of the state, from which changed runs start."""
    return {name: tensor.clone() for name, tensor in run.tensors().items()}


def advance(run: Run, until: int) -> Iterator[Step]:
    """Train on to the step `until`, without evals, which change no bit; end with the first step that is not finite."""
    while run.step < until:
        number = run.step + 1
        lr = run.lr(number)
        yield (seen := Step(number, lr, *run.update(*run.batch(number), lr)))
        if not seen.finite:
            return


def trace(run: Run, until: int) -> Iterator[tuple[Step, list[Norms]]]:
    """Train on as `advance` does, and measure the norms of every weight at each step."""
    weights, order = dict(run.model.named_parameters()), list[str]()
    hooks = [
        weight.register_post_accumulate_grad_hook(lambda _, name=name: order.append(name)) for name, weight in weights.items()
    ]
    try:
        before = _copies(weights)
        for seen in advance(run, until):
            assert seen.grad_norm is not None
            clip = min(1.0, run.settings.optimizer.grad_clip / (seen.grad_norm + 1e-6))  # as clip_grad_norm_ has it
            yield seen, [_norms(seen.step, name, place, weights[name], before[name], clip) for place, name in enumerate(order)]
            before = _copies(weights)
            order.clear()
    finally:
        for hook in hooks:
            hook.remove()


def _copies(weights: State) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in weights.items()}


@torch.no_grad()
def _norms(step: int, name: str, place: int, weight: Tensor, before: Tensor, clip: float) -> Norms:
    assert weight.grad is not None, "it is kept until the next step"
    parts = name.removesuffix(".weight").split(".")
    layer, parts = (int(parts[1]), parts[2:]) if parts[0] == "blocks" else (None, parts)
    gradient = weight.grad.norm().item() / clip if clip else torch.inf
    return Norms(step, ".".join(parts), layer, place, gradient, (weight - before).norm().item())


@torch.no_grad()
def losses(run: Run, step: int) -> list[float]:
    """Give the mean loss in nats of each sequence of a step's batch, at the weights as they are, in their own precision."""
    inputs_BT, targets_BT = run.batch(step)
    return F.cross_entropy(run.model(inputs_BT).transpose(1, 2), targets_BT, reduction="none").mean(1).tolist()
