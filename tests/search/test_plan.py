"""What can be trained next: in whatever order tasks end, each is known when what it depends on has ended, and not before."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsweep.search import plan, racing
from lrsweep.search.plan import Task
from lrsweep.search.study import close_block, sight
from tests.search.studies import SECTION, record
from tests.search.test_racing import CLEAR
from tests.search.test_racing import SECTION as RACE

SMALL = SECTION.model_copy(update={"first_block": 8, "lag": 4, "trials": 24})
ORDERS = st.randoms(use_true_random=False)


def ended(task):
    """A record of a block in which later trials are better."""
    return record(task.trial, "COMPLETE", [6.0 - 0.1 * task.trial] * (task.until // 10))


def trained(found, done, workers, random):
    """Let workers take the lowest open tasks and end them in a random order; the tasks in the order of their starts."""
    started, running = [], []
    while not found.whole:
        for task in found.open():
            if len(running) < workers and task not in started:
                started.append(task)
                running.append(task)
        task = running.pop(random.randrange(len(running)))
        done[task] = ended(task)
    assert not running
    return started


def test_independent_trials_are_open_from_the_start():
    done = {}
    found = plan.independent(3, 300, done)
    assert list(found.open()) == [Task(0, 0, 300), Task(1, 0, 300), Task(2, 0, 300)] and found.planned == 3
    done[Task(1, 0, 300)] = record(1, "COMPLETE", [3.0] * 30)
    assert [task.trial for task in found.open()] == [0, 2] and not found.whole
    done |= {Task(trial, 0, 300): record(trial, "COMPLETE", [3.0] * 30) for trial in range(3)}
    assert found.whole and list(found.open()) == []


def test_the_block_goes_on_rung_by_rung():
    done = {}
    found = plan.study(SMALL, done)
    for level, (until, trials) in enumerate([(40, range(8)), (80, range(4, 8)), (160, range(6, 8)), (300, [7])]):
        tasks = [Task(trial, level, until) for trial in trials]
        assert list(found.open()) == tasks
        for task in reversed(tasks):
            assert task in list(found.open())
            done[task] = ended(task)
    assert [(task.trial, task.level, task.until) for task in found.open()] == [(k, 0, 300) for k in (8, 9, 10, 11)]
    assert plan.block(SMALL, done) == close_block(
        [{task.trial: one for task, one in done.items() if task.level == level} for level in range(4)], SMALL
    )


@given(ORDERS, st.integers(1, 6))
def test_a_trial_is_open_when_its_sight_is_complete(random, workers):
    done, before = {}, set()
    found = plan.study(SMALL, done)
    started = trained(found, done, workers, random)
    later = [task.trial for task in started if task.trial >= SMALL.first_block]
    assert later == list(range(8, 24)), "the lowest first"
    assert len(started) == len(set(started)) == 8 + 4 + 2 + 1 + 16

    fresh = {task: one for task, one in done.items() if task.trial < 8}
    for trial in later:
        while (Task(trial, 0, 300)) not in plan.study(SMALL, fresh).open():
            lowest = next(k for k in sight(trial, SMALL) if k not in before)
            before.add(lowest)
            fresh[Task(lowest, 0, 300)] = done[Task(lowest, 0, 300)]
        assert before <= set(sight(trial, SMALL)), "nothing beyond its sight was needed"


@pytest.mark.parametrize("block", [0, 1])
def test_a_study_may_have_next_to_no_block(block):
    done = {}
    section = SMALL.model_copy(update={"first_block": block, "trials": 5})
    found = plan.study(section, done)
    while not found.whole:
        task = next(found.open())
        done[task] = ended(task)
    assert {task.trial for task in done} == set(range(5)) and plan.block(section, done) == [
        one for one in plan.block(section, done) if one.trial < block
    ]


@given(ORDERS, st.integers(1, 9))
def test_the_race_is_that_of_its_rounds(random, workers):
    done = {}

    def ended_race(task):
        return record(task.trial, "COMPLETE", [CLEAR(racing.Entry(*divmod(task.trial, 100)))] * 30)

    found, running, started = plan.race(4, RACE, 300, done), [], []
    while not found.whole:
        for task in found.open():
            if len(running) < workers and task not in started:
                started.append(task)
                running.append(task)
        task = running.pop(random.randrange(len(running)))
        done[task] = ended_race(task)
    expected = [entry.trial for one in racing.run(4, RACE, CLEAR) for entry in one.entries]
    assert [task.trial for task in started] == expected and found.planned == RACE.budget


def test_ten_thousand_trials_are_planned_in_no_time():
    """Eight workers that each look anew after every trial, the first of which hangs."""

    class Counted(dict):
        asked = 0

        def __contains__(self, task):
            self.asked += 1
            return super().__contains__(task)

    section, done = SMALL.model_copy(update={"trials": 10_000, "lag": 16}), Counted()
    began = time.process_time()
    for found, hanging in ((plan.independent(10_000, 300, done), 0), (plan.study(section, done), None)):
        held = {hanging}
        while task := next((one for one in found.open() if one.trial not in held), None):
            done[task] = ended(task) if task.trial < 8 else None
    assert done.asked < 12 * 20_000
    assert time.process_time() - began < 5
