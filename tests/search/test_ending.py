"""The ending: by hand on planted gains, and the same trials in whatever order they end on however many workers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsweep.search import plan
from lrsweep.search.ending import ended_at, has_ended
from lrsweep.search.plan import Task
from lrsweep.search.settings import Ending
from lrsweep.search.study import Summary, lag, sight
from tests.search.studies import SECTION, known, record
from tests.search.test_plan import ORDERS

RULE = Ending(gain=0.1, patience=3)
SMALL = SECTION.model_copy(update={"first_block": 8, "lag": 4, "trials": 40, "ending": RULE})
PROMISES = st.lists(st.sampled_from([None, 0.05, 0.1, 0.5]), min_size=32, max_size=32)


def promising(trial, promise):
    """A record whose proposal promises this share of a noise of 0.02."""
    gain, noise = (None, None) if promise is None else (0.02 * promise, 0.02)
    one = record(trial, "COMPLETE", [3.0] * 30)
    return replace(one, proposal=replace(one.proposal, expected_gain=gain, noise=noise))


@pytest.mark.parametrize(
    ("promises", "ended"),
    [
        ([], False),
        ([0.01, 0.01], False),  # fewer than the patience
        ([0.01, 0.01, 0.01], True),
        ([0.1, 0.1, 0.1], True),  # up to the share
        ([0.01, 0.2, 0.01, 0.01], False),
        ([0.2, 0.01, 0.01, 0.01], True),
        ([0.01, None, 0.01, 0.01], False),  # one of the Sobol sequence may gain anything
        ([0.01, 0.01, 0.01, 0.2], False),  # what was small before is no reason now
    ],
)
def test_the_last_proposals_decide(promises, ended):
    assert has_ended(promises, RULE) == ended


def test_a_promise_is_the_share_of_the_noise():
    assert replace(known(9, 0.01), expected_gain=0.003, noise=0.02).promise == pytest.approx(0.15)
    assert known(9, 0.01).promise is None
    assert replace(known(9, 0.01), expected_gain=0.003, noise=0.0).promise is None


def test_a_study_ends_a_lag_after_its_last_proposal_that_counts():
    """Trials 12 to 14 promise little. Trial 18 is the first that sees all three, as its lag is 4."""
    promises = {k: 0.01 if 12 <= k <= 14 else 0.5 for k in range(8, 40)}
    assert lag(18, SMALL) == 4 and sight(18, SMALL)[-1] == 14
    assert ended_at(promises, SMALL) == 18
    assert ended_at({k: promises[k] for k in range(8, 15)}, SMALL) == 18, "known as soon as trial 14 has ended"
    assert ended_at({k: promises[k] for k in range(8, 14)}, SMALL) is None
    assert ended_at(promises, SMALL.model_copy(update={"ending": None})) == 40
    assert ended_at(dict.fromkeys(range(8, 40), 0.5), SMALL) == 40


@given(PROMISES, ORDERS, st.integers(1, 6))
def test_the_same_trials_are_trained_in_any_order_by_any_number_of_workers(promises, random, workers):
    planted = dict(enumerate(promises, start=8))
    done, running, started = {}, [], []
    found = plan.study(SMALL, done)
    while not found.whole:
        for task in found.open():
            if len(running) < workers and task not in running:
                running.append(task)
                started.append(task)
        task = running.pop(random.randrange(len(running)))
        done[task] = promising(task.trial, planted.get(task.trial))
    assert not running
    end = ended_at(planted, SMALL)
    assert sorted({task.trial for task in started}) == list(range(end))
    assert plan.study(SMALL, done).whole
    off = plan.study(SMALL.model_copy(update={"ending": None}), done)
    assert off.whole == (end == 40), "null: never"


def test_trials_beyond_the_ending_are_no_reason_to_go_on():
    """A study that was longer before has records beyond its ending, and is whole all the same."""
    done = {}
    found = plan.study(SMALL.model_copy(update={"ending": None}), done)
    while not found.whole:
        for task in list(found.open()):
            done[task] = promising(task.trial, 0.01)
    assert Task(39, 0, 300) in done and plan.study(SMALL, done).whole


def test_a_summary_says_where_and_why():
    records = [record(k, "COMPLETE" if k else "PRUNED", [3.0] * 30) for k in range(20)]
    found = Summary.of(records, SMALL)
    assert (found.ended_at_trial, found.ended_by, found.steps_trained) == (20, "ending", 6000)
    assert (found.trials_complete, found.trials_pruned, found.ending_gain, found.ending_patience) == (19, 1, 0.1, 3)
    assert Summary.of(records, SMALL.model_copy(update={"trials": 20})).ended_by == "trials"
    off = Summary.of(records, SMALL.model_copy(update={"trials": 20, "ending": None}))
    assert (off.ended_by, off.ending_gain) == ("trials", None)
