"""The edge measured: how far along the next update the loss falls, and the curvature that this update meets.

Both are taken at a state before it is updated, on the batch of that update: the one that training makes next.

The critical LR is the least at which the loss on that batch is not below what it is without the update: a line search along
AdamW's next direction, momentum and weight decay included (Kalra et al. 2026, arXiv 2601.16979, definition 2.1; their sharpness
is 2 / critical LR). It costs forward passes alone.

The eigenvalue is the greatest of c P^(-1/2) H P^(-1/2), by Lanczos with Hessian-vector products: H is the Hessian of the loss
on that batch, P = (1 - beta1^t) (sqrt(v_t / (1 - beta2^t)) + eps) AdamW's preconditioner at update t, and c the share of the
gradient that clipping leaves, taken as a constant. On a quadratic full-batch Adam is unstable where it exceeds
(2 + 2 beta1) / ((1 - beta1) lr), 38 / lr for beta1 0.9, and networks train near that value (Cohen et al. 2022, arXiv 2207.14484).
Decoupled weight decay lowers the threshold by the weight decay itself, which is left out: it is smaller by orders of magnitude.
The Hessian of one batch is sharper than that of all data.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lrsweep.trainers.builtin.layers import twice_differentiable
from lrsweep.trainers.builtin.model import Transformer
from lrsweep.trainers.builtin.settings import Sharpness, measures
from lrsweep.trainers.builtin.training import Run


class Update(NamedTuple):
    """AdamW's next update, per unit of LR, and what it is made of; flat vectors over all weights."""

    direction: Tensor
    preconditioner: Tensor
    loss_nats: float
    grad_norm: float
    clip: float


class Bracket(NamedTuple):
    """Two LRs: at the lower one the loss falls, at the upper one it does not. None where the search reached no such LR."""

    low: float | None
    high: float | None

    @property
    def middle(self) -> float | None:
        """The critical LR, as far as it is known."""
        return None if self.low is None or self.high is None else (self.low + self.high) / 2


class Eigenvalue(NamedTuple):
    """The greatest eigenvalue, a bound on its error (both None where a product is not finite), and the number of products."""

    value: float | None
    error: float | None
    products: int


def next_update(run: Run, inputs_BT: Tensor, targets_BT: Tensor) -> Update:
    """Give the update that AdamW would make on this batch, and leave the run as it is."""
    assert measures(run.settings.optimizer.optimizer), "the preconditioner is AdamW's"
    section, weights = run.settings.optimizer, list(run.model.parameters())
    loss = F.cross_entropy(run.model(inputs_BT).flatten(0, 1), targets_BT.flatten())
    gradient = _flat(torch.autograd.grad(loss, weights))
    norm = float(gradient.norm())
    clip = min(1.0, section.grad_clip / (norm + 1e-6))  # as clip_grad_norm_ does
    beta1, beta2, number = section.beta1, section.beta2, run.step + 1
    moments = run.optimizers.moments.values()
    first, second = (_flat(kept[name] for kept in moments) for name in ("exp_avg", "exp_avg_sq"))
    first, second = first.lerp(clip * gradient, 1 - beta1), second.lerp((clip * gradient) ** 2, 1 - beta2)
    ratios = run.optimizers.width_ratios  # of muP, by which the LR of a weight is lower
    preconditioner = (1 - beta1**number) * ((second / (1 - beta2**number)).sqrt() + section.eps)
    preconditioner *= _flat(torch.full_like(weight, ratios[name]) for name, weight in run.model.named_parameters())
    direction = first / preconditioner + section.weight_decay * _flat(weight.detach() for weight in weights)
    return Update(direction, preconditioner, loss.item(), norm, clip)


