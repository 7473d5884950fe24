"""Features of configurations, for k-means and for the random forest of the importance."""

import math

import numpy as np
import pandas as pd

from lrsweep.space import Choice, Space


def magnitude(values: np.ndarray) -> float:
    """Give a power of two that brings values near 1: dividing by it is exact, and no square of what is left overflows."""
    greatest = float(np.abs(values).max(initial=0.0))
    return 2.0 ** min(1000, max(-1000, math.frexp(greatest)[1])) if greatest else 1.0


def above(loss: float, share: float) -> float:
    """Give what lies above a loss by a share of its size, also where it is negative."""
    return loss * (1 + share) if loss >= 0 else loss * (1 - share)


def features_of(trials: pd.DataFrame, space: Space) -> dict[str, np.ndarray]:
    """Give the features of each name, float64 of shape (trials, features of the name).

    A number is one feature, its logarithm where the scale is logarithmic. Each choice is a feature, 1 where it was chosen.
    """
    found = {}
    for name in space:
        one, values = space[name], trials[name].to_numpy()
        if isinstance(one, Choice):
            found[name] = np.stack([values == choice for choice in one.choices], axis=-1).astype(float)
        else:
            numbers = values.astype(float)[:, None]
            found[name] = np.log(numbers) if one.is_log else numbers
    return found


def means_by_lr(log_lrs: np.ndarray, losses: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give distinct log LRs with their mean losses and their weights, without trials of weight 0."""
    points, where = np.unique(log_lrs[weights > 0], return_inverse=True)
    totals = np.bincount(where, weights[weights > 0])
    return points, np.bincount(where, (weights * losses)[weights > 0]) / totals, totals
