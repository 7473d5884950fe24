"""Training as a generator of observations: the consumer decides what to keep, when to stop and what to save."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor

from lrsweep.seeding import derive_seed
from lrsweep.space import Budget
from lrsweep.text.batches import all_batches, sample_batch
from lrsweep.trainers.builtin import checkpoints
from lrsweep.trainers.builtin.model import Transformer, init_weights
from lrsweep.trainers.builtin.optimizers import Optimizers
from lrsweep.trainers.builtin.schedule import lr_at
from lrsweep.trainers.builtin.settings import Model, Optimizer
from lrsweep.trainers.trainer import Eval, Observation, Step


@dataclass(frozen=True)
class Data:
    """What all runs read: the size of the vocabulary, the training tokens, and inputs and targets N x B x T of the evals.

    test_tokens: only where runs are measured on them at their end; None keeps them from all others.
    """

    vocab_size: int
    train_tokens: np.ndarray
    valid_batches: tuple[np.ndarray, np.ndarray]
    test_tokens: np.ndarray | None


class Settings(NamedTuple):
    """What decides one run, beside the data."""

    model: Model
    optimizer: Optimizer
    budget: Budget
    max_lr: float
    seed: int


class Run:
    """One training run: weights, the optimizers' moments, the number of steps done, and all that the next step depends on.

    `identity` is a digest of what all runs of the trainer depend on. A state with another one, or of other settings, is refused.
    """

    def __init__(self, settings: Settings, data: Data, device: str, identity: str) -> None:
        self.settings, self.data = settings, data
        self.model = Transformer(settings.model, data.vocab_size)
        init_weights(self.model, settings.seed)
        self.model.to(device)
        self.optimizers = Optimizers(self.model, settings.optimizer)
        self.step = 0
        self.valid_batches = tuple(torch.from_numpy(array).to(device) for array in data.valid_batches)
        of_run = [part.model_dump() if isinstance(part, Model | Optimizer | Budget) else part for part in settings]
        self.identity = json.dumps([identity, *of_run])

    @property
    def device(self) -> torch.device:
        """The device of weights and moments."""
        return self.model.head.weight.device

    def observe(self, until: int) -> Iterator[Observation]:
        """Train on to the step `until`; yield every step, and an eval at step 0 and at each multiple of eval_every.

        While an observation is held, the state is exactly that of its step, so a consumer may stop or save there. The run ends
        with the first observation that is not finite, and its state is of no use then.
        """
        if self.step == 0:
            yield (first := Eval(0, self.lr(0), self._measure()))
            if not first.finite:
                return
        while self.step < until:
            number = self.step + 1
            lr = self.lr(number)
            loss_nats, grad_norm = self.update(*self.batch(number), lr)
            yield (seen := Step(number, lr, loss_nats, grad_norm))
            if not seen.finite:
                return
            if number % self.settings.budget.eval_every == 0:
                yield (measured := Eval(number, lr, self._measure()))
                if not measured.finite:
                    return

    @torch.inference_mode()
    def test_loss(self) -> float:
        """Give the mean loss over the whole test text, in nats per token."""
        tokens, total, count = self.data.test_tokens, 0.0, 0
        assert tokens is not None, "only runs that choose nothing are told of the test text"
        for arrays in all_batches(tokens, self.settings.optimizer.batch_size, self.settings.model.context_length):
            inputs_BT, targets_BT = (torch.from_numpy(array).to(self.device) for array in arrays)
            with self._autocast():
                logits_BTV = self.model(inputs_BT)
            total += F.cross_entropy(logits_BTV.float().flatten(0, 1), targets_BT.flatten(), reduction="sum").item()
            count += targets_BT.numel()
        return total / count

    def lr(self, step: int) -> float:
        """Give the learning rate of a step."""
        return lr_at(step, self.settings.max_lr, self.settings.optimizer, self.settings.budget)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Give the inputs and targets B x T of a step."""
        sizes = self.settings.optimizer.batch_size, self.settings.model.context_length
        arrays = sample_batch(self.data.train_tokens, derive_seed(self.settings.seed, "batches"), step, *sizes)
        inputs_BT, targets_BT = (torch.from_numpy(array).to(self.device) for array in arrays)
        return inputs_BT, targets_BT

    def update(self, inputs_BT: Tensor, targets_BT: Tensor, lr: float) -> tuple[float, float]:
        """Make one step; return the loss before it, in nats, and the gradient norm before clipping."""
        self.model.zero_grad(set_to_none=True)
        with self._autocast():
            loss = F.cross_entropy(self.model(inputs_BT).float().flatten(0, 1), targets_BT.flatten())
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.optimizer.grad_clip)
        self.optimizers.step(lr)
        self.step += 1
        return loss.item(), norm.item()

    def save(self, folder: Path) -> None:
        """Write the state into a folder, so that `load` goes on from it to the same bits.

        Raises:
            UserError: it cannot be written, as on a full disk.
        """
        checkpoints.write(folder, self.identity, self.tensors())

    def load(self, folder: Path) -> int:
        """Take over a saved state and return its step.

        Raises:
            UserError: there is none, it is damaged, or of another run; this run is as it was.
        """
        self.load_tensors(checkpoints.read(folder, self.identity))
        return self.step

    def tensors(self) -> dict[str, Tensor]:
        """Give the state as tensors. They are not copies: save them before the next step."""
        weights = {f"weight/{name}": weight.detach() for name, weight in self.model.named_parameters()}
        moments = {f"{key}/{name}": moment for name, kept in self.optimizers.moments.items() for key, moment in kept.items()}
        return {"step": torch.tensor(self.step), **weights, **moments}

    def weights(self) -> bytes:
        """Give the weights as the bytes of a safetensors file, under the names of the model."""
        return save(self.model.state_dict())

    @torch.no_grad()
    def load_tensors(self, saved: Mapping[str, Tensor]) -> None:
        """Take over a saved state, by copy."""
        for name, tensor in self.tensors().items():
            tensor.copy_(saved[name])
        self.step = int(saved["step"])

    def _autocast(self) -> torch.autocast:
        """Run the forward pass in the precision of the settings; gradients and weights stay float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.optimizer.precision == "bfloat16")

    def _measure(self) -> float:
        with self._autocast():
            return evaluate(self.model, *self.valid_batches)


@torch.inference_mode()
def evaluate(model: Transformer, inputs_NBT: Tensor, targets_NBT: Tensor) -> float:
    """Give the mean loss in nats over the fixed batches.

    Batches are measured one at a time: together they exceed the CPU's cache and take 1.6 times as long.
    """
    losses = [F.cross_entropy(model(x).float().flatten(0, 1), y.flatten()) for x, y in zip(inputs_NBT, targets_NBT, strict=True)]
    return torch.stack(losses).mean().item()
