"""Dimensions and spaces: shares, coordinates and values, there and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lrsweep.space import Choice, Float, Int, Space
from tests.spaces import OPEN, USUAL, drawn

LOG = Float(min=1e-3, max=0.1, scale="log")
LINEAR = Float(min=0.5, max=1.5, scale="linear")
WHOLE = Int(type="int", min=10, max=1000, scale="log")
WORDS = Choice(choices=("adamw", "muon", "sgd"))


def test_by_hand():
    assert LOG.at(0.5) == pytest.approx(0.01)
    assert LINEAR.at(0.25) == 0.75
    assert LOG.share(0.01) == pytest.approx(0.5)
    assert WHOLE.draw(0.5) == 100
    assert [WORDS.draw(share) for share in (0.0, 0.34, 0.99, 1.0)] == ["adamw", "muon", "sgd", "sgd"]
    assert WORDS.encode("muon") == [0.0, 1.0, 0.0]
    assert WORDS.decode([0.2, 0.9, 0.9]) == "muon"


def test_values_are_rounded_but_never_leave_the_range():
    assert LOG.draw(1 / 3) == 0.004642
    narrow = Float(min=0.123456, max=0.123461, scale="linear")
    assert all(narrow.contains(narrow.draw(share)) for share in (0.0, 0.4, 1.0))


def test_ends_are_in_and_others_are_not():
    assert LOG.contains(0.1) and LOG.contains(1e-3) and not LOG.contains(0.11)
    assert WHOLE.contains(10) and not WHOLE.contains(10.0) and not WHOLE.contains(9)
    assert WORDS.contains("muon") and not WORDS.contains("adam")


@given(st.sampled_from([LOG, LINEAR, WHOLE]), st.floats(0, 1))
def test_a_value_is_the_nearest_to_its_share(dimension, share):
    value = dimension.draw(share)
    assert dimension.contains(value)
    assert dimension.decode(dimension.encode(value)) == value
    width = 0.06 if dimension is WHOLE else 1e-3  # 10 and 11 lie that far apart
    assert abs(dimension.share(value) - share) <= width


@given(st.lists(st.floats(0, 1), min_size=len(OPEN), max_size=len(OPEN)))
def test_a_configuration_survives_its_coordinates(shares):
    values = OPEN.draw(shares)
    point = OPEN.encode(values)
    assert point.shape == (OPEN.width,) and OPEN.contains(values)
    assert OPEN.decode(point) == values


def test_coordinates_are_one_a_range_and_one_a_choice():
    assert USUAL.width == 3 and OPEN.width == 4 + 2 + 2
    assert OPEN.slices["optimizer"] == slice(4, 6)
    assert OPEN.encode_all(drawn(OPEN, 5)).shape == (5, 8)
    assert OPEN.encode_all([]).shape == (0, 8)


def test_json_there_and_back():
    assert Space.from_json(OPEN.to_json(), {}) == OPEN
    assert Space.from_json(OPEN.to_json(), {}).names == OPEN.names


def test_lr_comes_first_whatever_the_order():
    given_order = {"beta2": USUAL["beta2"], "lr": LINEAR}
    assert Space.of(given_order, LOG).names == ("lr", "beta2")
    assert Space.of(given_order, LOG).lr == LOG


def test_a_dimension_has_no_other_keys():
    with pytest.raises(ValidationError):
        Float.model_validate({"min": 1, "max": 2, "scale": "log", "type": "int"})
    with pytest.raises(ValidationError):
        Choice.model_validate({"choices": ["only"]})


def test_uniform_draws_fill_the_space():
    values = [row["warmup_steps"] for row in drawn(OPEN, 2000)]
    assert set(values) == set(range(5, 61))
    words = [row["optimizer"] for row in drawn(OPEN, 2000)]
    assert 0.45 < np.mean([word == "muon" for word in words]) < 0.55
