"""Training as a generator of observations: what to log, when to stop and what to save is the consumer's business."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lrsweep import params
from lrsweep.model import Transformer, init_weights
from lrsweep.schedule import lr_at
from lrsweep.seeding import derive_seed
from lrsweep.tokens import sample_batch


class Step(NamedTuple):
    """One update: its number from 1, its LR, the loss in nats on its batch, and the gradient norm before clipping."""

    step: int
    lr: float
    loss_nats: float
    grad_norm: float

    @property
    def finite(self) -> bool:
        return math.isfinite(self.loss_nats) and math.isfinite(self.grad_norm)


class Eval(NamedTuple):
    """The loss in nats on the fixed validation batches after `step` updates, and the LR of that step."""

    step: int
    lr: float
    loss_nats: float

    @property
    def finite(self) -> bool:
        return math.isfinite(self.loss_nats)


@dataclass(frozen=True)
class Run:
    """What a training run is made of beside its state and its data."""

    optimizer: params.Optimizer
    budget: params.Budget
    max_lr: float
    seed: int
    context_length: int


@dataclass
class State:
    """Weights, optimizer moments and the number of steps done: all that the next step depends on."""

    model: Transformer
    optimizer: torch.optim.AdamW
    step: int

    def tensors(self) -> dict[str, Tensor]:
        """The state as tensors, to be saved without pickle."""
        saved = {"step": torch.tensor(self.step)}
        for name, weight in self.model.named_parameters():
            moments = self.optimizer.state[weight]
            saved[f"weight/{name}"] = weight.detach()
            for key in ("exp_avg", "exp_avg_sq", "step"):
                saved[f"{key}/{name}"] = moments[key]
        return saved

    def load_tensors(self, saved: dict[str, Tensor]) -> None:
        """Takes over a saved state: the run goes on bit for bit."""
        self.step = int(saved["step"])
        with torch.no_grad():
            for name, weight in self.model.named_parameters():
                weight.copy_(saved[f"weight/{name}"])
                self.optimizer.state[weight] = {key: saved[f"{key}/{name}"].clone() for key in ("exp_avg", "exp_avg_sq", "step")}


def use_one_thread() -> None:
    """One thread a trial: two were slower for a small model, and the number of threads would change bits."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def start(model: params.Model, vocab_size: int, optimizer: params.Optimizer, hyper: params.Hyperparameters, seed: int) -> State:
    """A fresh model and AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101); all weights decay, as in CS336."""
    network = Transformer(model, vocab_size)
    init_weights(network, seed)
    adamw = torch.optim.AdamW(
        network.parameters(),
        lr=0.0,
        betas=(optimizer.beta1, hyper.beta2),
        eps=optimizer.eps,
        weight_decay=hyper.weight_decay,
        fused=True,
    )
    return State(network, adamw, 0)


def observe(
    state: State, run: Run, train_tokens: np.ndarray, valid_batches: tuple[np.ndarray, np.ndarray], until: int
) -> Iterator[Step | Eval]:
    """Trains from state.step to `until` and yields every step, and an eval at step 0 and at each multiple of eval_every.

    After an eval is yielded the state is that of its step. The run ends with the first observation that is not finite.
    """
    inputs, targets = (torch.from_numpy(array) for array in valid_batches)
    if state.step == 0:
        yield Eval(0, 0.0, evaluate(state.model, inputs, targets))
    data_seed = derive_seed(run.seed, "batches")
    while state.step < until:
        number = state.step + 1
        lr = lr_at(number, run.max_lr, run.budget.steps, run.budget.warmup_steps, run.optimizer.min_lr_ratio)
        batch = sample_batch(train_tokens, data_seed, number, run.optimizer.batch_size, run.context_length)
        loss, norm = update(state, *map(torch.from_numpy, batch), lr, run.optimizer.grad_clip)
        seen = Step(number, lr, loss, norm)
        yield seen
        if not seen.finite:
            return
        if number % run.budget.eval_every == 0:
            measured = Eval(number, lr, evaluate(state.model, inputs, targets))
            yield measured
            if not measured.finite:
                return


def update(state: State, inputs_BT: Tensor, targets_BT: Tensor, lr: float, grad_clip: float) -> tuple[float, float]:
    """One step of AdamW; returns the loss before it, in nats, and the gradient norm before clipping."""
    state.optimizer.zero_grad(set_to_none=True)
    loss = F.cross_entropy(state.model(inputs_BT).flatten(0, 1), targets_BT.flatten())
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), grad_clip)
    for group in state.optimizer.param_groups:
        group["lr"] = lr
    state.optimizer.step()
    state.step += 1
    return loss.item(), norm.item()


@torch.no_grad()
def evaluate(model: Transformer, inputs_NBT: Tensor, targets_NBT: Tensor) -> float:
    """Mean loss in nats over the fixed batches."""
    losses = [F.cross_entropy(model(x).flatten(0, 1), y.flatten()) for x, y in zip(inputs_NBT, targets_NBT, strict=True)]
    return torch.stack(losses).mean().item()
