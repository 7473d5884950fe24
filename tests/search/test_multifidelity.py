"""The multi-fidelity Gaussian process held against dense formulas and scikit-learn, and its sampler where little is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from lrsweep.search import kernel as kernels
from lrsweep.search import multifidelity
from lrsweep.search.kernel import Kernel, Pairs, matern
from lrsweep.search.kernel import prior as prior_of
from lrsweep.search.multifidelity import (
    Observations,
    Places,
    Posterior,
    Prediction,
    climb,
    expected_improvement,
    noisy_expected_improvement,
    observe,
    suggest,
    walk,
)
from lrsweep.space import Choice, Float, Space

KERNEL = Kernel(
    lr_length=0.3,
    lr_signal=0.5,
    joint_lengths_D=np.array([0.4, 0.8, 1.2]),
    joint_signal=0.2,
    change_lr_length=0.5,
    change_other_length=2.0,
    change=0.1,
    noise=0.03,
    end_noise=0.01,
    trial_noise=0.001,
)
END = 2
UNIT = Float(min=0, max=1, scale="linear")
SPACE = Space({"lr": UNIT, "b": UNIT, "c": UNIT})
PARTS = tuple(SPACE.slices.values())


def seen_at(points, levels, values, trials=None):
    """Observations of the trials at `points`; values[i] is of trial trials[i], by default of trial i."""
    trials = np.arange(len(points)) if trials is None else np.array(trials)
    return Observations(np.array(points, float), PARTS, trials, np.array(levels), np.array(values, float), END, 1.0)


def valley(count, noise, seed, best=0.6):
    """Trials of a valley in the first input, all trained to the end: a value at each of three levels."""
    random = np.random.default_rng(seed)
    points = random.random((count, 3))
    ends = 3 + 4 * (points[:, 0] - best) ** 2 + random.normal(0, noise, count)
    return points, np.stack([ends + 1 - points[:, 0], ends + 0.3, ends], 1)


def told(points, curves, diverged=None):
    none = np.zeros(len(points), bool)
    return observe(points, PARTS, curves, none if diverged is None else np.array(diverged), none, 0.7)


def suggested(points, curves, seed=0, pending=(), diverged=None):
    pending_MD = np.array(pending, float).reshape(-1, 3)
    return suggest(told(points, curves, diverged), pending_MD, SPACE, np.random.Generator(np.random.PCG64(seed)))


def asked(points, curves, seed=0, pending=(), diverged=None):
    return SPACE.encode(suggested(points, curves, seed, pending, diverged).values)


def predicted(seen, known, others, kernel=KERNEL):
    return Prediction(Posterior(seen, kernel), Places.of(seen, np.array(known, float).reshape(-1, 3), np.array(others, float)))


def test_the_posterior_at_the_end_is_scikit_learns(monkeypatch):
    """Where all is at the end, and the mean and the trials' own noise are off, it is an ordinary Gaussian process."""
    monkeypatch.setattr(kernels, "QUADRATIC", 0.0)
    random = np.random.default_rng(1)
    points, values, at = random.random((12, 3)), random.random(12), random.random((5, 3))
    found = predicted(seen_at(points, [END] * 12, values), [], at, replace(KERNEL, trial_noise=0.0))
    alone, joint = Matern([0.3, 1e9, 1e9], nu=2.5), Matern([0.4, 0.8, 1.2], nu=2.5)
    theirs = GaussianProcessRegressor(0.5 * alone + 0.2 * joint, alpha=0.01, optimizer=None).fit(points, values)
    their_mean, their_deviation = theirs.predict(at, return_std=True)
    assert found.mean_C == pytest.approx(their_mean, rel=1e-4)
    assert np.sqrt(found.variance_C) == pytest.approx(their_deviation, rel=1e-4)


def prior(a, b, level_a, level_b):
    """The prior covariance of two values, written out."""
    a, b = np.array(a), np.array(b)
    squares = (a - b) ** 2
    u, v = 2 * a[0] - 1, 2 * b[0] - 1
    basis = 1 + u * v + u**2 * v**2
    change = 0.1 * (matern(squares[0] / 0.5**2 + (squares[1] + squares[2]) / 2.0**2) + 0.3 * basis)
    joint = matern(squares[0] / 0.4**2 + squares[1] / 0.8**2 + squares[2] / 1.2**2)
    return 0.5 * matern(squares[0] / 0.3**2) + 0.2 * joint + 0.1 * basis + (END - max(level_a, level_b)) * change


def test_the_posterior_given_rungs_is_the_dense_formula():
    """One trial at the first rung and one at both the second and the end: covariances written out."""
    points, levels, values = [[0.2, 0.5, 0.5], [0.7, 0.1, 0.9]], [0, 1, 2], [0.8, 0.3, 0.2]
    at = np.array([[0.5, 0.4, 0.4]])
    rows = list(zip([points[0], points[1], points[1]], levels, strict=True))
    own = np.array([[prior(a, b, i, j) for b, j in rows] for a, i in rows])
    own += np.diag([0.03, 0.03, 0.01]) + 0.001 * np.array([[1, 0, 0], [0, 1, 1], [0, 1, 1]])
    cross = np.array([prior(a, at[0], i, END) for a, i in rows])
    found = predicted(seen_at(points, levels, values, [0, 1, 1]), [], at)
    assert found.mean_C[0] == pytest.approx(cross @ np.linalg.solve(own, values), rel=1e-4)
    assert found.variance_C[0] == pytest.approx(prior(at[0], at[0], END, END) - cross @ np.linalg.solve(own, cross), rel=1e-4)


