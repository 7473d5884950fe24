"""The learning rate of each step. Imports neither torch nor numpy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrsweep.space import Budget
    from lrsweep.trainers.builtin.settings import Optimizer


def lr_at(step: int, max_lr: float, optimizer: Optimizer, budget: Budget) -> float:
    """Give the learning rate of update `step` = 1 … budget.steps; 0 at step 0, before the first.

    It rises linearly to max_lr, reached at budget.warmup_steps (0 for none). From there it is min_lr + (max_lr - min_lr) · f,
    where f falls from 1 to 0 at the last step in the shape that optimizer.schedule names, and min_lr = min_lr_ratio · max_lr.
    """
    assert 0 <= step <= budget.steps, f"step {step} lies outside a budget of {budget.steps}"
    if step == 0:
        return 0.0
    if step <= budget.warmup_steps:
        return max_lr * (step / budget.warmup_steps)  # in this order the peak is max_lr to the bit
    min_lr = optimizer.min_lr_ratio * max_lr
    return min_lr + (max_lr - min_lr) * SHAPES[optimizer.schedule](step, optimizer, budget)


def _cosine(step: int, _: Optimizer, budget: Budget) -> float:
    """Give (1 + cos(π x)) / 2 at the share x of the steps after warm-up (Loshchilov and Hutter 2017, arXiv 1608.03983)."""

    return 0.5 * (1.0 + math.cos(math.pi * _progress(step, budget)))


def _linear(step: int, _: Optimizer, budget: Budget) -> float:
    """Give 1 - x at the share x of the steps after warm-up."""
    return 1.0 - _progress(step, budget)


def _wsd(step: int, optimizer: Optimizer, budget: Budget) -> float:
    """Give 1 up to the last N_d of N steps, then 1 - sqrt((n - (N - N_d)) / N_d) (Hägele et al. 2024, arXiv 2405.18392).

    N_d is decay_share · N, or all steps after warm-up where these are fewer.
    """
    decay_steps = min(optimizer.decay_share * budget.steps, budget.steps - budget.warmup_steps)
    return 1.0 - math.sqrt(max(0.0, 1.0 - (budget.steps - step) / decay_steps))


SHAPES: Mapping[str, Callable[[int, Optimizer, Budget], float]] = {"cosine": _cosine, "linear": _linear, "wsd": _wsd}


def _progress(step: int, budget: Budget) -> float:
    return (step - budget.warmup_steps) / (budget.steps - budget.warmup_steps)
