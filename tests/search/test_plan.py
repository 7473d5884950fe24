"""What can be trained next: in whatever order tasks end, each is known when what it depends on has ended, and not before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsweep.search import plan, racing
from lrsweep.search.plan import Task
from lrsweep.search.racing import Entry
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

    def loss(entry):
        return CLEAR(entry) if entry.repeat < RACE.seeds else 1.0  # what confirms decides nothing

    def ended_race(task):
        return record(task.trial, "COMPLETE", [loss(racing.Entry(*divmod(task.trial, 100)))] * 30)

    found, running, started = plan.race(4, RACE, 300, done), [], []
    while not found.whole:
        for task in found.open():
            if len(running) < workers and task not in started:
                started.append(task)
                running.append(task)
        task = running.pop(random.randrange(len(running)))
        done[task] = ended_race(task)
    rounds = list(racing.run(4, RACE, CLEAR))
    confirming = racing.confirming(rounds[-1].standing[0], RACE)
    expected = [entry.trial for entries in (*(one.entries for one in rounds), confirming) for entry in entries]
    assert [task.trial for task in started] == expected and len(confirming) == 4
    assert found.planned == RACE.budget + 4


@given(ORDERS, st.integers(1, 9))
def test_a_run_of_a_profile_is_open_when_those_before_it_have_ended(random, workers):
    done, starts = {}, {}
    chains = [plan.Chain(until, 5, plan.AT_ONCE) for until in (150, 300, 600)]
    found, running = plan.placed(chains, done), []
    while not found.whole:
        for task in found.open():
            if len(running) < workers and task not in starts:
                starts[task] = set(done)
                running.append(task)
        task = running.pop(random.randrange(len(running)))
        done[task] = ended(task)
    assert found.planned == len(starts) == 15
    for task, known in starts.items():
        profile, run = racing.Entry.of(task.trial)
        assert task.until == (150, 300, 600)[profile]
        before = {Task(racing.Entry(profile, one).trial, 0, task.until) for one in range(run)}
        assert run < plan.AT_ONCE or before <= known


def test_the_first_runs_of_all_profiles_are_open_at_once():
    first = list(plan.placed([plan.Chain(until, 5, plan.AT_ONCE) for until in (150, 300)], {}).open())
    assert [racing.Entry.of(task.trial) for task in first] == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]


def test_each_of_ten_thousand_trials_is_looked_for_a_few_times():
    """Eight workers that each look anew after every trial, the first of which hangs."""

    class Counted(dict):
        asked = 0

        def __contains__(self, task):
            self.asked += 1
            return super().__contains__(task)

    section, done = SMALL.model_copy(update={"trials": 10_000, "lag": 16}), Counted()
    for found, hanging in ((plan.independent(10_000, 300, done), 0), (plan.study(section, done), None)):
        held = {hanging}
        while task := next((one for one in found.open() if one.trial not in held), None):
            done[task] = ended(task) if task.trial < 8 else None
    assert done.asked < 12 * 20_000


def test_later_runs_of_a_variant_wait_for_its_own_and_for_the_first_of_the_baseline():
    done = {}
    found = plan.ablations(2, 2, 3, 300, done)
    first = [Task(Entry(variant, run).trial, 0, 300) for run in range(2) for variant in range(2)]
    assert list(found.open()) == first and found.planned == 6
    later = [Task(Entry(variant, 2).trial, 0, 300) for variant in range(2)]
    for task in (first[1], first[3], first[0]):  # all of variant 1, and one of the baseline
        done[task] = ended(Task(0, 0, 300))
    assert list(found.open()) == [first[2]]
    done[first[2]] = ended(Task(0, 0, 300))
    assert list(found.open()) == later
    done |= {task: ended(Task(0, 0, 300)) for task in later}
    assert found.whole
