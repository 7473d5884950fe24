"""Training as a generator of observations: what to log, when to stop and what to save is the consumer's business."""

import ctypes
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lrsweep.config import params
from lrsweep.seeding import derive_seed
from lrsweep.text.tokens import sample_batch
from lrsweep.trainers.builtin.model import Transformer, init_weights
from lrsweep.trainers.builtin.schedule import lr_at

MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # what AdamW keeps of each weight


class Step(NamedTuple):
    """One update: its number from 1, its LR, the loss in nats on its batch before it, and the gradient norm before clipping."""

    step: int
    lr: float
    loss_nats: float
    grad_norm: float

    @property
    def finite(self) -> bool:
        """Whether training can go on from here."""
        return math.isfinite(self.loss_nats) and math.isfinite(self.grad_norm)


class Eval(NamedTuple):
    """The loss in nats on the fixed validation batches after `step` updates, and the LR of that step (0 at step 0)."""

    step: int
    lr: float
    loss_nats: float

    @property
    def finite(self) -> bool:
        """Whether training can go on from here."""
        return math.isfinite(self.loss_nats)


@dataclass(frozen=True)
class Run:
    """What a training run is made of beside its state and its data."""

    optimizer: params.Optimizer
    budget: params.Budget
    max_lr: float
    seed: int
    context_length: int

    def lr(self, step: int) -> float:
        """The learning rate of a step."""
        return lr_at(step, self.max_lr, self.budget, self.optimizer.min_lr_ratio)


@dataclass
class State:
    """Weights, AdamW's moments and the number of steps done: with the Run and the data, all that the next step depends on."""

    model: Transformer
    optimizer: torch.optim.AdamW
    step: int
    precision: torch.dtype  # of the forward pass

    @property
    def device(self) -> torch.device:
        """Where weights and moments are."""
        return self.model.head.weight.device

    def move(self, device: str) -> "State":
        """Moves all of it to a device, in place."""
        torch.backends.cuda.enable_flash_sdp(device == "cpu")  # on a GPU its gradient is not deterministic
        self.model.to(device)
        for moments in self.optimizer.state.values():
            for key, moment in moments.items():
                moments[key] = moment.to(device)
        return self

    def autocast(self) -> torch.autocast:
        """The forward pass in the state's precision, gradients and weights in float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16)

    def tensors(self) -> dict[str, Tensor]:
        """The state as tensors, to be saved without pickle. They are the live ones: save them before the next step."""
        saved = {"step": torch.tensor(self.step)}
        for name, weight in self.model.named_parameters():
            saved[f"weight/{name}"] = weight.detach()
            saved |= {f"{key}/{name}": self.optimizer.state[weight][key] for key in MOMENTS}
        return saved

    @torch.no_grad()
    def load_tensors(self, saved: Mapping[str, Tensor]) -> None:
        """Takes over a saved state, by copy: the run goes on bit for bit."""
        self.step = int(saved["step"])
        for name, weight in self.model.named_parameters():
            weight.copy_(saved[f"weight/{name}"])
            for key in MOMENTS:
                self.optimizer.state[weight][key].copy_(saved[f"{key}/{name}"])


def use_one_thread() -> None:
    """One thread a trial: two were slower for a small model, and the number of threads would change bits.

    On a GPU cuBLAS asks for a fixed workspace, and of the kernels of attention only the plain one has a deterministic gradient.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_cudnn_sdp(False)
    _keep_freed_memory()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # finds reads of unset memory, at 1 % of the time; there are none


def _keep_freed_memory() -> None:
    """Has glibc keep what a step frees for the next one: given back, it costs 1 ms of 16 a step at the default scale.

    No result depends on it. Where the C library is another one nothing is changed.
    """
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # glibc's malloc.h
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, size in ((trim_threshold, 1 << 30), (top_pad, 1 << 26), (mmap_threshold, 1 << 25)):
            mallopt(option, size)


def start(model: params.Model, vocab_size: int, optimizer: params.Optimizer, hyper: params.Hyperparameters, seed: int) -> State:
    """A fresh model and AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101).

    All weights decay, embeddings and gains too, as in CS336; many recipes spare what has fewer than two dimensions.
    """
    network = Transformer(model, vocab_size)
    init_weights(network, seed)
    adamw = torch.optim.AdamW(
        network.parameters(),
        lr=0.0,  # set at every step
        betas=(optimizer.beta1, hyper.beta2),
        eps=optimizer.eps,
        weight_decay=hyper.weight_decay,
        fused=True,  # 0.5 ms a step faster than foreach at the default scale
    )
    for weight in network.parameters():
        # As AdamW would make them at its first step: a state can be saved and loaded before it too.
        moments = (torch.zeros_like(weight), torch.zeros_like(weight), torch.zeros(()))
        adamw.state[weight] = dict(zip(MOMENTS, moments, strict=True))
    return State(network, adamw, 0, getattr(torch, optimizer.precision))


def observe(
    state: State, run: Run, train_tokens: np.ndarray, valid_batches: tuple[np.ndarray, np.ndarray], until: int
) -> Iterator[Step | Eval]:
    """Trains from state.step to `until`; yields every step, and an eval at step 0 and at each multiple of eval_every.

    valid_batches are inputs and targets N x B x T. While an observation is held, the state is exactly that of its step, so a
    consumer may stop or save there. The run ends with the first observation that is not finite; its state is of no more use.
    """
    inputs_NBT, targets_NBT = (torch.from_numpy(array).to(state.device) for array in valid_batches)

    def measure() -> float:
        with state.autocast():
            return evaluate(state.model, inputs_NBT, targets_NBT)

    if state.step == 0:
        yield (first := Eval(0, run.lr(0), measure()))
        if not first.finite:
            return
    batch_seed = derive_seed(run.seed, "batches")
    while state.step < until:
        number = state.step + 1
        lr = run.lr(number)
        batch = sample_batch(train_tokens, batch_seed, number, run.optimizer.batch_size, run.context_length)
        inputs_BT, targets_BT = (torch.from_numpy(array).to(state.device) for array in batch)
        loss_nats, grad_norm = update(state, inputs_BT, targets_BT, lr, run.optimizer.grad_clip)
        yield (seen := Step(number, lr, loss_nats, grad_norm))
        if not seen.finite:
            return
        if number % run.budget.eval_every == 0:
            yield (measured := Eval(number, lr, measure()))
            if not measured.finite:
                return


def update(state: State, inputs_BT: Tensor, targets_BT: Tensor, lr: float, grad_clip: float) -> tuple[float, float]:
    """One step of AdamW; returns the loss before it, in nats, and the gradient norm before clipping."""
    state.optimizer.zero_grad(set_to_none=True)
    with state.autocast():
        loss = F.cross_entropy(state.model(inputs_BT).float().flatten(0, 1), targets_BT.flatten())
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), grad_clip)
    for group in state.optimizer.param_groups:
        group["lr"] = lr
    state.optimizer.step()
    state.step += 1
    return loss.item(), norm.item()


@torch.inference_mode()
def evaluate(model: Transformer, inputs_NBT: Tensor, targets_NBT: Tensor) -> float:
    """Mean loss in nats over the fixed batches.

    One at a time: together they fall out of the CPU's cache and take 1.6 times as long.
    """
    losses = [F.cross_entropy(model(x).float().flatten(0, 1), y.flatten()) for x, y in zip(inputs_NBT, targets_NBT, strict=True)]
    return torch.stack(losses).mean().item()
