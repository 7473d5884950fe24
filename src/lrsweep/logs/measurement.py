"""Measurements of other tools: losses, gradient norms and learning rates as numbers that can be worked with."""

import math

LARGEST = 1e75  # either way; float32 ends long before it, and the fourth power of what lies within is still a float


def measurement(value: float) -> float:
    """Give a number as it was measured; one beyond LARGEST is infinite, so that a loss of that size is one that diverged.

    >>> measurement(710.0), measurement(-1e200)
    (710.0, -inf)
    """
    return math.copysign(math.inf, value) if abs(value) > LARGEST else value