def test_choices_are_as_far_apart_as_the_ends_of_a_range():
    space = Space({"lr": UNIT, "b": UNIT, "kind": Choice(choices=("x", "y", "z"))})
    points = space.encode_all([{"lr": 0.5, "b": b, "kind": kind} for b, kind in ((0.0, "x"), (1.0, "x"), (0.0, "z"))])
    squares = Pairs.of(points, points, tuple(space.slices.values())).squares_DMC
    assert squares.tolist() == [[[0] * 3] * 3, [[0, 1, 0], [1, 0, 1], [0, 1, 0]], [[0, 0, 1], [0, 0, 1], [1, 1, 0]]]


def test_noisy_expected_improvement_is_that_of_true_values_drawn_together():
    random = np.random.default_rng(3)
    points, values, others = random.random((9, 3)), random.random(9), random.random((4, 3))
    prediction = predicted(seen_at(points, [END] * 9, values), points[:5], others)
    found = noisy_expected_improvement(prediction, random.normal(size=(5, 4000)))
    places = [*points[:5], *others]
    rows = np.array([[prior(a, b, END, END) for b in points] for a in points]) + 0.011 * np.eye(9)
    cross = np.array([[prior(a, b, END, END) for b in points] for a in places])
    left = np.array([[prior(a, b, END, END) for b in places] for a in places]) - cross @ np.linalg.solve(rows, cross.T)
    draws = random.multivariate_normal(cross @ np.linalg.solve(rows, values), left, size=400_000)
    expected = np.maximum(draws[:, :5].min(1, keepdims=True) - draws[:, 5:], 0).mean(0)
    assert found == pytest.approx(expected, rel=0.1, abs=1e-4)


def test_nothing_is_to_be_gained_where_a_trial_was():
    """However noisy the values are; plain expected improvement is greatest there."""
    points, curves = valley(24, 0.05, seed=10)
    seen = told(points, curves)
    best = points[curves[:, -1].argmin()]
    prediction = predicted(seen, points, [best, best + np.array([0.0, 0.3, 0.0])])
    there, aside = noisy_expected_improvement(prediction, np.random.default_rng(0).normal(size=(24, 64)))
    assert there < 0.1 * aside  # not 0, since the fit keeps a jitter


def test_kernels_are_drawn_from_their_posterior(monkeypatch):
    """One value says next to nothing, so that it is the prior, but for the size of the value itself."""
    monkeypatch.setattr(multifidelity, "KERNELS", 1500)
    seen = seen_at([[0.5, 0.5, 0.5]], [END], [0.0])
    drawn_kernels = [vars(one.kernel) for one in walk(climb(seen), np.random.default_rng(0))]
    drawn = np.array([np.hstack([*one.values()]) for one in drawn_kernels])
    lengths = [0, 2, 3, 4, 6, 7]
    medians, spreads = prior_of(3)
    shares = ((np.log(drawn) - medians) / spreads)[:, lengths]
    assert np.abs(shares.mean(0)).max() < 0.35 and np.abs(shares.std(0) - 1).max() < 0.2


def test_what_is_told_is_shifted_capped_and_scaled():
    nan = np.nan
    curves = np.array([[5.0, 4.0, 3.0], [6.0, 5.0, 3.5], [7.0, 5.5, nan], [8.0, nan, nan], [9.0, nan, nan]])
    points = np.random.default_rng(0).random((5, 3))
    seen = observe(points, PARTS, curves, np.array([False] * 4 + [True]), np.zeros(5, bool), 1.0)
    # from the second rung to the end the two complete ones change by -1 and -1.5, and from the first to the second all
    # three that reached it by -1, -1 and -1.5: what is at the second counts 1.25 less, what is at the first 2.25 less
    last = [3.0, 3.5, 5.5 - 1.25, 8.0 - 2.25]
    least, cap = min(last), max(last)
    assert seen.values_N[(seen.trial_N == 3)].tolist() == [1.0]
    assert seen.values_N[(seen.trial_N == 2) & (seen.level_N == 1)] == pytest.approx((last[2] - least) / (cap - least))
    assert seen.values_N[(seen.trial_N == 0)] == pytest.approx([(v - least) / (cap - least) for v in (2.75, 2.75, 3.0)])
    assert seen.values_N[(seen.trial_N == 4)].tolist() == [1.0, 1.0]  # it diverged: the cap at the end too
    assert seen.level_N[(seen.trial_N == 4)].tolist() == [0, 2]


