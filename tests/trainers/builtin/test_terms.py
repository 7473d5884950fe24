"""Carried terms: by hand at several lengths, and as what they are defined by."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lrsweep.trainers.builtin.settings import NAMES
from lrsweep.trainers.builtin.terms import TERMS, clash, plain, read, trained


@pytest.mark.parametrize(
    ("values", "steps", "expected"),
    [
        ({"lr": 0.01, "averaging_share": 2.0}, 500, {"weight_decay": 0.1}),
        ({"lr": 0.01, "averaging_share": 2.0}, 5000, {"weight_decay": 0.01}),
        ({"lr": 0.1, "averaging_share": 2.0}, 500, {"weight_decay": 0.01}),
        ({"lr": 0.02, "averaging_share": 1 / 50}, 50, {"weight_decay": 50.0}),  # over one step: the decay removes a weight
        ({"lr": 0.01, "beta2_share": 0.01}, 100, {"beta2": 0.5}),
        ({"lr": 0.01, "beta2_share": 0.01}, 200, {"beta2": math.sqrt(0.5)}),
        ({"lr": 0.01, "beta2_share": 0.1}, 300, {"beta2": 0.977159968}),  # 2^(-1/30)
        ({"lr": 0.01, "beta2_share": 0.1}, 2000, {"beta2": 0.996540263}),  # 2^(-1/200)
        ({"lr": 0.01, "warmup_share": 0.1}, 300, {"warmup_steps": 30}),
        ({"lr": 0.01, "warmup_share": 0.1}, 2000, {"warmup_steps": 200}),
        ({"lr": 0.01, "warmup_share": 0.29}, 100, {"warmup_steps": 29}),
        ({"lr": 0.01, "warmup_share": 0.0}, 100, {"warmup_steps": 0}),
        ({"lr": 0.01, "warmup_share": 0.9999}, 100, {"warmup_steps": 99}),
        ({"lr": 0.01, "warmup_share": 0.9}, 1, {"warmup_steps": 0}),
    ],
)
def test_by_hand(values, steps, expected):
    assert trained(values, steps) == pytest.approx(expected, rel=1e-8)
    ((name, value),) = expected.items()
    NAMES[name].validate_python(trained(values, steps)[name])
    assert plain({**values, "beta1": 0.9}, steps) == pytest.approx({"lr": values["lr"], "beta1": 0.9, name: value}, rel=1e-8)


def test_the_chosen_values_of_the_recorded_study():
    """1 / (0.01949 · 0.0886 · 300) = 1.9303; ln 2 / -ln 0.9775 = 30.459 steps of 300."""
    found = {"lr": 0.01949, "beta2": 0.9775, "weight_decay": 0.0886, "warmup_steps": 30}
    shares = {name: read(name, found, 300) for name in TERMS}
    assert shares == pytest.approx({"averaging_share": 1.9303, "beta2_share": 0.10153, "warmup_share": 0.1}, rel=1e-4)
    longer = trained({"lr": 0.01949, **shares}, 2000)
    assert longer == pytest.approx({"weight_decay": 0.0886 * 0.15, "beta2": 0.9775**0.15, "warmup_steps": 200})


@given(share=st.floats(1e-3, 1e3), lr=st.floats(1e-5, 1.0), steps=st.integers(10, 10**6))
def test_there_and_back(share, lr, steps):
    for name in ("averaging_share", "beta2_share"):
        value = trained({"lr": lr, name: share}, steps)
        NAMES[TERMS[name].name].validate_python(value[TERMS[name].name])
        assert read(name, {"lr": lr, **value}, steps) == pytest.approx(share, rel=1e-3)  # a beta2 near 1 has few digits


@given(
    value=st.floats(0, exclude_min=True, allow_infinity=False), lr=st.floats(0, 1, exclude_min=True), steps=st.integers(1, 10**9)
)
@example(value=1e-200, lr=1e-200, steps=1)
def test_any_weight_decay_has_a_share_if_only_an_infinite_one(value, lr, steps):
    assert read("averaging_share", {"lr": lr, "weight_decay": value}, steps) >= 0
    assert trained({"lr": lr, "averaging_share": value}, steps)["weight_decay"] >= 0


@given(share=st.floats(0, 1, exclude_max=True), steps=st.integers(1, 10**6))
def test_a_warm_up_is_shorter_than_its_run(share, steps):
    warmup_steps = trained({"lr": 0.1, "warmup_share": share}, steps)["warmup_steps"]
    assert type(warmup_steps) is int and 0 <= warmup_steps < steps
    assert warmup_steps == steps - 1 or abs(warmup_steps - share * steps) <= 0.5


def test_the_moving_average_that_the_share_is_of():
    """AdamW: w <- (1 - lr · weight decay) w + ...; after the share of the steps the first weights have 1/e of their weight."""
    lr, steps = 0.01, 10_000
    decay = trained({"lr": lr, "averaging_share": 0.2}, steps)["weight_decay"]
    assert (1 - lr * decay) ** (0.2 * steps) == pytest.approx(1 / math.e, rel=1e-3)


def test_the_half_life_that_the_share_is_of():
    beta2 = trained({"lr": 0.1, "beta2_share": 0.25}, 400)["beta2"]
    assert beta2**100 == pytest.approx(0.5)


def test_ends():
    assert trained({"lr": 0.1, "beta2_share": 1e300}, 10)["beta2"] < 1
    assert read("averaging_share", {"lr": 0.1, "weight_decay": 0.0}, 10) == math.inf, "no weight decay averages over no share"
    assert read("beta2_share", {"lr": 0.1, "beta2": 0.0}, 10) == 0.0


def test_a_name_that_is_no_term_reads_as_it_stands():
    assert read("norm", {"lr": 0.1, "norm": "pre"}, 10) == "pre"
    assert trained({"lr": 0.1, "norm": "pre"}, 10) == {}


def test_a_term_and_its_plain_name_clash():
    assert clash({"lr": 0, "beta2": 0, "averaging_share": 0}) is None
    assert clash({"weight_decay": 0, "averaging_share": 0}) == "averaging_share"
