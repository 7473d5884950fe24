"""Why a trial spiked: the step that is found, the weights that went first, and the verdict for planted outcomes."""

import math

import numpy as np
import pandas as pd
import pytest

from lrsweep.analysis import why
from lrsweep.analysis.settings import Edge
from lrsweep.config import checking
from lrsweep.config.checking import PARAMS

SECTION: Edge = checking.load(PARAMS).edge.model_copy(update={"spike_window": 4, "spike_factor": 3.0})
NAN = math.nan


def curve(*norms, last_loss=2.0):
    return {"grad_norm": np.array(norms), "loss_nats": np.array([2.0] * (len(norms) - 1) + [last_loss])}


def find(*norms, diverged=False, steps=10, step=None, last_loss=2.0):
    return why.find(curve(*norms, last_loss=last_loss), diverged, steps, step, SECTION)


def test_the_greatest_rise_over_the_median_of_the_steps_before_it():
    assert find(1, 9, 1, 3, 2, 8, 2) == why.Rise(6, "spike", 8.0, 2.5, 4, 8 / 2.5)  # 9 at step 2 has no full window
    assert find(1, 1, 1, 1, 1, 2, 1) == why.Rise(6, "rise", 2.0, 1.0, 4, 2.0)
    assert find(1, 9, 1, 1, 1, 2, 1, step=2) == why.Rise(2, "spike", 9.0, 1.0, 1, 9.0)
    assert find(1, 1, 2).step == 3  # too short for any full window


def test_where_training_broke():
    broken = why.Rise(5, "break", None, 1.0, 4, None)
    assert find(1, 1, 1, 1, NAN, diverged=True) == broken
    assert find(1, 1, 1, 1, 1, diverged=True, last_loss=NAN) == broken
    assert find(1, 1, 1, 1, diverged=True) == broken  # by an eval after step 4
    assert find(1, 1, 1, 1, diverged=True, steps=4) == why.Rise(4, "break", None, 1.0, 3, None)
    assert find(NAN, diverged=True) == find(diverged=True) == why.Rise(1, "break", None, None, 0, None)
    assert find(1, 1, 1, 1, 5, 1, NAN, diverged=True, step=5).kind == "spike"


def norms(**series):
    """Rows of weights in order from the loss, `a_1` of block 1; the update is always 1."""
    rows = []
    for order, (name, values) in enumerate(series.items()):
        group, _, layer = name.partition("_")
        for step, value in enumerate(values, start=1):
            about = {"group": group, "layer": int(layer) if layer else None, "order": order}
            rows.append({**about, "step": step, "gradient": value, "update": 1.0})
    return pd.DataFrame(rows)


def test_the_weight_that_rose_first_and_of_those_at_one_step_the_one_next_to_the_loss():
    table = norms(head=[2, 9, 2, 2, 2, 2], b_1=[1, 1, 1, 1, 9, 1], a_1=[1, 1, 1, 1, 90, 1], b_0=[1, 1, 1, 4, 15, 1])
    found = why.parts(table, find(1, 1, 1, 1, 9, 1), SECTION)
    assert [(part.group, part.layer, part.since) for part in found] == [
        ("b", 0, 4),
        ("b", 1, 5),
        ("a", 1, 5),
        ("head", None, None),
    ]
    assert found[2].gradient == 90 and found[0].gradient == 15 and found[0].update == 1  # by the medians of steps 1 to 4
    assert [str(part) for part in found[2:]] == ["a of block 1", "head"]


def test_a_weight_whose_gradient_is_not_finite_has_risen():
    found = why.parts(norms(head=[1, 1, 1, 1, NAN]), find(1, 1, 1, 1, NAN, diverged=True), SECTION)
    assert (found[0].since, found[0].gradient) == (5, None)


SPIKE = find(1, 1, 1, 1, 5, 1)
CALM, HIGH = [1.0, 1.2], [1.0, 5.0]


def outcomes(other=0, **changed):
    """A spike that nothing but what is `changed` prevents; on other batches `other` of 8 spike at the step."""
    rows = []
    own = {why.RECORDED: HIGH, why.HALF_LR: HIGH, why.SHORT_MEMORY: HIGH, why.PRECISE: HIGH}
    own |= {why.EARLIER: [1.0], why.PRECISE_NOW: [5.0]} | {
        getattr(why, name): values for name, values in changed.items() if name.isupper()
    }
    rates = {why.RECORDED: 6, why.HALF_LR: 6, why.SHORT_MEMORY: 6} | {
        getattr(why, name.upper()): n for name, n in changed.items() if name.islower()
    }
    for name, values in own.items():
        rows += [(name, 0, step, norm) for step, norm in enumerate(values, start=4)]
        rows += [(name, number, 4, 5.0 if number <= rates[name] else 1.0) for number in range(1, 7) if name in rates]
    rows += [(why.OTHER_BATCH, number, 5, 5.0 if number <= other else 1.0) for number in range(1, 9)]
    return pd.DataFrame(rows, columns=["test", "run", "step", "grad_norm"])


