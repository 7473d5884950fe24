"""Profiles of planted valleys: what is found, how its intervals hold, and where the next run goes."""

import numpy as np
import pytest

from lrsweep.analysis.profile import BAND, NEAR_OPTIMAL, Run, excess, next_lr, profile_of, reach
from lrsweep.errors import UserError

BEST, LEAST, CURVATURE = 0.01, 2.0, 0.05


def loss(lr: float, noise: float = 0.0) -> float:
    return LEAST * float(np.exp(CURVATURE * np.log(lr / BEST) ** 2 + noise))


def tried(lrs, noise=0.0, seed=0):
    errors = np.random.default_rng(seed).normal(0, noise, len(lrs))
    return [Run(lr, k, loss(lr, error)) for k, (lr, error) in enumerate(zip(lrs, errors, strict=True))]


def holds(interval, value):
    return interval.low <= value <= interval.high


def test_a_parabola_without_noise_is_found():
    found = profile_of(tried(np.geomspace(0.003, 0.03, 9).tolist()), 0)
    assert found.lr.value == pytest.approx(BEST, rel=0.03)
    assert found.loss_nats.value == pytest.approx(LEAST, rel=0.002)
    # by hand: the excess is log(1 + share) at a distance of the root of log(1 + share) / curvature
    band, edge = (np.exp(np.sqrt(np.log1p(share) / CURVATURE)) for share in (BAND, NEAR_OPTIMAL))
    assert holds(found.band_low, BEST / band) and holds(found.band_high, BEST * band)
    assert holds(found.near_optimal_lr, BEST * edge)
    assert found.band_high.value == pytest.approx(BEST * band, rel=0.1)
    assert found.near_optimal_lr.value == pytest.approx(BEST * edge, rel=0.2)
    assert not found.at_border


def test_the_sensitivity_is_the_mean_excess_over_the_lrs_tried():
    found = profile_of(tried(np.geomspace(0.001, 0.1, 9).tolist()), 0)
    mean = np.mean([loss(lr) for lr in np.geomspace(0.001, 0.1, 1001)]) - LEAST
    assert found.sensitivity_nats.value == pytest.approx(mean, rel=0.05)
    assert holds(found.sensitivity_nats, mean)


@pytest.mark.parametrize("noise", [0.002, 0.01])
def test_intervals_hold_the_truth_in_most_seeds(noise):
    found = [profile_of(tried(np.geomspace(0.003, 0.03, 7).tolist(), noise, seed), seed) for seed in range(40)]
    assert sum(holds(one.lr, BEST) for one in found) >= 36
    assert sum(holds(one.loss_nats, LEAST) for one in found) >= 36


def test_more_noise_gives_wider_intervals():
    narrow, wide = (profile_of(tried(np.geomspace(0.003, 0.03, 9).tolist(), noise), 0) for noise in (0.0005, 0.03))
    assert wide.lr.high / wide.lr.low > 1.5 * narrow.lr.high / narrow.lr.low


def test_seeds_at_one_lr_count_as_repetitions():
    lrs = np.geomspace(0.003, 0.03, 5).tolist()
    once, often = profile_of(tried(lrs, 0.01), 0), profile_of(tried(lrs * 6, 0.01), 0)
    assert often.log_lr_sd < once.log_lr_sd


def test_the_best_lr_is_below_one_where_every_run_diverged():
    falling = [Run(lr, k, 3 - 0.1 * k) for k, lr in enumerate((0.001, 0.002, 0.004))]
    open_end, bounded = profile_of(falling, 0), profile_of([*falling, Run(0.005, 3, None)], 0)
    assert open_end.at_border and open_end.lr.high > 0.005
    assert bounded.lr.high <= 0.005 * (1 + 1e-9)


def test_a_diverged_run_below_others_that_did_not_bounds_nothing():
    runs = tried(np.geomspace(0.003, 0.03, 7).tolist())
    assert profile_of([*runs, Run(0.004, 9, None)], 0).lr == profile_of(runs, 0).lr


def test_reach_is_the_inverse_of_excess():
    curvature, skew = np.array([0.02, 0.1]), np.array([0.3, -0.3])
    for side in (-1, 1):
        distance = reach(0.01, curvature, skew, side)
        assert excess(side * distance, curvature, skew) == pytest.approx(np.log(1.01))


def test_the_first_runs_go_to_the_start_and_both_sides_whatever_is_known():
    assert [next_lr([], [0.01] * k, 0.01, 2.0, 0).lr for k in range(3)] == [0.01, 0.02, 0.005]


def test_each_run_has_a_seed_of_its_own_and_the_same_knowledge_gives_the_same_place():
    runs = tried([0.01, 0.02, 0.005])
    assert next_lr(runs, [], 0.01, 2.0, 0) == next_lr(list(runs), [], 0.01, 2.0, 0)
    assert next_lr(runs, [], 0.01, 2.0, 0).seed == 3
    assert next_lr(runs, [0.015], 0.01, 2.0, 0).seed == 4


def test_a_run_in_progress_sends_the_next_one_to_the_other_side():
    runs = tried([0.01, 0.02, 0.005], 0.005)
    first = next_lr(runs, [], 0.01, 2.0, 0).lr
    second = next_lr(runs, [first], 0.01, 2.0, 0).lr
    assert (first > BEST) != (second > BEST)


def test_where_all_diverged_it_goes_down():
    runs = [Run(lr, k, None) for k, lr in enumerate((1.0, 2.0, 0.5))]
    assert next_lr(runs, [], 1.0, 2.0, 0).lr == 0.25


@pytest.mark.parametrize("off", [0.25, 4.0])
def test_seven_runs_find_the_best_lr_from_a_start_off_by_four(off):
    near = 0
    for seed in range(10):
        errors, runs = np.random.default_rng(seed), []
        for _ in range(7):
            placed = next_lr(runs, [], BEST * off, 2.5, seed)
            runs.append(Run(placed.lr, placed.seed, loss(placed.lr, errors.normal(0, 0.007))))
        near += abs(np.log(profile_of(runs, seed).lr.value / BEST)) <= np.log(1.2)
    assert near >= 9


@pytest.mark.parametrize("lost", [0.0, -1.5])
def test_a_loss_that_has_no_logarithm_is_refused(lost):
    with pytest.raises(UserError, match=f"found a final loss of {lost:g} at LR 0.01, expected losses above 0"):
        profile_of([*tried([0.003, 0.03]), Run(0.01, 2, lost)], 0)
