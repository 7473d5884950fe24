"""Rank correlations of weighted observations, with intervals from resamples.

A weight says for how many observations one stands. Shapes: N observations, B resamples; weights_BN are the weights in each
resample, 0 where an observation was not drawn.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Correlation:
    """A correlation over n observations with its 95 % interval; None where it is not defined."""

    n: int
    value: float | None
    low: float | None
    high: float | None


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


def resampled(weights_N: np.ndarray, resamples: int, random: np.random.Generator) -> np.ndarray:
    """Give the weights (resamples + 1) x N: first those of the observations, then of resamples of them with replacement.

    Observations of one weight are resampled among themselves, as they were sampled; where one is alone, with those of the next.
    """
    n = len(weights_N)
    rows = [weights_N]
    strata = _strata(weights_N)
    for _ in range(resamples):
        drawn = np.concatenate([own[random.integers(0, len(own), len(own))] for own in strata])
        rows.append(np.bincount(drawn, minlength=n) * weights_N)
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


def with_interval(found_B: np.ndarray, n: int) -> Correlation:
    """Give the first value with the 2.5 % and 97.5 % quantiles of the others that are defined."""
    whole, again_B = found_B[0], found_B[1:]
    again_B = again_B[np.isfinite(again_B)]
    if not np.isfinite(whole):
        return Correlation(n, None, None, None)
    low, high = np.quantile(again_B, [0.025, 0.975]).tolist() if len(again_B) else (None, None)
    return Correlation(n, float(whole), low, high)
