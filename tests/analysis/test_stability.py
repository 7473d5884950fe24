"""The maximum stable LR: the posterior by hand, its coverage on planted truth, and where the next run goes."""

import numpy as np
import pytest

from lrsweep.analysis.stability import Breaks, breaks_of

HALF, WIDTH = np.log(0.3), 0.2  # of the planted probability: the log LR at which half of the runs break, and its width in nats


def planted(log_lrs, seed):
    rng = np.random.default_rng(seed)
    return rng.random(len(log_lrs)) < 1 / (1 + np.exp(-(np.asarray(log_lrs) - HALF) / WIDTH))


def test_the_interval_covers_the_truth():
    truth, covered = np.exp(HALF + WIDTH * np.log(0.1 / 0.9)), 0
    for seed in range(20):
        log_lrs = np.log(np.random.default_rng([seed, 1]).uniform(0.001, 0.6, 30))
        found = Breaks(log_lrs, planted(log_lrs, seed)).lr_at(0.1, seed)
        covered += (found.low is None or found.low < truth) and (found.high is None or truth < found.high)
    assert covered >= 18


def test_many_runs_pin_it_down():
    log_lrs = np.linspace(np.log(0.05), np.log(1.0), 400)
    known = Breaks(log_lrs, planted(log_lrs, 0))
    stable, half = known.lr_at(0.1, 0), known.lr_at(0.5, 0)
    assert half.lr == pytest.approx(0.3, rel=0.1) and half.high / half.low < 1.3
    assert stable.lr == pytest.approx(np.exp(HALF + WIDTH * np.log(0.1 / 0.9)), rel=0.15)
    assert known.probability(np.log(0.3)) == pytest.approx(0.5, abs=0.1)


def test_nothing_is_said_of_lrs_that_were_not_tried():
    log_lrs = np.log([0.01, 0.02, 0.04, 0.08])
    calm, broken = Breaks(log_lrs, np.zeros(4, bool)).lr_at(0.1, 0), Breaks(log_lrs, np.ones(4, bool)).lr_at(0.1, 0)
    assert calm.high is None and calm.lr is None and 0.01 < calm.low < 0.08
    assert broken.low is None and broken.lr is None


def test_no_runs_say_nothing():
    assert breaks_of([]) is None


def test_the_next_run_goes_where_it_is_not_known_whether_training_breaks():
    known = Breaks(np.log([0.01, 0.02, 0.04, 0.4, 0.5]), np.array([False, False, False, True, True]))
    assert 0.04 < known.next_lr(0.1, 0.01, 2.0) < 0.4


def test_placed_runs_tell_more_than_drawn_ones():
    def spread(place):
        widths = []
        for seed in range(6):
            lrs = list(np.random.default_rng([seed, 2]).uniform(0.001, 0.5, 10))
            for _ in range(5):
                lrs.append(place(lrs, seed))
            found = Breaks(np.log(lrs), planted(np.log(lrs), seed)).lr_at(0.5, seed)
            widths.append(np.log((found.high or 2.0) / (found.low or 0.001)))
        return np.mean(widths)

    def placed(lrs, seed):
        return Breaks(np.log(lrs), planted(np.log(lrs), seed)).next_lr(0.1, 0.001, 2.0)

    assert spread(placed) < spread(lambda lrs, seed: np.random.default_rng([seed, len(lrs)]).uniform(0.001, 0.5))
