"""Intervals of the noise between seeds: by hand, against scipy, and how often they hold a planted truth."""

import math

import numpy as np
import pytest
from scipy import stats

from lrsweep.analysis import noise
from lrsweep.analysis.noise import Difference, Estimate, Noise


def test_the_variance_is_pooled_by_hand():
    """Squares of 2 · 0.01² and 2 · 0.02² over two degrees of freedom; a single run says nothing."""
    found = Noise.of([[2.0, 2.02], [3.0, 3.04], [5.0], []])
    assert found == Noise(pytest.approx(math.sqrt((2 * 0.01**2 + 2 * 0.02**2) / 2)), 2)
    assert not found.known and found.reach(2) is None and Noise.of([[1.0]]) == Noise(None, 0)
    assert Noise(0.1, 10).reach(4, 1) == pytest.approx(stats.t.ppf(0.975, 10) * 0.1 * math.sqrt(1.25))


def test_a_difference_is_that_of_scipy():
    x, y = [3.0, 3.1, 3.3, 2.9], [3.5, 3.2, 3.9, 3.7]
    found = Difference.of(x, Noise.of([x]), y, Noise.of([y]))
    expected = stats.ttest_ind(x, y, equal_var=False).confidence_interval()
    assert (found.low_nats, found.high_nats) == pytest.approx((expected.low, expected.high))
    same = Noise(0.0, 5)
    assert Difference.of([1.0], same, [2.0], same) == Difference(-1.0, -1.0, -1.0)
    assert Difference.of([], same, [1.0], same) is None and Estimate.of([], same) is None
    assert Difference.of([1.0], Noise(None, 0), [2.0], same) == Difference(-1.0, None, None)


def test_the_comparison_of_all_pairs_is_that_of_scipy():
    rng = np.random.default_rng(0)
    groups = [rng.normal(level, 0.1, n).tolist() for level, n in ((0, 5), (0.1, 4), (0.2, 3), (0.3, 5), (0.6, 4))]
    known = stats.tukey_hsd(*groups).pvalue[0]
    found = noise.indistinct(dict(enumerate(groups)), 0, Noise.of(groups))
    assert found == tuple(i for i in range(1, 5) if known[i] > 0.05) and 0 < len(found) < 4


@pytest.mark.parametrize("n", [2, 5])
def test_intervals_hold_the_truth_in_95_of_100_studies(n):
    """Six configurations with two runs each, one with n more: its mean, a new run of it, and its difference to another."""
    rng = np.random.default_rng(n)
    held = []
    for _ in range(1500):
        groups = rng.normal(0, 1, (6, 2)).tolist()
        fresh, other, single = rng.normal(0, 1, n).tolist(), rng.normal(0, 3, n + 3).tolist(), float(rng.normal())
        own = Noise.of([*groups, fresh])
        mean, gap = Estimate.of(fresh, own), Difference.of(fresh, own, other, Noise.of([other]))
        luck = abs(single - np.mean(fresh)) <= own.reach(1, n)
        held.append((mean.low_nats <= 0 <= mean.high_nats, gap.low_nats <= 0 <= gap.high_nats, luck))
    assert np.abs(np.mean(held, axis=0) - 0.95).max() < 0.02


def test_the_best_of_equal_ones_is_apart_from_none_in_95_of_100_studies():
    """Seven equal configurations, of which the best mean is chosen: an interval for one pair leaves some out more often."""
    rng = np.random.default_rng(0)
    whole, pairs = [], []
    for _ in range(600):
        groups = rng.normal(0, 1, (7, 4))
        chosen, own = int(groups.mean(1).argmin()), Noise.of(groups.tolist())
        whole.append(len(noise.indistinct(dict(enumerate(groups.tolist())), chosen, own)) == 6)
        pairs.append(np.ptp(groups.mean(1)) <= own.reach(4, 4))
    assert np.mean(whole) > 0.925 and np.mean(pairs) < 0.7


def test_the_expected_greatest_is_that_of_draws():
    assert noise.expected_greatest(1) == pytest.approx(0, abs=1e-9)
    draws = np.random.default_rng(0).normal(size=(20000, 5)).max(1)
    assert noise.expected_greatest(5) == pytest.approx(draws.mean(), abs=4 * draws.std() / math.sqrt(20000))