def critical_lr(loss_at: Callable[[float], float], start: float, section: Sharpness) -> Bracket:
    """Find the least LR at which the loss is not below loss_at(0): double or halve from `start`, then bisect.

    The ends differ by at most line_tolerance of the upper one. A loss that is not finite does not fall.
    """
    before = loss_at(0.0)

    def falls(lr: float) -> bool:
        return loss_at(lr) < before

    factor = 2.0 if falls(start) else 0.5
    for power in range(1, section.line_doublings + 1):
        if falls(start * factor**power) != (factor > 1):
            break
    else:
        end = start * factor**section.line_doublings
        return Bracket(end, None) if factor > 1 else Bracket(None, end)
    low, high = sorted((start * factor**power, start * factor ** (power - 1)))
    while 1 - low / high > section.line_tolerance:
        middle = (low + high) / 2
        low, high = (middle, high) if falls(middle) else (low, middle)
    return Bracket(low, high)


@torch.no_grad()
def loss_along(model: Transformer, direction: Tensor, inputs_BT: Tensor, targets_BT: Tensor) -> Callable[[float], float]:
    """Give the loss on the batch as a function of lr, at the weights minus lr times the direction."""
    start = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    parts = dict(zip(start, _like(direction, list(start.values())), strict=True))

    @torch.no_grad()
    def loss_at(lr: float) -> float:
        moved = {name: weight - lr * parts[name] for name, weight in start.items()}
        logits_BTV = torch.func.functional_call(model, moved, (inputs_BT,))
        return F.cross_entropy(logits_BTV.flatten(0, 1), targets_BT.flatten()).item()

    return loss_at


def preconditioned_hessian(
    model: Transformer, update: Update, inputs_BT: Tensor, targets_BT: Tensor
) -> Callable[[Tensor], Tensor]:
    """Give the product of c P^(-1/2) H P^(-1/2) with a vector; the graph of the gradient is made once."""
    weights, root = list(model.parameters()), update.preconditioner.rsqrt()
    with twice_differentiable():
        loss = F.cross_entropy(model(inputs_BT).flatten(0, 1), targets_BT.flatten())
        gradient = torch.autograd.grad(loss, weights, create_graph=True)

    def product(vector: Tensor) -> Tensor:
        parts = _like(root * vector, weights)
        return update.clip * root * _flat(torch.autograd.grad(gradient, weights, parts, retain_graph=True))

    return product


def greatest_eigenvalue(product: Callable[[Tensor], Tensor], start: Tensor, section: Sharpness) -> Eigenvalue:
    """Find the greatest eigenvalue by Lanczos (1950) with full reorthogonalization, until its error is within lanczos_tolerance.

    The error is that of Ritz values: a true eigenvalue lies within beta_k |s_k| of the value (Paige 1972). `start` must not be 0.
    """
    basis, diagonal, beside = [start / start.norm()], [], []
    while True:
        image = product(basis[-1])
        diagonal.append(float(image @ basis[-1]))
        for _ in range(2):  # one pass leaves the rounding errors of float32
            for vector in basis:
                image = image - (image @ vector) * vector
        beside.append(float(image.norm()))
        if not np.isfinite([diagonal[-1], beside[-1]]).all():
            return Eigenvalue(None, None, len(diagonal))
        values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1))
        value, error = float(values[-1]), beside[-1] * abs(float(vectors[-1, -1]))
        done = error <= section.lanczos_tolerance * abs(value) or len(diagonal) in (section.lanczos_products, len(start))
        if done:
            return Eigenvalue(value, error, len(diagonal))
        basis.append(image / beside[-1])


def threshold(beta1: float, lr: float) -> float:
    """Give the curvature from which full-batch Adam is unstable: (2 + 2 beta1) / ((1 - beta1) lr) (Cohen et al. 2022).

    >>> round(threshold(0.9, 1.0), 9)
    38.0
    """
    return (2 + 2 * beta1) / ((1 - beta1) * lr)


def _flat(tensors) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


def _like(vector: Tensor, weights: Sequence[Tensor]) -> list[Tensor]:
    parts = vector.split([weight.numel() for weight in weights])
    return [part.view_as(weight) for part, weight in zip(parts, weights, strict=True)]
