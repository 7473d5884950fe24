"""The valley: a final loss that falls with log LR and then rises, fitted to trials by least squares.

Unimodal isotonic regression (Stout 2008, "Unimodal regression via prefix isotonic regression"). It has no width to choose. That
matters with 23 uniform draws, of which only a few lie in the lowest decades: a kernel or a parabola would blur these few with the
many at the top. A lucky trial among bad neighbours at high LR is averaged with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lrsweep.analysis import settings
from lrsweep.analysis.endings import Ending
from lrsweep.analysis.features import above, magnitude, means_by_lr
from lrsweep.analysis.ranges import Bounded
from lrsweep.search.trial import DIVERGED
from lrsweep.seeding import generator


class Fit(NamedTuple):
    """Distinct log LRs with their mean and fitted losses; the greatest near-optimal loss, and the largest log LR that has it."""

    log_lrs: list[float]
    losses_nats: list[float]
    fit_nats: list[float]
    limit_nats: float
    near_log_lr: float


@dataclass(frozen=True)
class Bracket:
    """The highest near-optimal LR that was tried, and the lowest one beyond; None where all are near-optimal."""

    near_lr: float
    beyond_lr: float | None


@dataclass(frozen=True)
class Best:
    """The trial with the lowest final loss."""

    trial: int
    lr: float
    final_loss_nats: float | None


@dataclass(frozen=True)
class FitPoint:
    """A distinct LR: the mean final loss there, and the fitted one."""

    lr: float
    loss_nats: float
    fit_nats: float


@dataclass(frozen=True)
class Valley:
    """What the trials of phase 1 say alone of the largest near-optimal LR, and the fit behind it.

    The interval is open above where no trial lies beyond. A fitted loss up to limit_nats is near-optimal. All is None where no
    trial learned.
    """

    near_optimal_lr: Bounded | None
    resamples: int
    at_border: bool
    bracket: Bracket | None
    best: Best | None
    limit_nats: float | None
    points: tuple[FitPoint, ...]
    message: str | None


def valley_of(endings: Sequence[Ending], losses: np.ndarray, section: settings.Edge, seed: int) -> Valley:
    """Find the largest near-optimal LR with its interval. losses: what each trial counts as, in nats, shape N.

    The interval is a percentile bootstrap over trials, widened to the bracket, since nothing is known between the last
    near-optimal trial and the first one beyond. In simulations (23 or 60 trials, noise of 0.02 nats) it contained the truth in 87
    to 100 % of the studies whose draws reached the valley, in about 70 % of those with 60 draws on a narrow valley, and in half
    of those whose 23 uniform draws all lay above the valley.
    """
    learned = np.array([row.learned for row in endings], bool)
    if not learned.any():
        return Valley(None, 0, False, None, None, None, (), _nothing_learned(endings))
    log_lrs, n = np.log([row.lr for row in endings]), len(losses)
    fit = fit_valley(log_lrs, losses, np.ones(n), section.tolerance)
    points, near, found = fit.log_lrs, fit.near_log_lr, []
    draws = generator(seed, "edge/bootstrap").integers(0, n, (section.bootstrap if n >= section.fewest_trials else 0, n))
    for weights in (np.bincount(draw, minlength=n) for draw in draws):
        if learned[weights > 0].any():
            found.append(fit_valley(log_lrs, losses, weights, section.tolerance).near_log_lr)
    low, high = np.exp(np.quantile(found, [0.025, 0.975])).tolist() if found else (None, None)
    last, beyond = [float(np.exp(x)) for x in points if x <= near][-1], [float(np.exp(x)) for x in points if x > near]
    best = min((row for row in endings if row.learned), key=lambda row: row.final_loss_nats or 0.0)
    columns = points, fit.losses_nats, fit.fit_nats
    border = "The highest LR tried is still near-optimal: raise sweep_uniform.lr.max to see where that ends"
    return Valley(
        near_optimal_lr=Bounded(
            float(np.exp(near)),
            None if low is None else min(low, last),
            max(high, beyond[0]) if beyond and high is not None else None,
        ),
        resamples=len(found),
        at_border=not beyond,
        bracket=Bracket(last, beyond[0] if beyond else None),
        best=Best(best.trial, best.lr, best.final_loss_nats),
        limit_nats=fit.limit_nats,
        points=tuple(FitPoint(float(np.exp(x)), mean, fitted) for x, mean, fitted in zip(*columns, strict=True)),
        message=None if beyond else border,
    )


def _nothing_learned(endings: Sequence[Ending]) -> str:
    diverged, n = sum(row.state == DIVERGED for row in endings), len(endings)
    tried = f" (the lowest LR tried is {min(row.lr for row in endings):.3g})" if n else ""
    return (
        "No trial of phase 1 trained to its end below the loss at the end of warm-up, so no LR is known to be near-optimal:"
        f" {diverged} of {n} diverged; lower sweep_uniform.lr.min{tried}"
    )


def fit_valley(log_lrs: np.ndarray, losses: np.ndarray, weights: np.ndarray, tolerance: float) -> Fit:
    """Fit the valley, and find the largest log LR whose fitted loss is within the tolerance of its floor.

    The floor is the mean over the trials whose fit is within the tolerance of the least fit: the least one alone is lucky.
    """
    points, means, totals = (array.tolist() for array in means_by_lr(log_lrs, losses, weights))
    scale = magnitude(np.array(means))
    fit = [scale * value for value in valley_fit([mean / scale for mean in means], totals)]
    bottom = [value <= above(min(fit), tolerance) for value in fit]
    limit = above(float(np.average(np.array(fit)[bottom], weights=np.array(totals)[bottom])), tolerance)
    return Fit(points, means, fit, limit, crossing(points, fit, limit))


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
