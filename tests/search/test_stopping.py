"""The stopping rule against values worked out by hand, and its properties."""

from hypothesis import given
from hypothesis import strategies as st

from lrsweep.search.stopping import halve, judge, threshold

FINITE = st.floats(-1e6, 1e6)


def test_threshold_is_the_value_at_n_over_eta():
    assert threshold([4.0, 1.0, 3.0, 2.0], 2) == 3.0
    assert threshold([3.0, 1.0, 2.0], 2) == 2.0
    assert threshold([5.0, 1.0, 2.0, 3.0, 4.0, 6.0], 3) == 3.0


def test_only_the_strictly_worse_stops():
    assert not judge(2.0, [1.0, 3.0], 2).stopped  # sorted 1 2 3: the threshold is itself
    assert judge(2.5, [1.0, 2.0, 3.0, 0.5], 2) == (2.0, True)


def test_a_slack_raises_the_threshold_by_a_share_of_itself():
    assert judge(2.09, [1.0, 2.0, 3.0, 0.5], 2, 0.05) == (2.1, False)
    assert judge(2.11, [1.0, 2.0, 3.0, 0.5], 2, 0.05).stopped
    assert judge(-1.95, [-1.0, -2.0, -3.0, -2.5], 2, 0.05) == (-1.9, False)  # of a negative metric too


def test_the_first_trial_at_a_rung_goes_on():
    assert judge(99.0, [], 2) == (None, False)


def test_the_rule_cannot_fire_against_a_single_reference():
    assert not judge(99.0, [1.0], 2).stopped


@given(st.lists(FINITE, min_size=1), FINITE, st.integers(2, 4))
def test_a_better_value_never_stops_where_a_worse_one_goes_on(references, value, eta):
    if not judge(value, references, eta).stopped:
        assert not judge(value - 1.0, references, eta).stopped


def test_halving_keeps_the_better_part_in_trial_order():
    assert halve({0: 3.0, 1: 1.0, 2: 4.0, 3: 2.0}, 4, 2) == [1, 3]


def test_halving_breaks_ties_by_number_and_drops_the_diverged():
    assert halve({0: 1.0, 1: 1.0, 2: 1.0, 3: None}, 4, 2) == [0, 1]
    assert halve({0: None, 1: 7.0, 2: None, 3: None}, 4, 2) == [1]
