"""Measurements of other tools: losses, gradient norms and learning rates as numbers that can be worked with."""

import math

LARGEST = 1e75  # either way; float32 ends long before it, and the fourth power of what lies within is still a float
LEAST = 1 / LARGEST


def measurement(value: float) -> float:
    """Give a number as it was measured; one beyond LARGEST is infinite, as a loss that diverged, and one within LEAST is 0.

    >>> [measurement(value) for value in (710.0, -1e200, 1e-300)]
    [710.0, -inf, 0.0]
    """
    if abs(value) > LARGEST:
        return math.copysign(math.inf, value)
    return 0.0 if abs(value) < LEAST else value
