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
    assert counts[:, :4].sum(1) == pytest.approx(4) and counts[:, 4:].sum(1) == pytest.approx(4) and counts.std() > 0.5


def test_few_resampled_observations_vary_as_the_mean_of_a_sample_does():
    """The variance of the mean of resamples is s² / n with the unbiased s, which plain resamples of 2 give half of."""
    for values in (np.array([0.0, 1.0]), np.array([3.0, 5.0, 10.0])):
        n = len(values)
        means = ranks.resampled(np.ones(n), 20_000, np.random.default_rng(1))[1:] @ values / n
        assert means.var() == pytest.approx(values.var(ddof=1) / n, rel=0.03)


def test_intervals_have_the_published_widths_at_the_size_of_the_sample():
    """Half the width in Fisher's z, by the formulas, of 12 observations that each stand for themselves."""
    x, y = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), np.array([6.0, 2, 8, 1, 3, 10, 5, 12, 4, 7, 11, 9])
    rho, tau = ranks.spearman_within(x, y, np.ones(12)), ranks.kendall_within(x, y, np.ones(12))
    assert (rho.value, tau.value) == (
        pytest.approx(stats.spearmanr(x, y).statistic), pytest.approx(stats.kendalltau(x, y).statistic)
    )  # fmt: skip
    half = (np.arctanh(rho.high) - np.arctanh(rho.low)) / 2
    assert half == pytest.approx(1.959964 * np.sqrt((1 + rho.value**2 / 2) / 9))
    half = (np.arctanh(tau.high) - np.arctanh(tau.low)) / 2
    assert half == pytest.approx(1.959964 * np.sqrt(0.437 / 8))
    assert ranks.spearman_within(x, y, 5 * np.ones(12)) == rho, "only ratios of weights matter"
    assert ranks.size(np.array([1.0, 1, 1, 1, 4])) == pytest.approx(64 / 20)


@pytest.mark.parametrize("n", [3, 4, 5])
def test_a_perfect_order_of_few_is_not_certain(n):
    x = np.arange(n, dtype=float)
    for sign, ends in ((1, "low"), (-1, "high")):
        for found in (ranks.spearman_within(x, sign * x, np.ones(n)), ranks.kendall_within(x, sign * x, np.ones(n))):
            assert found.value == pytest.approx(sign)
            assert found.low is None or (getattr(found, ends) != pytest.approx(sign) and found.low <= found.value <= found.high)
    assert ranks.spearman_within(x, x, np.ones(n)).low is None or n > 3
    assert ranks.spearman_within(x, np.ones(n), np.ones(n)) == ranks.Correlation(n, None, None, None)


def test_a_difference_has_the_spread_of_its_resamples():
    """The root mean square of the resamples about 0.5 is 0.1, and t at 9 - 2 degrees of freedom is 2.3646."""
    found = ranks.difference_within(np.array([0.5, 0.4, 0.6, 0.4, 0.6, np.nan]), np.ones(9))
    assert (found.n, found.value, found.low, found.high) == (
        9,
        0.5,
        pytest.approx(0.26354, abs=1e-5),
        pytest.approx(0.73646, abs=1e-5),
    )
    assert ranks.difference_within(np.array([np.nan, 1.0]), np.ones(3)) == ranks.Correlation(3, None, None, None)
    assert ranks.difference_within(np.array([0.5, 1.0]), np.ones(2)) == ranks.Correlation(2, 0.5, None, None)


def test_intervals_hold_a_planted_truth_where_few_stand_for_many():
    """64 trials stand for themselves, six for 32 and two for 32. Plain percentiles hold the truth in 75 % of these."""
    held, truth = [], 6 / np.pi * np.arcsin(0.35)
    weights = np.concatenate([np.ones(64), np.full(6, 32 / 6), np.full(2, 16.0)])
    for seed in range(200):
        random = np.random.default_rng(seed)
        x, noise = random.normal(size=(2, 128))
        y = 0.7 * x + np.sqrt(1 - 0.49) * noise
        order = np.argsort(x)
        kept = np.concatenate([order[:64], random.permutation(order[64:96])[:6], random.permutation(order[96:])[:2]])
        found = ranks.spearman_within(x[kept], y[kept], weights)
        held.append(found.low <= truth <= found.high)
    assert np.mean(held) > 0.9


@pytest.mark.parametrize(("low", "high", "sign"), [(0.1, 0.4, 1), (-0.4, -0.1, -1), (-0.1, 0.4, 0), (None, None, 0)])
def test_a_correlation_has_a_sign_where_its_interval_has_one(low, high, sign):
    assert ranks.Correlation(12, 0.2, low, high).sign == sign
