"""The learning rate of each step, by hand and as properties."""

import math
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsweep.space import Budget
from lrsweep.trainers.builtin.schedule import lr_at
from tests.trainers.builtin.tiny import OPTIMIZER


def budget(steps, warmup_steps):
    return Budget(steps=steps, warmup_steps=warmup_steps, eval_every=1)


def optimizer(schedule="cosine", min_lr_ratio=0.1, decay_share=0.25):
    return OPTIMIZER.model_copy(update={"schedule": schedule, "min_lr_ratio": min_lr_ratio, "decay_share": decay_share})


WARM_UP = [(0, 0), (1, 0.25), (2, 0.5), (4, 1)]
BY_HAND = {
    # 0.1 + 0.9 (1 + cos(pi j / 8)) / 2 at step 4 + j
    "cosine": [(6, 0.1 + 0.45 * (1 + math.sqrt(0.5))), (8, 0.55), (12, 0.1)],
    # 0.1 + 0.9 (1 - j / 8)
    "linear": [(6, 0.775), (8, 0.55), (11, 0.2125), (12, 0.1)],
    # at its peak up to step 8, then 0.1 + 0.9 (1 - sqrt(j / 4)) at step 8 + j: a third of the steps
    "wsd": [(5, 1), (8, 1), (9, 0.55), (10, 0.1 + 0.9 * (1 - math.sqrt(0.5))), (12, 0.1)],
}


@pytest.mark.parametrize(("schedule", "step", "share"), [(name, *at) for name, then in BY_HAND.items() for at in WARM_UP + then])
def test_learning_rates_by_hand(schedule, step, share):
    assert lr_at(step, 0.02, optimizer(schedule, decay_share=1 / 3), budget(12, 4)) == pytest.approx(0.02 * share)


def test_wsd_does_not_fall_before_the_warm_up_is_over():
    assert [lr_at(step, 1.0, optimizer("wsd", 0.0, 1.0), budget(8, 4)) for step in (3, 4, 5)] == [0.75, 1.0, 0.5]


def test_without_a_warm_up_the_cosine_starts_at_once():
    assert lr_at(0, 1.0, optimizer(min_lr_ratio=0.0), budget(10, 0)) == 0.0
    assert lr_at(1, 1.0, optimizer(min_lr_ratio=0.0), budget(10, 0)) == pytest.approx(0.5 * (1 + math.cos(math.pi / 10)))


def test_a_step_outside_the_budget_is_a_bug():
    with pytest.raises(AssertionError, match="step 11 lies outside a budget of 10"):
        lr_at(11, 1.0, optimizer(), budget(10, 2))


@given(st.sampled_from(list(BY_HAND)), st.floats(1e-6, 10), st.integers(2, 500), st.floats(0, 1), st.data())
def test_up_to_the_peak_then_down_to_the_minimum(schedule, max_lr, steps, ratio, data):
    length = budget(steps, data.draw(st.integers(0, steps - 1)))
    settings = optimizer(schedule, ratio, data.draw(st.floats(0.01, 1)))
    rates = [lr_at(step, max_lr, settings, length) for step in range(steps + 1)]
    warmup = length.warmup_steps
    assert rates[0] == 0 and rates[-1] == ratio * max_lr
    assert rates[warmup] == max_lr or warmup == 0
    assert all(low < high for low, high in pairwise(rates[: warmup + 1]))
    tail = rates[max(warmup, 1) :]
    assert all(high >= low - 1e-15 * max_lr for high, low in pairwise(tail))
    assert max(tail) <= max_lr * (1 + 1e-15)


def test_the_schedule_needs_no_heavy_import():
    code = "import sys, lrsweep.trainers.builtin.schedule; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
