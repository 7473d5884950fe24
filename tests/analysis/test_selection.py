"""The choice: intervals by hand, the noise, the fall-backs and the borders."""

import math

import numpy as np
import pandas as pd
import pytest

from lrsweep.analysis import selection
from lrsweep.analysis.noise import Noise
from lrsweep.analysis.ranges import Range
from lrsweep.search import repeats
from lrsweep.search.settings import Select
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from lrsweep.space import Choice, Float, Int, Plain, Space
from lrsweep.store.results import Results
from lrsweep.store.tables import space_of
from tests.spaces import USUAL, held

DEFAULT = {"lr": 1e-3, "beta2": 0.999, "weight_decay": 0.01}
SECTION = Select(
    candidates=3, seeds=3, first_seeds=2, budget=12, confirm=2, drop_level=0.05, border=0.05, widen=0.5, default=DEFAULT
)


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


def replicates(*losses, confirming=()):
    """Rows of the table `replicates`; None is a divergence. `confirming` maps candidates to the runs that confirm them."""
    rows = [
        {"candidate": c, "round": place, "state": DIVERGED if value is None else COMPLETE, "final_loss_nats": value}
        for runs, place in ((dict(enumerate(losses)), 0), (dict(confirming), None))
        for c, values in runs.items()
        for value in values
    ]
    table = pd.DataFrame(rows, columns=["candidate", "round", "state", "final_loss_nats"])
    return table.astype({"round": float, "final_loss_nats": float})


def candidates(table, space, default):
    """The default, and the best complete trials by their single runs."""
    best = table[table["state"] == COMPLETE].sort_values(["final_loss_nats", "trial"]).head(SECTION.candidates)
    rows = [(None, default), *((row["trial"], row) for row in best.to_dict("records"))]
    return [repeats.Candidate(i, trial, {name: row[name] for name in space}) for i, (trial, row) in enumerate(rows)]


def choose(*losses, table=None, standing=(0, 1, 2, 3), default=DEFAULT, confirming=()):
    table = trials() if table is None else table
    space = space_of(table)
    raced = candidates(table, space, default)
    return selection.choose(raced, replicates(*losses, confirming=confirming), standing, table, SECTION)


def test_a_candidate_has_what_was_trained_beside_what_was_searched():
    """Candidate c was trained with a weight decay of c / 10 and a warm-up of c steps."""
    space = Space(USUAL.dimensions, {"weight_decay": Plain("decay", False), "beta2": Plain("steps_of_beta2", True)})
    table = trials(space)
    runs = replicates(*GOOD)
    runs["decay"], runs["steps_of_beta2"] = runs["candidate"] / 10, runs["candidate"]
    raced = candidates(table, space, DEFAULT)
    found = selection.choose(raced, runs, (0, 1, 2, 3), table, SECTION)
    assert [one.plain for one in found.candidates] == [{"decay": c / 10, "steps_of_beta2": c} for c in range(4)]
    assert all(type(one.plain["steps_of_beta2"]) is int for one in found.candidates)
    assert choose(*GOOD).chosen.plain == {}


GOOD = ([3.6, 3.62, 3.64], [3.05, 3.07, 3.09], [3.02, 3.04, 3.06], [3.3, 3.32, 3.34])


FRESH = {2: [3.05, 3.07], 0: [3.61, 3.65]}  # candidate 2 was lucky in the race


def test_the_best_mean_is_chosen_and_those_within_noise_are_named(tmp_path):
    found = choose(*GOOD, confirming=FRESH)
    assert (found.candidate, found.trial, found.message) == (2, 1, None)
    assert found.selected == {"lr": 0.01, "beta2": 0.97, "weight_decay": 0.01} and found.default == DEFAULT
    assert (found.within_noise, found.lower_lr, found.higher_lr) == ((1,), None, 1)
    results = Results(tmp_path)
    results.write_json("choice.json", found)
    assert results.read_as(selection.Choice, "choice.json") == found


def test_what_is_stated_comes_from_seeds_that_chose_nothing():
    """Three candidates with 3 runs and a confirmation of 2: 7 degrees of freedom, squares 3 · 0.0008 + 0.0002."""
    found = choose(*GOOD, confirming=FRESH)
    assert [row.mean_nats for row in found.candidates] == pytest.approx([3.62, 3.07, 3.04, 3.32]), "in the race"
    assert found.noise == Noise(pytest.approx(math.sqrt(0.0026 / 7)), 7)
    half = 2.364624 * math.sqrt(0.0026 / 7) / math.sqrt(2)
    assert (found.loss.n, found.loss.mean_nats, found.diverged) == (2, pytest.approx(3.06), 0)
    assert (found.loss.low_nats, found.loss.high_nats) == pytest.approx((3.06 - half, 3.06 + half), abs=1e-6)
    assert found.difference_to_default.difference_nats == pytest.approx(3.06 - 3.63) and found.default_mean_nats == 3.63
    assert found.difference_to_default.low_nats < -0.57 < found.difference_to_default.high_nats < -0.5
    other = choose(*GOOD, confirming={2: [3.2, 3.2], 0: [3.6, 3.6]})
    assert other.candidate == 2 and other.loss.mean_nats == 3.2, "what confirms does not choose"


