"""The rise of the gradient norm: found where it was planted, by hand where trials end below it, unknown where not logged."""

import math

import numpy as np
import pandas as pd
import pytest

from lrsweep.analysis.rising import median_lr, rise_of
from tests.analysis.test_edge import SECTION

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
    found = rise_of(steps(np.linspace(0.02, 0.5, 23), 0.05), WARMUP, SECTION, 0)
    assert (found.trials, found.rose) == (23, 21), "two trials never come there"
    assert 0.05 < found.lr.low <= found.lr.lr <= found.lr.high < 0.05 + 0.5 / WARMUP


def test_what_rises_after_warm_up_or_by_less_than_twice_does_not_count():
    assert rise_of(steps([0.1, 0.2, 0.3], 0.05, height=1.9), WARMUP, SECTION, 0).rose == 0
    late = steps([0.1, 0.2, 0.3], 9.0)
    assert rise_of(late.assign(grad_norm=late["grad_norm"].mask(late["step"] > WARMUP, 9.0)), WARMUP, SECTION, 0).rose == 0


def test_a_norm_that_is_not_finite_has_risen():
    table = steps([0.1], 9.0)
    table.loc[table["step"] == 10, "grad_norm"] = math.inf
    assert rise_of(table, WARMUP, SECTION, 0).lr.lr == pytest.approx(0.05)


def test_nothing_is_said_of_norms_or_rates_that_were_not_logged():
    table = steps([0.1, 0.2, 0.3], 0.05)
    for column in ("grad_norm", "lr"):
        assert rise_of(table.assign(**{column: math.nan}), WARMUP, SECTION, 0) is None
    assert rise_of(table.iloc[:0], WARMUP, SECTION, 0) is None


@pytest.mark.parametrize(
    ("trials", "lr"),
    [
        ([(1, True), (2, True), (3, True), (4, True)], 2),
        ([(1, False), (2, True), (3, True), (4, True)], 3),  # 1, 2/3, 1/3
        ([(1, False), (2, False), (3, True), (4, False)], 3),  # 1/2 of the two that came there
        ([(1, True), (2, False), (3, False)], math.inf),
        ([(2, True), (2, False)], 2),  # who rises at an LR comes before who ends there
    ],
)
def test_trials_that_end_calm_count_up_to_their_highest_lr(trials, lr):
    lrs, rose = map(np.array, zip(*trials, strict=True))
    assert median_lr(lrs, rose, np.ones(len(trials))) == lr
