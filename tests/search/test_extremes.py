"""Numbers at their ends: losses whose squares or sums are no floats are told to the models of samplers as what fits."""

import numpy as np
import pytest

from lrsweep.search.multifidelity import observe
from lrsweep.search.smoothing import smooth_with_noise

POINTS_NE = np.random.default_rng(0).random((4, 2))
LOSSES = [[1e308, 1e200, 2.0, 2.0], [-1e308, 1e8, 1e308, 0.0], [0.0, 1e-300, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0]]


@pytest.mark.parametrize("losses", LOSSES)
@pytest.mark.filterwarnings("error")
def test_smoothed_losses_are_finite(losses):
    means, noise = smooth_with_noise(POINTS_NE, np.array(losses))
    assert np.isfinite(means).all() and 0 <= noise < np.inf


@pytest.mark.parametrize("losses", LOSSES)
@pytest.mark.filterwarnings("error")
def test_what_the_multi_fidelity_gp_is_told_is_a_share(losses):
    none = np.zeros(4, bool)
    seen = observe(POINTS_NE, (slice(0, 1), slice(1, 2)), np.array([losses, losses[::-1]]).T, none, none, 0.7)
    assert len(seen.values_N) == 8 and (seen.values_N <= 1).all() and np.isfinite(seen.values_N).all() and seen.unit > 0
