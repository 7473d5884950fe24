"""The valley: a final loss that falls with log LR and then rises, fitted to trials by least squares.

Unimodal isotonic regression (Stout 2008, "Unimodal regression via prefix isotonic regression"). It has no width to choose. That
matters with 23 uniform draws, of which only a few lie in the lowest decades: a kernel or a parabola would blur these few with the
many at the top. A lucky trial among bad neighbours at high LR is averaged with them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Valley(NamedTuple):
    """Distinct log LRs with their mean and fitted losses; the greatest stable loss, and the log LR of the edge."""

    log_lrs: list[float]
    losses_nats: list[float]
    fit_nats: list[float]
    limit_nats: float
    edge_log_lr: float


def fit_edge(log_lrs: np.ndarray, losses: np.ndarray, weights: np.ndarray, tolerance: float) -> Valley:
    """Fit the valley, and find the largest log LR whose fitted loss is within the tolerance of its floor.

    The floor is the mean over the trials whose fit is within the tolerance of the least fit: the least one alone is lucky.
    """
    points, means, totals = (array.tolist() for array in means_by_lr(log_lrs, losses, weights))
    fit = valley_fit(means, totals)
    bottom = [value <= min(fit) * (1 + tolerance) for value in fit]
    limit = float(np.average(np.array(fit)[bottom], weights=np.array(totals)[bottom])) * (1 + tolerance)
    return Valley(points, means, fit, limit, crossing(points, fit, limit))


def means_by_lr(log_lrs: np.ndarray, losses: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give distinct log LRs with their mean losses and their weights, without trials of weight 0."""
    points, where = np.unique(log_lrs[weights > 0], return_inverse=True)
    totals = np.bincount(where, weights[weights > 0])
    return points, np.bincount(where, (weights * losses)[weights > 0]) / totals, totals


def _prefix_fit(values: Sequence[float], weights: Sequence[float]) -> tuple[list[float], list[float]]:
    """Give the non-increasing least-squares fit of the whole, and the squared error of the fit of every prefix (Stout 2008)."""
    blocks: list[list[float]] = []  # mean, weight, number of values
    error, errors = 0.0, [0.0]
    for value, weight in zip(values, weights, strict=True):
        mean, count = value, 1
        while blocks and blocks[-1][0] <= mean:
            last_mean, last_weight, last_count = blocks.pop()
            total = last_weight + weight
            error += last_weight * weight / total * (last_mean - mean) ** 2
            mean, weight, count = (last_weight * last_mean + weight * mean) / total, total, count + int(last_count)
        blocks.append([mean, weight, count])
        errors.append(error)
    return [mean for mean, _, count in blocks for _ in range(int(count))], errors


def valley_fit(losses: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Give the least-squares fit that first falls and then rises, to losses in order of LR."""
    n, back, back_weights = len(losses), losses[::-1], weights[::-1]
    _, falling = _prefix_fit(losses, weights)
    _, rising = _prefix_fit(back, back_weights)
    split = min(range(n + 1), key=lambda i: falling[i] + rising[n - i])
    left, _ = _prefix_fit(losses[:split], weights[:split])
    right, _ = _prefix_fit(back[: n - split], back_weights[: n - split])
    return left + right[::-1]


def crossing(log_lrs: Sequence[float], fit: Sequence[float], limit: float) -> float:
    """Find the largest log LR, up to the last, at which the fit is within the limit, linear in log LR between the trials."""

    last = max(i for i, value in enumerate(fit) if value <= limit)
    if last == len(fit) - 1:
        return log_lrs[last]
    share = (limit - fit[last]) / (fit[last + 1] - fit[last])
    return log_lrs[last] + share * (log_lrs[last + 1] - log_lrs[last])
