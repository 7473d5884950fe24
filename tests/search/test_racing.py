"""The race: rounds by hand, what it keeps of the rounds before, and by simulation what it finds and what it saves."""

import math

import numpy as np
import pytest
from scipy import stats

from lrsweep.search import racing
from lrsweep.search.racing import Entry
from lrsweep.search.settings import Select

DEFAULT = {"lr": 1e-3}
SECTION = Select(
    candidates=3, seeds=4, first_seeds=2, budget=12, confirm=2, drop_level=0.05, border=0.05, widen=0.5, default=DEFAULT
)


def table(*rows):
    return lambda entry: rows[entry.candidate][entry.repeat]


CLEAR = table([3.6, 3.62], [2.02, 2.0, 2.02, 2.0], [2.03, 2.0, 2.06, 2.07], [2.5, 2.52])


def test_rounds_by_hand():
    first, second, third = racing.run(4, SECTION, CLEAR)
    assert first.entries == [Entry(c, r) for r in (0, 1) for c in range(4)] and first.standing == [1, 2]
    assert second.entries == [Entry(1, 2), Entry(2, 2)] and second.standing == [1, 2]
    assert third.entries == [Entry(1, 3), Entry(2, 3)], "the budget of 12 ends here"


def test_the_test_by_hand():
    losses = {0: [2.0, 2.02], 1: [2.1, 2.08], 2: [2.03, 2.05]}
    s, t = 0.01 * math.sqrt(2), stats.t.ppf(0.95, 3)
    assert 0.03 < t * s < 0.08
    assert racing.keep([0, 1, 2], losses, 0.05) == [0, 2]
    assert racing.keep([2, 1], losses, 0.05) == [2] or t * s >= 0.05
    assert racing.keep([0, 1, 2], losses, 0.001) == [0, 2, 1], "a lower level keeps more"
    assert racing.keep([0, 1], {0: [2.0, 2.0], 1: [2.1, 2.1]}, 0.05) == [0], "without any spread the better one is better"


def test_the_winner_and_what_confirms_it():
    losses = {0: [3.6, 3.6], 1: [2.1, 2.1], 2: [2.0, 2.05], 3: [1.0, None], 4: []}
    assert racing.winner([1, 2], losses) == 2
    assert racing.winner([1], losses) == 1, "a dropped one does not win, whatever its few seeds say"
    assert racing.winner([], losses) == racing.winner([3], losses) == 2, "where none is left, the best of the sound ones"
    assert racing.winner([3], {0: [None], 3: [None]}) is None
    assert racing.confirming(2, SECTION) == [Entry(0, 4), Entry(2, 4), Entry(0, 5), Entry(2, 5)], "seeds 0 to 3 are the race's"
    assert racing.confirming(0, SECTION) == [Entry(0, 4), Entry(0, 5)] and racing.confirming(None, SECTION) == []


def test_who_is_dropped_stays_dropped():
    unlucky = table([2.0, 2.0, 2.5, 2.5], [2.02, 2.02, 2.02, 2.02], [2.1, 2.1], [3.0, 3.0])
    rounds = list(racing.run(4, SECTION, unlucky))
    assert all(entry.candidate in rounds[0].standing for later in rounds[1:] for entry in later.entries)
    assert {c for _, standing in rounds[1:] for c in standing} <= set(rounds[0].standing)


def test_a_diverged_candidate_is_out_and_none_left_ends_the_race():
    (first, *_) = racing.run(4, SECTION, table([3.6, 3.6], [1.0, None], [2.0, 2.01, 2, 2], [2.0, 2.02, 2, 2]))
    assert 1 not in first.standing
    (only,) = racing.run(4, SECTION, lambda entry: None)
    assert only.standing == [] and len(only.entries) == 8


def test_the_default_alone_and_the_last_one_get_all_their_seeds():
    rounds = list(racing.run(1, SECTION, lambda entry: 3.6 + 0.01 * entry.repeat))
    assert [len(entries) for entries, _ in rounds] == [2, 1, 1]


@pytest.mark.parametrize("seed", range(20))
def test_the_budget_is_kept(seed):
    rng = np.random.default_rng(seed)
    section = SECTION.model_copy(update={"candidates": 6, "seeds": int(rng.integers(2, 7)), "budget": int(rng.integers(14, 30))})
    means = rng.normal(2, 0.03, 7)
    rounds = list(racing.run(7, section, lambda entry: rng.normal(means[entry.candidate], 0.02)))
    assert sum(len(found.entries) for found in rounds) <= section.budget
    assert max(entry.repeat for found in rounds for entry in found.entries) < section.seeds


def simulate(section, studies=300, trials=40, sd=0.02, spread=0.03):
    """Regret of the chosen against the best candidate (nats), whether the best was dropped, and training runs, per study."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(studies):
        means = 2 + np.abs(rng.normal(0, spread, trials))
        true = [3.6, *means[np.argsort(means + rng.normal(0, sd, trials))][: section.candidates]]
        rounds = list(racing.run(len(true), section, lambda entry: rng.normal(true[entry.candidate], sd)))  # noqa: B023
        chosen, best = rounds[-1].standing[0], int(np.argmin(true))
        rows.append((true[chosen] - true[best], best not in rounds[-1].standing, sum(len(found.entries) for found in rounds)))
    return np.array(rows).T


def test_it_finds_one_within_noise_and_saves_seeds():
    section = SECTION.model_copy(update={"candidates": 8, "seeds": 6, "budget": 54})
    regret, lost, runs = simulate(section)
    whole, _, all_runs = simulate(section.model_copy(update={"drop_level": 1e-12}))
    assert (all_runs >= 50).all(), "all seeds of the candidates, and the first ones of the default"
    assert runs.mean() < 0.8 * 50
    assert (regret <= 0.02).mean() > 0.98 and regret.mean() < whole.mean() + 0.001
    assert lost.mean() < 0.25
