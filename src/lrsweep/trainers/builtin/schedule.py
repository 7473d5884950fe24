"""The learning rate of each step. Imports neither torch nor numpy, so that figures and the report can use it."""

import math

from lrsweep.config import params


def lr_at(step: int, max_lr: float, budget: params.Budget, min_lr_ratio: float) -> float:
    """Learning rate of update `step` = 1 … budget.steps; 0 at step 0, before the first.

    Linear to max_lr, reached at budget.warmup_steps (0 for none), then the cosine of Loshchilov and Hutter (2017,
    arXiv 1608.03983, equation 5) without restarts, which reaches min_lr_ratio · max_lr at the last step.

    >>> budget = params.Budget(steps=12, warmup_steps=4, eval_every=4)
    >>> [round(lr_at(step, 1.0, budget, 0.1), 6) for step in (0, 1, 4, 8, 12)]
    [0.0, 0.25, 1.0, 0.55, 0.1]
    """
    assert 0 <= step <= budget.steps, f"step {step} lies outside a budget of {budget.steps}"
    if step == 0:
        return 0.0
    if step <= budget.warmup_steps:
        return max_lr * (step / budget.warmup_steps)  # in this order the peak is max_lr to the bit
    progress = (step - budget.warmup_steps) / (budget.steps - budget.warmup_steps)
    min_lr = min_lr_ratio * max_lr
    return min_lr + 0.5 * (max_lr - min_lr) * (1.0 + math.cos(math.pi * progress))
