"""Weighted rank correlations: those of scipy where weights are counts, and resamples that keep who was sampled with whom."""

import numpy as np
import pytest
from scipy import stats

from lrsweep.analysis import ranks


def test_whole_weights_are_repetitions_also_with_ties():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, 15).astype(float), rng.integers(0, 6, 15).astype(float)
    weights = np.vstack([np.ones(15), rng.integers(0, 4, (5, 15))])
    rho, tau = ranks.spearman(x, y, weights), ranks.kendall(x, y, weights)
    for i, counts in enumerate(weights.astype(int)):
        again = np.repeat(np.arange(15), counts)
        assert rho[i] == pytest.approx(stats.spearmanr(x[again], y[again]).statistic)
        assert tau[i] == pytest.approx(stats.kendalltau(x[again], y[again]).statistic)
    assert ranks.spearman(x, y, 2.5 * weights) == pytest.approx(rho), "only ratios of weights matter"
    assert np.isnan(ranks.spearman(x, np.ones(15), weights)).all()


def test_resamples_are_drawn_within_their_weights():
    """Four of weight 1, three of 7, and one of 10 that is alone and so stands with those of 7."""
    weights = np.array([1, 1, 1, 1, 7, 7, 7, 10.0])
    found = ranks.resampled(weights, 200, np.random.default_rng(0))
    assert found.shape == (201, 8) and found[0].tolist() == weights.tolist()
    counts = found[1:] / weights
    assert (counts[:, :4].sum(1) == 4).all() and (counts[:, 4:].sum(1) == 4).all() and counts.std() > 0.5


def test_an_interval_is_that_of_the_resamples():
    found = ranks.with_interval(np.array([0.5, *np.linspace(0, 1, 41), np.nan]), 9)
    assert (found.n, found.value, found.low, found.high) == (9, 0.5, pytest.approx(0.025), pytest.approx(0.975))
    assert ranks.with_interval(np.array([np.nan, 1.0]), 3) == ranks.Correlation(3, None, None, None)