def test_the_noise_of_the_default_is_its_own():
    wild = choose([3.0, 3.6, 4.2], *GOOD[1:], confirming={2: [3.05, 3.07], 0: [3.0, 4.2]})
    assert wild.noise == choose(*GOOD, confirming=FRESH).noise
    assert wild.difference_to_default.high_nats - wild.difference_to_default.low_nats > 1.0
    kept = choose([2.0, 2.01, 2.02], *GOOD[1:], confirming={0: [2.0, 2.02]})
    assert kept.candidate == 0 and kept.difference_to_default is None
    assert kept.loss.high_nats - kept.loss.low_nats == pytest.approx(
        2 * 3.182446 * math.sqrt(0.0004 / 3) / math.sqrt(2), abs=1e-6
    )


def test_a_selected_configuration_that_diverges_afterwards_is_counted():
    found = choose(*GOOD, confirming={2: [3.05, None], 0: [3.6, 3.6]})
    assert (found.candidate, found.diverged, found.loss.n) == (2, 1, 1)
    gone = choose(*GOOD, confirming={2: [None, None], 0: [3.6, 3.6]})
    assert (gone.candidate, gone.diverged, gone.loss, gone.difference_to_default) == (2, 2, None, None)


def test_the_luck_of_the_best_single_run():
    """Trial 4, candidate 1, ended at 3.0; three repetitions have a mean of 3.07 and a deviation of 0.02, above the pooled one."""
    luck = choose(*GOOD, confirming=FRESH).luck
    s = math.sqrt(0.0026 / 7)
    assert (luck.trial, luck.n, luck.mean_nats) == (4, 3, pytest.approx(3.07))
    assert luck.difference_nats == pytest.approx(-0.07) and luck.usual_nats == pytest.approx(
        2.364624 * 0.02 * math.sqrt(4 / 3), abs=1e-6
    )
    assert (luck.alike, luck.expected_nats) == (1, pytest.approx(0, abs=1e-9)), "2.36 · s · sqrt(2) = 0.064: trial 4 alone"
    near = trials()
    near.loc[near["trial"] == 1, "final_loss_nats"] = 3.05
    luck = choose(*GOOD, table=near, confirming=FRESH).luck
    assert (luck.alike, luck.expected_nats) == (2, pytest.approx(-s / math.sqrt(math.pi)))
    confirmed = choose(GOOD[0], GOOD[2], GOOD[1], GOOD[3], confirming={1: [3.08, 3.1], 0: [3.6, 3.6]}).luck
    assert (confirmed.trial, confirmed.n, confirmed.mean_nats) == (4, 2, pytest.approx(3.09)), "not the mean that won"


def test_a_candidate_with_a_divergence_is_out():
    found = choose(GOOD[0], GOOD[1], [3.02, None, 3.06], GOOD[3])
    assert found.candidate == 1 and found.candidates[2].n_diverged == 1 and 2 not in found.within_noise


def test_the_dropped_are_not_chosen_and_may_be_within_noise():
    found = choose(GOOD[0], GOOD[1], [3.0, 3.04], [3.05, 3.3], standing=(1, 3))
    assert (found.candidate, found.within_noise) == (1, (2, 3))
    assert [row.stands for row in found.candidates] == [False, True, False, True]
    diverged = choose(GOOD[0], [3.05, None], [3.0, 3.04], GOOD[3], standing=(1,))
    assert diverged.candidate == 2, "where the last one standing diverged, the best of the others is taken"


def test_without_a_sound_candidate_the_default_is_taken():
    none = [None, None, None]
    for losses in ((GOOD[0], none, none, none), (none, none, none, none)):
        found = choose(*losses)
        assert found.selected == found.default and found.candidate == 0 and found.trial is None
        assert "Every candidate diverged" in found.message and found.border_warnings == ()
    assert found.candidates[0].mean_nats is None and found.noise.sd_nats is None and found.luck is None
    assert (found.loss, found.within_noise) == (None, ())


def test_without_a_complete_trial_the_default_is_taken():
    found = choose(GOOD[0], table=trials()[:1])
    assert found.candidate == 0 and "no complete trial" in found.message


def test_a_default_that_is_best_is_kept():
    found = choose([2.0, 2.01, 2.02], *GOOD[1:])
    assert found.candidate == 0 and "default is kept" in found.message


def test_with_too_few_seeds_there_is_no_interval_and_all_are_within_noise():
    found = choose([3.6], [3.05], [3.02], [3.3], confirming={2: [3.0, 3.1], 0: [3.6, 3.7]})
    assert found.candidate == 2 and found.within_noise == (0, 1, 3)
    assert (found.lower_lr, found.higher_lr) == (0, 1)
    assert found.noise.degrees_of_freedom == 1 and found.loss.low_nats is None, "two seeds alone say nothing of the noise"
    assert found.difference_to_default.low_nats is None and found.luck.usual_nats is None and found.luck.expected_nats is None


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
