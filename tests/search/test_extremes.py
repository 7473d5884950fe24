"""Numbers at their ends: losses whose squares or sums are no floats are told to the models of samplers as what fits."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lrsweep.logs.measurement import LARGEST, LEAST
from lrsweep.search import racing
from lrsweep.search.multifidelity import observe
from lrsweep.search.proposing import propose
from lrsweep.search.smoothing import smooth_with_noise
from lrsweep.search.stopping import halve, judge
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from tests.search.studies import SECTION, SPACE, record
from tests.search.test_racing import SECTION as RACE

POINTS_NE = np.random.default_rng(0).random((4, 2))
LOSSES = [[1e308, 1e200, 2.0, 2.0], [-1e308, 1e8, 1e308, 0.0], [0.0, 1e-300, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0]]


@pytest.mark.parametrize("losses", LOSSES)
@pytest.mark.filterwarnings("error")
def test_smoothed_losses_are_finite(losses):
    means, noise = smooth_with_noise(POINTS_NE, np.array(losses))
    assert np.isfinite(means).all() and 0 <= noise < np.inf


@pytest.mark.parametrize("losses", LOSSES)
@pytest.mark.filterwarnings("error")
def test_what_the_multi_fidelity_gp_is_told_is_a_share(losses):
    none = np.zeros(4, bool)
    seen = observe(POINTS_NE, (slice(0, 1), slice(1, 2)), np.array([losses, losses[::-1]]).T, none, none, 0.7)
    assert len(seen.values_N) == 8 and (seen.values_N <= 1).all() and np.isfinite(seen.values_N).all() and seen.unit > 0


MEASURED = st.sampled_from([None, 0.0, -3.0, LEAST, 2.0, math.nextafter(2.0, 3.0), 710.0, LARGEST, -LARGEST])


@settings(max_examples=6)
@given(st.lists(st.tuples(MEASURED, st.sampled_from([DIVERGED, PRUNED, COMPLETE])), min_size=1, max_size=20), st.booleans())
@example([(None, DIVERGED)] * 20, False)
@example([(2.0, COMPLETE)] * 20, True)
@example([(LARGEST, COMPLETE), (-LARGEST, PRUNED)] * 10, False)
@pytest.mark.parametrize("sampler", ["mfgp", "gp", "tpe"])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_proposal_lies_in_the_space(sampler, ends, one_lr):
    section = SECTION.model_copy(update={"sampler": sampler})
    records = []
    for k, (loss, state) in enumerate(ends):
        lr = 0.01 if one_lr else 1e-3 * (k + 1)
        more = [loss] * (29 if state == COMPLETE else 3)
        records.append(record(k, DIVERGED, [6.0, None], lr) if loss is None else record(k, state, [6.0, *more], lr))
    found = propose(records, [], 40, section, SPACE, 0)
    assert SPACE.contains(found.values)
    json.dumps(asdict(found), allow_nan=False)
    assert found.promise is None or found.promise >= 0


@given(st.lists(st.lists(MEASURED, min_size=4, max_size=4), min_size=1, max_size=4))
@example([[None] * 4])
@example([[2.0] * 4] * 3)
@example([[LARGEST, -LARGEST] * 2] * 2)
def test_a_race_ends_with_a_winner_or_none(losses):
    rounds = list(racing.run(len(losses), RACE, lambda entry: losses[entry.candidate][entry.repeat]))
    raced: dict[int, list[float | None]] = {}
    for entry in (entry for one in rounds for entry in one.entries):
        raced.setdefault(entry.candidate, []).append(losses[entry.candidate][entry.repeat])
    won = racing.winner(rounds[-1].standing, raced)
    assert (won is None) == all(None in own for own in raced.values())
    assert all(rounds[i + 1].entries for i in range(len(rounds) - 1)) and sum(map(len, raced.values())) <= RACE.budget


@given(st.lists(MEASURED.filter(lambda one: one is not None), max_size=6), st.sampled_from([0.0, 0.02]))
def test_the_best_at_a_rung_goes_on(values, slack):
    assert not values or not judge(min(values), values, 2, slack).stopped
    assert len(halve(dict(enumerate(values)), len(values), 2)) == len(values) // 2
