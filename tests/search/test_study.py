"""What a trial may see, and how the first block is cut."""

from lrsweep.search.study import close_block, lag, pending, sight, survivors
from tests.search.studies import SECTION, record

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
