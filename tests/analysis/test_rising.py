"""The rise of the gradient norm: found where it was planted, by hand where trials end below it, unknown where not logged."""

import math

import numpy as np
import pandas as pd
import pytest

from lrsweep.analysis.ranges import Bounded
from lrsweep.analysis.rising import Rises, Warmed, rise_of

WARMUP = 20


def steps(max_lrs, rises_at, height=3.0):
    """Warm-ups to these LRs whose norm is 1 and, above an LR, higher."""
    rows = [
        {"trial": k, "step": step, "lr": max_lr * min(1.0, step / WARMUP), "grad_norm": 1.0}
        for k, max_lr in enumerate(max_lrs) for step in range(1, 2 * WARMUP)
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    return table.assign(grad_norm=table["grad_norm"].mask(table["lr"] > rises_at, height))


def test_a_planted_rise_is_found():
    found = rise_of(steps(np.linspace(0.02, 0.5, 23), 0.05), WARMUP, 0)
    assert (found.trials, found.rose) == (23, 21), "two trials never come there"
    assert found.lr.low <= 0.05 <= found.lr.high < 1.1 * found.lr.low


def test_what_rises_after_warm_up_or_by_less_than_twice_does_not_count():
    assert rise_of(steps([0.1, 0.2, 0.3], 0.05, height=1.9), WARMUP, 0).rose == 0
    late = steps([0.1, 0.2, 0.3], 9.0)
    assert rise_of(late.assign(grad_norm=late["grad_norm"].mask(late["step"] > WARMUP, 9.0)), WARMUP, 0).rose == 0


def test_a_norm_that_is_not_finite_has_risen():
    table = steps([0.1], 9.0)
    table.loc[table["step"] == 10, "grad_norm"] = math.inf
    assert 0.045 < rise_of(table, WARMUP, 0).lr.lr < 0.05


def test_nothing_is_said_of_norms_or_rates_that_were_not_logged():
    table = steps([0.1, 0.2, 0.3], 0.05)
    for column in ("grad_norm", "lr"):
        assert rise_of(table.assign(**{column: math.nan}), WARMUP, 0) is None
    assert rise_of(table.iloc[:0], WARMUP, 0) is None


def test_the_posterior_is_that_of_its_likelihood():
    """Beside a sum over the cells, written out: one trial rose between 0.1 and 0.2, one did not between 0.05 and 0.4."""
    found = Rises([Warmed(0.05, 0.5, (0.1, 0.2)), Warmed(0.05, 0.4, None)])

    def risen(lr):
        return 1 / (1 + np.exp(-(np.log(lr) - found._m) / found._s))

    prior = np.exp(-0.5 * ((np.log(found._s) - np.log(0.2)) / 0.8) ** 2)
    expected = prior * (risen(0.2) - risen(0.1)) * (risen(0.05) + 1 - risen(0.4))
    assert found._weights == pytest.approx(expected / expected.sum(), abs=1e-12)


def test_a_rise_between_two_steps_is_not_placed_at_the_later_one():
    """Most draws of a uniform phase 1 have long steps of LR: the LR of the step at which each rose is up to 0.5 / 20 too high."""
    inside = []
    for seed in range(30):
        random = np.random.default_rng(seed)
        tables = [
            steps([most], 0.04 * np.exp(0.2 * random.normal())).assign(trial=k)
            for k, most in enumerate(random.uniform(0.01, 0.5, 23))
        ]
        found = rise_of(pd.concat(tables, ignore_index=True), WARMUP, 0).lr
        inside.append(found.low <= 0.04 <= found.high)
    assert np.mean(inside) >= 0.9


def test_trials_that_had_risen_at_their_first_step_do_not_count_as_calm():
    """Above 0.5 / 20 from the first step on, six of twelve trials show no rise, and the others tell where it was."""
    tables = steps([0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.45, 0.46, 0.47, 0.48, 0.49, 0.5], 0.015)
    found = rise_of(tables, WARMUP, 0)
    assert found.rose == 6 and found.lr.low < 0.0155 < found.lr.high < 0.025


def test_where_none_rose_the_lr_is_not_known():
    found = rise_of(steps([0.1, 0.2, 0.3, 0.4], 9.0), WARMUP, 0)
    assert found.rose == 0 and found.lr == Bounded(None, None, None)
