"""The choice: intervals by hand, the noise, the fall-backs and the borders."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lrsweep.analysis import selection
from lrsweep.analysis.ranges import Range
from lrsweep.analysis.selection import Difference, Noise
from lrsweep.search import repeats
from lrsweep.search.settings import Select
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from lrsweep.space import Choice, Float, Int, Space
from lrsweep.store.results import Results
from lrsweep.store.tables import space_of
from tests.spaces import USUAL, held

DEFAULT = {"lr": 1e-3, "beta2": 0.999, "weight_decay": 0.01}
SECTION = Select(candidates=3, seeds=3, first_seeds=2, budget=12, drop_level=0.05, border=0.05, widen=0.5, default=DEFAULT)


def trials(space=USUAL):
    """Best first: trials 4, 1, 3 (a tie with 5), 5; 0 was pruned and 2 diverged."""
    states = [PRUNED, COMPLETE, DIVERGED, COMPLETE, COMPLETE, COMPLETE]
    table = {
        "trial": range(6),
        "state": states,
        "lr": [0.05, 0.01, 0.09, 0.005, 0.02, 0.03],
        "beta2": [0.96, 0.97, 0.98, 0.97, 0.98, 0.96],
        "weight_decay": [0.01] * 6,
        "final_loss_nats": [np.nan, 3.1, np.nan, 3.2, 3.0, 3.2],
    }
    return held(pd.DataFrame(table), space)


def replicates(*losses):
    """Rows of the table `replicates`; None is a divergence."""
    rows = [
        {"candidate": c, "state": DIVERGED if value is None else COMPLETE, "final_loss_nats": value}
        for c, values in enumerate(losses)
        for value in values
    ]
    return pd.DataFrame(rows, columns=["candidate", "state", "final_loss_nats"]).astype({"final_loss_nats": float})


def choose(*losses, table=None, standing=(0, 1, 2, 3), default=DEFAULT):
    table = trials() if table is None else table
    space = space_of(table)
    raced = repeats.candidates(table.to_dict("records"), space.names, SECTION.candidates, default)
    return selection.choose(raced, replicates(*losses), standing, table, SECTION)


GOOD = ([3.6, 3.62, 3.64], [3.05, 3.07, 3.09], [3.02, 3.04, 3.06], [3.3, 3.32, 3.34])


def test_candidates_are_the_default_and_the_best_complete_trials():
    rows = trials().to_dict("records")
    found = repeats.candidates(rows, USUAL.names, 3, {**DEFAULT, "beta1": 0.9})
    assert [(one.number, one.trial) for one in found] == [(0, None), (1, 4), (2, 1), (3, 3)]
    assert found[0].values == DEFAULT, "what phase 2 does not vary is no part of a candidate"
    assert found[1].values == {"lr": 0.02, "beta2": 0.98, "weight_decay": 0.01}
    assert len(repeats.candidates(rows[:2], USUAL.names, 3, DEFAULT)) == 2
    assert len(repeats.candidates(rows[:1], USUAL.names, 3, DEFAULT)) == 1


def test_the_best_mean_is_chosen_and_those_within_noise_are_named(tmp_path):
    found = choose(*GOOD)
    assert (found.candidate, found.trial, found.message) == (2, 1, None)
    assert found.selected == {"lr": 0.01, "beta2": 0.97, "weight_decay": 0.01} and found.default == DEFAULT
    assert (found.within_noise, found.lower_lr, found.higher_lr) == ((1,), None, 1)
    assert found.difference_to_default.difference_nats == pytest.approx(-0.58)
    results = Results(tmp_path)
    results.write_json("choice.json", found)
    assert results.read_as(selection.Choice, "choice.json") == found


def test_intervals_and_noise_by_hand():
    found = choose(*GOOD)
    row = found.candidates[1]
    half = 4.302653 * 0.02 / math.sqrt(3)  # t with 2 degrees of freedom
    assert (row.n, row.n_diverged, row.mean_nats, row.sd_nats) == (3, 0, pytest.approx(3.07), pytest.approx(0.02))
    assert (row.low_nats, row.high_nats) == pytest.approx((3.07 - half, 3.07 + half), abs=1e-6)
    assert found.noise == Noise(pytest.approx(0.02), 8)
    assert found.luck.trial == 4 and found.luck.difference_nats == pytest.approx(3.0 - 3.07)
    assert found.luck.low_nats == pytest.approx(-0.07 - half)


def test_welch_is_that_of_scipy():
    x, y = [3.0, 3.1, 3.3, 2.9], [3.5, 3.2, 3.9]
    found, expected = selection.welch(x, y), stats.ttest_ind(x, y, equal_var=False).confidence_interval()
    assert (found.low_nats, found.high_nats) == pytest.approx((expected.low, expected.high))
    assert selection.welch([1.0], [2.0, 3.0]) == Difference(-1.5, None, None)
    assert selection.welch([1.0, 1.0], [2.0, 2.0]) == Difference(-1.0, -1.0, -1.0)
    assert selection.welch([], [1.0]) is None


def test_a_candidate_with_a_divergence_is_out():
    found = choose(GOOD[0], GOOD[1], [3.02, None, 3.06], GOOD[3])
    assert found.candidate == 1 and found.candidates[2].n_diverged == 1 and 2 not in found.within_noise


def test_the_dropped_are_neither_chosen_nor_within_noise():
    found = choose(GOOD[0], GOOD[1], [3.0, 3.04], [3.05, 3.3], standing=(1, 3))
    assert (found.candidate, found.within_noise) == (1, (3,))
    assert [row.stands for row in found.candidates] == [False, True, False, True]
    diverged = choose(GOOD[0], [3.05, None], [3.0, 3.04], GOOD[3], standing=(1,))
    assert diverged.candidate == 2, "where the last one standing diverged, the best of the others is taken"


def test_the_expected_luck_is_that_of_equal_trials():
    assert selection.expected_greatest(1) == pytest.approx(0, abs=1e-9)
    draws = np.random.default_rng(0).normal(size=(20000, 5)).max(1)
    assert selection.expected_greatest(5) == pytest.approx(draws.mean(), abs=4 * draws.std() / math.sqrt(20000))
    luck = choose(*GOOD).luck  # 2.306 · 0.02 · sqrt(2) = 0.065: trial 4 alone is within it
    assert (luck.alike, luck.expected_nats) == (1, pytest.approx(0, abs=1e-9))
    near = trials()
    near.loc[near["trial"] == 1, "final_loss_nats"] = 3.05
    luck = choose(*GOOD, table=near).luck
    assert (luck.alike, luck.expected_nats) == (2, pytest.approx(-0.02 / math.sqrt(math.pi)))


def test_without_a_sound_candidate_the_default_is_taken():
    none = [None, None, None]
    for losses in ((GOOD[0], none, none, none), (none, none, none, none)):
        found = choose(*losses)
        assert found.selected == found.default and found.candidate == 0 and found.trial is None
        assert "Every candidate diverged" in found.message and found.border_warnings == ()
    assert found.candidates[0].mean_nats is None and found.noise.sd_nats is None and found.luck is None


def test_without_a_complete_trial_the_default_is_taken():
    found = choose(GOOD[0], table=trials()[:1])
    assert found.candidate == 0 and "no complete trial" in found.message


def test_a_default_that_is_best_is_kept():
    found = choose([2.0, 2.01, 2.02], *GOOD[1:])
    assert found.candidate == 0 and "default is kept" in found.message


def test_one_seed_has_no_interval_and_all_are_within_noise():
    found = choose([3.6], [3.05], [3.02], [3.3])
    assert found.candidate == 2 and found.within_noise == (0, 1, 3)
    assert (found.lower_lr, found.higher_lr) == (0, 1)
    assert found.candidates[2].low_nats is None and found.luck.low_nats is None


@pytest.mark.parametrize(
    ("name", "value", "border", "expected"),
    [
        ("lr", 0.09, "upper", Range(1e-3, 1.0, "log")),
        ("lr", 1.1e-3, "lower", Range(1e-4, 0.1, "log")),
        ("beta2", 0.998, "upper", Range(0.95, 0.9995, "linear")),
        ("beta2", 0.951, "lower", Range(0.9255, 0.999, "linear")),
        ("weight_decay", 0.1, "upper", Range(0.001, 1.0, "log")),
    ],
)
def test_a_value_at_the_border_is_warned_of(name, value, border, expected):
    table = trials()
    table.loc[table["trial"] == 1, name] = value
    (warning,) = choose(*GOOD, table=table).border_warnings
    assert (warning.hyperparameter, warning.value, warning.border, warning.wider) == (name, value, border, expected)
    assert warning.range == Range.of(USUAL[name])


def test_a_value_inside_its_range_is_not_warned_of():
    assert choose(*GOOD).border_warnings == ()


def test_whole_numbers_and_choices_are_chosen_as_they_are():
    """Whole numbers have borders, and ranges to try that are whole; choices have no border."""
    space = Space(
        {
            "lr": USUAL["lr"],
            "warmup_steps": Int(type="int", min=0, max=100, scale="linear"),
            "batch_size": Int(type="int", min=8, max=64, scale="log"),
            "optimizer": Choice(choices=("adamw", "muon")),
        }
    )
    table = held(trials().drop(columns=["beta2", "weight_decay"]), space)
    table["warmup_steps"], table["batch_size"], table["optimizer"] = 0, 64, "muon"
    default = {"lr": 1e-3, "warmup_steps": 30, "batch_size": 16, "optimizer": "adamw"}
    found = choose(*GOOD, table=table, default=default)
    assert found.selected == {"lr": 0.01, "warmup_steps": 0, "batch_size": 64, "optimizer": "muon"}
    assert found.default == default and type(found.selected["batch_size"]) is int
    (warning,) = found.border_warnings  # from 0 warm-up steps there is nowhere to go
    assert (warning.hyperparameter, warning.wider) == ("batch_size", Range(8, 181, "log"))  # 64 · sqrt(8)
    assert type(warning.wider.max) is int


def test_the_range_of_a_name_without_a_border_has_no_warning():
    one = Space({"lr": Float(min=0.01, max=0.01, scale="log")})
    assert choose(*GOOD, table=held(trials().assign(lr=0.01), one)).border_warnings == ()
