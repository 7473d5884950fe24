"""The metrics against values worked out by hand."""

import pytest

from lrsweep.search.metric import components, weight_ratio
from lrsweep.search.settings import Metric

SECTION = Metric(name="m_u", window=2, kappa=2.0, rho=0.9, rise_weight=1.0)


def test_m_u_by_hand():
    # evals 1 … 4; the window is 2, so u starts at eval 3, whose LR is at the peak: u_3 = -(4 - mean(6, 5)) = 1.5
    # eval 4 is off the peak: u_4 = L_4 = 3. Weights 1 and 2: M_u = (1 · 1.5 + 2 · 3) / 3 = 2.5
    rows = components([0.0, 0.5, 0.8, 1.0, 0.5], [9.0, 6.0, 5.0, 4.0, 3.0], 1.0, SECTION)
    assert [row.m_u for row in rows] == [None, None, None, 1.5, 2.5]
    assert rows[3].reference_nats == 5.5
    assert rows[4].u == 3.0


def test_a_rise_near_the_peak_is_rewarded():
    calm = components([0, 1, 1, 1], [9.0, 5.0, 5.0, 5.0], 1.0, SECTION)[-1].m_u
    rise = components([0, 1, 1, 1], [9.0, 5.0, 5.0, 6.0], 1.0, SECTION)[-1].m_u
    assert rise == -1.0 and rise < calm == 0.0


def test_alternatives_leave_out_the_eval_at_step_0():
    rows = components([0.0, 1.0, 1.0], [1.0, 6.0, 4.0], 1.0, SECTION)
    assert rows[0].value("minimum") is None and rows[0].value("loss") == 1.0
    assert rows[2].value("minimum") == 4.0
    assert rows[2].value("trailing_mean") == 5.0


@pytest.mark.parametrize(("kappa", "expected"), [(1.01, 6.9), (1.015, 18), (1.02, 47), (1.03, 310), (1.05, 13_000), (1.10, 1e8)])
def test_weight_of_the_last_term_over_the_first_in_the_write_up(kappa, expected):
    assert weight_ratio(kappa, 200, 5) == pytest.approx(expected, rel=0.08)


def test_many_evals_do_not_overflow():
    section = SECTION.model_copy(update={"kappa": 3.0})
    assert components([0.1] * 5000, [2.0] * 5000, 1.0, section)[-1].m_u == pytest.approx(2.0)
