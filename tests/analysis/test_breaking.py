"""Where training breaks: found within its interval for planted breaking LRs, and open where nothing or everything breaks."""

import numpy as np

from lrsweep.analysis.breaking import breaking, is_broken, limit_nats, next_lr, without_loss
from lrsweep.analysis.profile import Run

LADDER = [0.02 * 3.0**power for power in range(-3, 4)]


def runs(breaks, lrs=LADDER, width=0.0, random=None):
    """A run at each LR: it ends at 2 nats, or at 5.5 where it breaks; with a width the seed decides near the breaking LR."""
    noise = np.zeros(len(lrs)) if random is None else random.logistic(0.0, width, len(lrs))
    return [Run(lr, i, 5.5 if np.log(lr / breaks) + noise[i] > 0 else 2.0) for i, lr in enumerate(lrs)]


def test_the_limit_is_half_of_what_the_best_run_of_the_baseline_learned():
    assert limit_nats([Run(0.1, 0, 2.0), Run(0.2, 1, 3.0), Run(0.3, 2, None)], 6.0, 0.5) == 4.0
    assert limit_nats([Run(0.1, 0, 2.0)], 6.0, 0.25) == 5.0
    assert limit_nats([Run(0.1, 0, None)], 6.0, 0.5) is None
    assert limit_nats([Run(0.1, 0, 6.5)], 6.0, 0.5) is None, "nothing was learned"
    assert limit_nats([Run(0.1, 0, 2.0)], None, 0.5) is None


def test_what_is_broken():
    assert [is_broken(one, 4.0) for one in (Run(0.1, 0, None), Run(0.1, 0, 4.1), Run(0.1, 0, 4.0))] == [True, True, False]
    assert [is_broken(one, None) for one in (Run(0.1, 0, None), Run(0.1, 0, 9.0))] == [True, False]
    assert without_loss([Run(0.1, 0, 4.1), Run(0.2, 1, 3.0)], 4.0) == [Run(0.1, 0, None), Run(0.2, 1, 3.0)]


def test_the_interval_lies_about_the_gap_of_the_ladder():
    found = breaking(runs(0.1), 4.0, 0)
    below, above = 0.06, 0.18
    assert below / 3 < found.low < below < found.lr < above < found.high < 3 * above


def test_an_end_beyond_the_ladder_is_open():
    assert breaking(runs(1e6), 4.0, 0).lr is None and breaking(runs(1e6), 4.0, 0).high is None
    assert breaking(runs(1e-6), 4.0, 0).lr is None and breaking(runs(1e-6), 4.0, 0).low is None
    assert next_lr(runs(1e-6), 4.0, 3.0) < min(LADDER) and next_lr(runs(1e6), 4.0, 3.0) > max(LADDER)


def test_further_runs_narrow_the_interval():
    known = runs(0.1)
    first = breaking(known, 4.0, 0)
    for _ in range(3):
        lr = next_lr(known, 4.0, 3.0)
        known = [*known, Run(lr, len(known), 5.5 if lr > 0.1 else 2.0)]
    last = breaking(known, 4.0, 0)
    assert last.low < 0.1 < last.high
    assert np.log(last.high / last.low) < 0.6 * np.log(first.high / first.low)


def test_intervals_hold_planted_breaking_lrs():
    """In 300 ladders with two further runs each, where the seed decides within a range of LRs."""
    random, held = np.random.default_rng(0), 0
    for _ in range(300):
        truth = float(np.exp(random.uniform(np.log(0.003), np.log(0.4))))
        width = float(np.exp(random.normal(np.log(0.08), 0.8)))
        known = runs(truth, width=width, random=random)
        for _ in range(2):
            known += [Run(one.lr, len(known), one.loss_nats) for one in runs(truth, [next_lr(known, 4.0, 3.0)], width, random)]
        found = breaking(known, 4.0, 0)
        held += (found.low or 0) <= truth <= (found.high or 9)
    assert held >= 0.93 * 300
