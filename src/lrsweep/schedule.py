"""The learning rate of each step."""

import math


def lr_at(step: int, max_lr: float, steps: int, warmup_steps: int, min_lr_ratio: float) -> float:
    """Learning rate of the update `step` = 1 … steps: linear from 0 to max_lr at warmup_steps, then cosine to the last step.

    The cosine is that of Loshchilov and Hutter (2017, arXiv 1608.03983, equation 5) without restarts; it ends at
    min_lr_ratio · max_lr.
    """
    if step <= warmup_steps:
        return max_lr * step / warmup_steps if warmup_steps else 0.0
    progress = (step - warmup_steps) / (steps - warmup_steps)
    min_lr = min_lr_ratio * max_lr
    return min_lr + 0.5 * (max_lr - min_lr) * (1.0 + math.cos(math.pi * progress))