def test_the_cap_is_that_of_what_was_drawn():
    """Good proposals do not sink it: the drawn trials end at 3 to 7, and of twenty proposals all end at 3.1."""
    ends = np.array([3.0, 4.0, 5.0, 6.0, 7.0, *[3.1] * 20])
    points, none = np.random.default_rng(0).random((25, 3)), np.zeros(25, bool)
    drawn = np.arange(25) < 5
    seen = observe(points, PARTS, ends[:, None], none, drawn, 0.75)
    assert seen.unit == 3.0 and seen.values_N[:5] == pytest.approx([0, 1 / 3, 2 / 3, 1, 1])
    assert seen.values_N[5] == pytest.approx(0.1 / 3)
    assert observe(points, PARTS, ends[:, None], none, none, 0.75).unit == pytest.approx(0.1)
    assert observe(points, PARTS, ends[:, None], drawn, drawn, 0.75).unit == 1.0, (
        "all that were drawn diverged, the others are equal"
    )


def test_the_expected_gain_is_in_the_unit_of_the_curves_and_falls():
    """The same valley in thousandths promises a thousandth; much of it explored promises less than little of it."""
    points, curves = valley(40, 0.02, seed=4)
    first, last = suggested(points[:8], curves[:8]), suggested(points, curves)
    assert 0 < last.gain < first.gain / 5
    assert 0.005 < last.noise < 0.05, "0.02 was drawn"
    small = suggested(points, curves / 1000)
    assert (small.gain, small.noise) == pytest.approx((last.gain / 1000, last.noise / 1000), rel=1e-3)


def test_the_fit_follows_the_values():
    """Much noise is found to be more than little, and a short valley to be shorter than a long one."""
    points, curves = valley(40, 0.0, seed=2)
    random = np.random.default_rng(2).normal(size=curves.shape)
    quiet, loud = (climb(told(points, curves + noise * random)).posterior.kernel for noise in (0.005, 0.2))
    assert quiet.noise < loud.noise
    points, _ = valley(60, 0.0, seed=3)
    short, long = (np.repeat(np.cos(k * points[:, :1]), 3, 1) for k in (25, 3))
    assert climb(told(points, short)).posterior.kernel.lr_length < climb(told(points, long)).posterior.kernel.lr_length


@pytest.mark.parametrize("best", [0.2, 0.6, 0.9])
def test_it_finds_the_minimum_of_a_noisy_valley(best):
    points, curves = valley(24, 0.02, seed=4, best=best)
    found = [asked(points, curves, seed)[0] for seed in range(5)]
    assert np.median(np.abs(np.array(found) - best)) < 0.1


def test_stopped_trials_help():
    """Trials that were stopped at the first rung alone, but for two, still say where the valley is."""
    points, curves = valley(24, 0.01, seed=5)
    curves[2:, 1:] = np.nan
    assert abs(asked(points, curves)[0] - 0.6) < 0.2


def test_it_is_a_pure_function_of_what_is_seen_and_of_the_seed():
    points, curves = valley(16, 0.02, seed=6)
    assert asked(points, curves, 1).tolist() == asked(points, curves, 1).tolist()
    assert asked(points, curves, 1).tolist() != asked(points, curves, 2).tolist()


def test_the_order_of_trials_does_not_matter():
    points, curves = valley(16, 0.02, seed=7)
    order = np.random.default_rng(0).permutation(16)
    assert asked(points, curves).tolist() == asked(points[order], curves[order]).tolist()


def test_a_pending_trial_sends_the_next_one_elsewhere():
    points, curves = valley(16, 0.02, seed=8)
    first = asked(points, curves)
    second = asked(points, curves, pending=[first])
    assert np.abs(first - second).max() > 0.02


def test_expected_improvement_is_its_integral():
    values = np.linspace(-8, 8, 200_001)
    density = np.exp(-(values**2) / 2) / np.sqrt(2 * np.pi)
    for gain, deviation in ((0.3, 0.5), (-1.0, 0.4)):
        integral = (np.maximum(gain - deviation * values, 0) * density).sum() * (values[1] - values[0])
        assert expected_improvement(np.array([gain]), np.array([deviation]))[0] == pytest.approx(integral, rel=1e-5)


@settings(deadline=None, max_examples=30)
@given(
    st.integers(1, 12),
    st.sampled_from(["valley", "ties", "one place", "one LR", "huge", "no ends"]),
    st.integers(0, 12),
    st.integers(0, 3),
)
def test_it_copes_with_whatever_a_study_may_hold(count, kind, diverged, pending):
    points, curves = valley(count, 0.02, seed=9)
    if kind == "ties":
        curves[:] = 3.0
    elif kind == "one place":
        points[:] = 0.5
    elif kind == "one LR":
        points[:, 0] = 0.5
    elif kind == "huge":
        curves *= 1e12
    elif kind == "no ends":
        curves[:, 1:] = np.nan
    flags = np.arange(count) >= max(count - diverged, 1)
    curves[flags, 2] = np.nan
    point = asked(points, curves, pending=np.full((pending, 3), 0.5), diverged=flags)
    assert point.shape == (3,) and ((point >= 0) & (point <= 1)).all()