CASES = {
    "batch": ({"EARLIER": [4.0]}, "the batch: it spikes at the weights of 5 steps before too"),
    "batch and state": ({}, "this batch at these weights"),
    "learning rate": ({"other": 8, "HALF_LR": CALM}, "none of it is left after 5 steps at half the LR"),
    "second moment": ({"other": 5, "SHORT_MEMORY": CALM}, "memory is shorter"),
    "state": ({"other": 8, "EARLIER": [4.0]}, "and so they did 5 steps before"),
    "rounding": ({"PRECISE_NOW": [1.1]}, "in higher precision the same batch at the same weights does not spike"),
    "not reproduced": ({"RECORDED": CALM}, "trained again, step 5 does not spike"),
}


@pytest.mark.parametrize("cause", CASES)
def test_the_verdict_for_planted_outcomes(cause):
    changed, says = CASES[cause]
    found = why.judge(SPIKE, why.tests(outcomes(**changed), SPIKE, SECTION))
    assert found.cause == cause and says in found.says and "Chance" not in found.says


def test_a_learning_rate_of_which_half_is_still_too_high():
    found = why.judge(SPIKE, why.tests(outcomes(other=8), SPIKE, SECTION))
    assert found.cause == "learning rate" and "half of it is still too high" in found.says


def test_a_calm_run_shows_nothing_where_rounding_prevents_the_spike_too_and_the_runs_spike_as_often():
    changed = {"other": 8, "HALF_LR": CALM, "PRECISE": CALM}
    assert why.judge(SPIKE, why.tests(outcomes(**changed), SPIKE, SECTION)).cause == "state"
    assert why.judge(SPIKE, why.tests(outcomes(**changed, half_lr=2), SPIKE, SECTION)).cause == "learning rate"


def test_a_half_of_the_batches_is_not_most_of_them():
    assert why.judge(SPIKE, why.tests(outcomes(other=4), SPIKE, SECTION)).cause == "batch and state"


def test_rates_are_called_rarer_where_fisher_s_test_tells_them_apart():
    """6 of 6 against 2 of 6 has a one-sided p of 15 / 495 = 0.030, and against 3 of 6 of 20 / 220 = 0.091."""
    says = why.judge(SPIKE, why.tests(outcomes(half_lr=2, short_memory=3), SPIKE, SECTION)).says
    assert "Of 6 runs on other batches from 5 steps before, 6 spike soon; 2 with half the LR, which is rarer" in says
    assert "3 with a tenth of beta2's memory, which is not clearly rarer" in says


def test_a_spike_that_rounding_moves_is_said_to_be_chance():
    found = why.judge(SPIKE, why.tests(outcomes(PRECISE=CALM), SPIKE, SECTION))
    assert found.cause == "batch and state" and "Chance chose the step" in found.says


def test_a_run_that_breaks_spikes_and_has_no_norm():
    (recorded, *_) = why.tests(outcomes(RECORDED=[1.0, NAN]), SPIKE, SECTION)
    assert recorded.spikes and recorded.multiple is None
    by_name = {test.name: test for test in why.tests(outcomes(other=3), SPIKE, SECTION)}
    assert by_name[why.PRECISE_NOW].multiple == 5 and by_name[why.PRECISE_NOW].runs == 0
    assert (by_name[why.OTHER_BATCH].multiple, by_name[why.OTHER_BATCH].spiking, by_name[why.OTHER_BATCH].spikes) == (1, 3, False)


def test_no_spike_and_a_break_at_the_first_step_need_no_counter_tests():
    calm = why.judge(find(1, 1, 1, 1, 1.5), ())
    assert calm.cause == "no spike" and "step 5" in calm.says and "1.5 times" in calm.says
    assert why.judge(find(NAN, diverged=True), ()).cause == "first step"
    assert why.judge(find(0, 0, 0, 0, 0), ()).cause == "no spike"  # norms of zero have no multiple


def test_a_norm_of_zero_is_no_measure():
    assert find(2, 0, 0, 0, NAN, diverged=True) == why.Rise(5, "break", None, 2.0, 4, None)
    assert find(0, 0, 0, NAN, diverged=True).median is None
