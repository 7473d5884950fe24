"""Rank correlations of weighted observations, and the difference of two, with 95 % intervals.

A weight says for how many observations one stands. Shapes: N observations, B resamples; weights_BN are the weights in each
resample, 0 where an observation was not drawn.

Where few observations stand for many, the ends of resamples are too close: two that stand for 32 cannot show how these vary. So
the interval of a correlation comes from the number of equal observations that know as much. Only a difference is resampled, since
there is no such formula for it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

LEVEL = 0.975  # of the upper end
NORMAL = 1.959964  # the normal deviate at this level


@dataclass(frozen=True)
class Correlation:
    """A correlation over n observations with its 95 % interval; None where it is not defined."""

    n: int
    value: float | None
    low: float | None
    high: float | None

    @property
    def sign(self) -> int:
        """Give 1 or -1 where the interval lies on one side of 0, and 0 where it does not or where there is none."""
        if self.low is None or self.high is None:
            return 0
        return (self.low > 0) - (self.high < 0)


def spearman(x_N: np.ndarray, y_N: np.ndarray, weights_BN: np.ndarray) -> np.ndarray:
    """Give Spearman's rho in each resample: Pearson's correlation of weighted mid-ranks; NaN where one is constant.

    The mid-rank of an observation is the weight of all that are less, and half the weight of all that are equal to it.
    """
    totals_B1 = weights_BN.sum(1, keepdims=True)
    a_BN, b_BN = (weights_BN @ _before(values_N) - totals_B1 / 2 for values_N in (x_N, y_N))
    both_B, first_B, second_B = ((weights_BN * products_BN).sum(1) for products_BN in (a_BN * b_BN, a_BN * a_BN, b_BN * b_BN))
    with np.errstate(invalid="ignore"):
        return both_B / np.sqrt(first_B * second_B)


def _before(values_N: np.ndarray) -> np.ndarray:
    """Give N x N: 1 where the row's value is less than the column's, 1/2 where they are equal."""
    return (values_N[:, None] < values_N) + 0.5 * (values_N[:, None] == values_N)


def kendall(x_N: np.ndarray, y_N: np.ndarray, weights_BN: np.ndarray) -> np.ndarray:
    """Give Kendall's tau-b in each resample: sum of s_ij t_ij / sqrt(sum of s_ij² · sum of t_ij²), with signs of differences.

    A pair counts as often as the product of its weights, so the signs are computed once and not for each resample.
    """
    s_NN, t_NN = (np.sign(values_N[:, None] - values_N[None]) for values_N in (x_N, y_N))
    both_B, first_B, second_B = (
        ((weights_BN @ signs_NN) * weights_BN).sum(1) for signs_NN in (s_NN * t_NN, s_NN * s_NN, t_NN * t_NN)
    )
    with np.errstate(invalid="ignore"):
        return both_B / np.sqrt(first_B * second_B)


def size(weights_N: np.ndarray) -> float:
    """Give the number of equal observations that know as much as weighted ones: (sum of w)² / sum of w² (Kish 1965)."""
    return float(weights_N.sum() ** 2 / np.square(weights_N).sum())


def spearman_within(x_N: np.ndarray, y_N: np.ndarray, weights_N: np.ndarray) -> Correlation:
    """Give Spearman's rho with its interval: its Fisher z has the variance (1 + rho² / 2) / (n - 3) (Bonett and Wright 2000)."""
    return _within(spearman, x_N, y_N, weights_N, lambda rho: 1 + rho**2 / 2, 3)


def kendall_within(x_N: np.ndarray, y_N: np.ndarray, weights_N: np.ndarray) -> Correlation:
    """Give Kendall's tau-b with its interval: its Fisher z has the variance 0.437 / (n - 4) (Fieller et al. 1957)."""
    return _within(kendall, x_N, y_N, weights_N, lambda tau: 0.437, 4)


def _within(
    coefficient: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    x_N: np.ndarray,
    y_N: np.ndarray,
    weights_N: np.ndarray,
    variance: Callable[[float], float],
    lost: int,
) -> Correlation:
    """Give a coefficient with the interval that its Fisher z has: of a variance, over the size of the sample less what is lost.

    There is no interval where nothing is left. A coefficient of 1 or -1 has an infinite z, and few observations reach it by
    chance: its interval is that of the coefficient between it and the next that N ranks can give.
    """
    value, n, left = float(coefficient(x_N, y_N, weights_N[None])[0]), len(x_N), size(weights_N) - lost
    if not np.isfinite(value):
        return Correlation(n, None, None, None)
    if left <= 0:
        return Correlation(n, value, None, None)
    most = 1 - 6 / (n * (n**2 - 1))
    middle = float(np.clip(value, -most, most))
    reach = NORMAL * np.sqrt(variance(middle) / left)
    low, high = np.tanh(np.arctanh(middle) + np.array([-reach, reach])).tolist()
    return Correlation(n, value, min(low, value), max(high, value))


def difference_within(found_B: np.ndarray, weights_N: np.ndarray) -> Correlation:
    """Give the difference of two correlations with its interval, from what `resampled` gives: the sample, and B resamples.

    The interval is Student's t at the size of the sample less 2, times the root mean square of what resamples differ from it.
    """
    value, again_B, n, freedom = float(found_B[0]), found_B[1:], len(weights_N), size(weights_N) - 2
    again_B = again_B[np.isfinite(again_B)]
    if not np.isfinite(value):
        return Correlation(n, None, None, None)
    if freedom <= 0 or not len(again_B):
        return Correlation(n, value, None, None)
    reach = float(stdtrit(freedom, LEVEL)) * float(np.sqrt(np.square(again_B - value).mean()))
    return Correlation(n, value, max(-2.0, value - reach), min(2.0, value + reach))


def resampled(weights_N: np.ndarray, resamples: int, random: np.random.Generator) -> np.ndarray:
    """Give the weights (resamples + 1) x N: first those of the observations, then of resamples of them with replacement.

    Observations of one weight are resampled among themselves, as they were sampled; where one is alone, with those of the next.
    Of n such, n - 1 are drawn and weigh n / (n - 1) times as much, so that few vary as much as they should (Rao and Wu 1988).
    """
    n = len(weights_N)
    rows = [weights_N]
    strata = _strata(weights_N)
    for _ in range(resamples):
        counts_N = np.zeros(n)
        for own in strata:
            drawn = max(1, len(own) - 1)
            counts_N += np.bincount(own[random.integers(0, len(own), drawn)], minlength=n) * (len(own) / drawn)
        rows.append(counts_N * weights_N)
    return np.array(rows)


def _strata(weights_N: np.ndarray) -> list[np.ndarray]:
    """Give the indices of the observations of each weight; a single one stands with those of the weight before, or else after."""
    found: list[np.ndarray] = []
    for weight in np.unique(weights_N):
        own = np.flatnonzero(weights_N == weight)
        if found and (len(own) == 1 or len(found[-1]) == 1):
            found[-1] = np.concatenate([found[-1], own])
        else:
            found.append(own)
    return found
