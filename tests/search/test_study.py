"""What a trial may see, and how the first block is cut."""

import pytest

from lrsweep.search.study import at_once, chunks, close_block, lag, pending, sight, survivors, window
from tests.test_proposing import SECTION, record

SMALL = SECTION.model_copy(update={"first_block": 8, "lag": 4})


def test_sight_and_pending_share_the_trials_after_the_block():
    assert list(sight(8, SMALL)) == [] and list(pending(8, SMALL)) == []
    assert list(sight(11, SMALL)) == [] and list(pending(11, SMALL)) == [8, 9, 10]
    assert list(sight(14, SMALL)) == [8, 9, 10] and list(pending(14, SMALL)) == [11, 12, 13]


def test_a_young_study_has_no_more_at_once_than_half_of_what_it_knows():
    wide = SMALL.model_copy(update={"lag": 32})
    assert [lag(k, wide) for k in (8, 9, 10, 31, 63, 64, 1000)] == [4, 4, 5, 15, 31, 32, 32]
    assert list(sight(12, wide)) == [] and list(sight(15, wide)) == [8] and list(sight(100, wide)) == list(range(8, 69))
    assert all(sight(k, wide).stop <= sight(k + 1, wide).stop for k in range(8, 200))
    assert lag(1, SMALL.model_copy(update={"first_block": 1, "lag": 1})) == 1


@pytest.mark.parametrize("lag, size", [(1, 1), (4, 1), (8, 2), (8, 5), (32, 3), (32, 64)])
def test_a_job_has_all_that_its_trials_see_behind_it(lag, size):
    section = SMALL.model_copy(update={"lag": lag, "trials": 300})
    jobs, behind = chunks(8, 300, size), {}
    for first, last in jobs:
        needed = [
            job
            for job in jobs
            if job[0] < first and job[0] < (seen := window(first, last, section)).stop and job[1] >= seen.start
        ]
        behind[first] = set(range(first, last + 1)).union(*(behind[job[0]] for job in needed))
        for trial in range(first, last + 1):
            assert set(sight(trial, section)) <= behind[first]
        assert len(needed) <= 2 * lag


@pytest.mark.parametrize("lag", [1, 4, 32])
def test_trials_that_run_at_once_see_nothing_of_one_another(lag):
    section, trials = SMALL.model_copy(update={"lag": lag}), range(8, 120)
    parts = list(at_once(trials, section))
    assert [trial for part in parts for trial in part] == list(trials)
    assert all(sight(part[-1], section).stop <= part[0] for part in parts)
    assert max(len(part) for part in parts) == lag


def test_chunks():
    assert chunks(16, 23, 3) == [(16, 18), (19, 21), (22, 22)]


def test_the_block_is_halved_rung_by_rung():
    levels = [{t: record(t, "COMPLETE", [6.0 - 0.1 * t] * 4) for t in range(8)}]
    assert survivors(levels[0], 40, SMALL) == [4, 5, 6, 7]
    levels.append({t: record(t, "COMPLETE", [6.0 - 0.1 * t] * 8) for t in (4, 5, 6, 7)})
    levels.append({t: record(t, "COMPLETE", [6.0 - 0.1 * t] * 16) for t in (6, 7)})
    levels.append({7: record(7, "COMPLETE", [5.3] * 30)})
    closed = close_block(levels, SMALL)
    assert [r.state for r in closed] == ["PRUNED"] * 7 + ["COMPLETE"]
    assert [r.steps for r in closed] == [40] * 4 + [80] * 2 + [160, 300]
    assert [(p.rung, p.stopped) for p in closed[6].rungs] == [(40, False), (80, False), (160, True)]
    assert closed[0].rungs[0].threshold == 6.0 - 0.1 * 4


def test_a_diverged_trial_of_the_block_stays_diverged():
    levels = [{t: record(t, "COMPLETE", [5.0] * 4) for t in range(7)} | {7: record(7, "DIVERGED", [5.0])}]
    closed = close_block(levels, SMALL)
    assert closed[7].state == "DIVERGED" and closed[7].rungs == ()
