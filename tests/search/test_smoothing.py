"""Noise is taken out before the sampler sees a value, and without that its proposals would be anywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrsweep.search.proposing import _ask, bounded, smoothed
from lrsweep.search.smoothing import Smoother, smooth
from tests.search.studies import SPACE, known


def valley(n, noise, seed=0):
    """n trials at Sobol-like points, their values a valley at LR 0.01 with noise, in nats."""
    rng = np.random.default_rng(seed)
    rows = []
    for trial in range(n):
        lr, beta2, decay = SPACE.draw(rng.random(3).tolist()).values()
        truth = 3 + (np.log10(lr) + 2) ** 2 / 4
        rows.append((known(trial, lr, beta2, decay), truth + noise * rng.normal(), truth))
    return rows


def test_the_noise_is_taken_out():
    rows = valley(80, noise=0.05)
    told = smoothed([(p, value) for p, value, _ in rows], SPACE)
    left = [value - truth for (_, value), (_, _, truth) in zip(told, rows, strict=True)]
    assert np.std(left) < 0.5 * 0.05


def test_the_slopes_are_those_of_the_covariance():
    """In each logarithm, by central differences."""
    points, raw = np.random.default_rng(1).random((6, 3)), np.log([0.3, 0.8, 1.5, 0.7, 0.1])
    found = Smoother(raw).slopes(points)
    for i, step in enumerate(1e-6 * np.eye(5)):
        above, below = (Smoother(raw + sign * step).factor(points) for sign in (1, -1))
        assert found[i] == pytest.approx((above @ above.T - below @ below.T) / 2e-6, abs=1e-8)


def test_values_without_noise_stay():
    rows = valley(60, noise=0.0)
    told = smoothed([(p, value) for p, value, _ in rows], SPACE)
    assert [value for _, value in told] == pytest.approx([value for _, value, _ in rows], abs=0.005)


def test_values_that_are_all_the_same_stay():
    assert smooth(np.random.default_rng(0).random((5, 3)), np.full(5, 2.5)).tolist() == [2.5] * 5


def test_proposals_from_noisy_values_stay_near_the_valley():
    """With 100 noisy values, and trials still running, the sampler alone proposes at random: nothing improves on luck."""
    waiting = [p for p, _, _ in valley(7, noise=0.0, seed=5)]
    told = smoothed([(p, min(value, 3.2)) for p, value, _ in valley(100, noise=0.04)], SPACE)
    lrs = [_ask(told, waiting, SPACE, "gp", seed)["lr"] for seed in range(5)]
    assert max(abs(np.log10(lr) + 2) for lr in lrs) < 0.2


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 10), min_size=1, max_size=60), st.integers(16, 40))
def test_what_is_told_is_bounded_and_keeps_the_best(values, limit):
    kept = bounded(values, limit)
    assert len(kept) == min(len(values), limit)
    assert kept == sorted(set(kept))
    assert sorted(values[i] for i in kept)[: limit // 2] == sorted(values)[: limit // 2]
