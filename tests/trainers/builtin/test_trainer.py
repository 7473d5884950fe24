"""The trainer: what its names take, and what a configuration changes."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from lrsweep.space import Budget, Float
from lrsweep.trainers.builtin.settings import NAMES, complete
from lrsweep.trainers.builtin.terms import TERMS
from lrsweep.trainers.trainer import Eval, Step
from tests.trainers.builtin.tiny import BUDGET, MODEL, OPTIMIZER, observe, start, trainer

# Another value of each name than the fixed one
OTHERS = {
    "beta1": 0.5,
    "beta2": 0.9,
    "weight_decay": 0.0,
    "eps": 1e-3,
    "grad_clip": 0.1,
    "warmup_steps": 8,
    "min_lr_ratio": 0.5,
    "batch_size": 2,
    "optimizer": "muon",
    "schedule": "linear",
    "norm": "post",
    "position": "none",
    "ffn": "silu",
    "averaging_share": 0.5,
    "beta2_share": 0.5,
    "warmup_share": 0.5,
}
# These change nothing but where another name has a value
WITH = {
    "muon_lr_ratio": ("optimizer", "muon", 2.0),
    "muon_momentum": ("optimizer", "muon", 0.5),
    "decay_share": ("schedule", "wsd", 0.9),
}


def test_the_names_are_known_without_torch():
    code = "import sys; from lrsweep.trainers.builtin.settings import NAMES, complete; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_name_is_tried_here():
    assert trainer().names == NAMES
    assert set(NAMES) == {"lr", *OTHERS, *WITH}


@pytest.mark.parametrize("name", OTHERS)
def test_every_value_changes_the_run(name):
    assert NAMES[name].validate_python(OTHERS[name]) == OTHERS[name]
    assert observe(start(), 8) != observe(start(**{name: OTHERS[name]}), 8)


@pytest.mark.parametrize("name", WITH)
def test_a_value_that_needs_another_one(name):
    other, choice, value = WITH[name]
    assert observe(start(**{other: choice}), 16) != observe(start(**{other: choice, name: value}), 16)
    assert observe(start(), 8) == observe(start(**{name: value}), 8)


def test_the_fixed_value_of_a_name_is_the_same_as_no_value():
    values = complete({"lr": 0.01}, [name for name in NAMES if name not in TERMS], OPTIMIZER, MODEL, BUDGET)
    assert values["warmup_steps"] == 4 and values["beta2"] == 0.99 and values["norm"] == "pre"
    assert observe(start(**values)) == observe(start())
    with pytest.raises(KeyError, match="lr"):
        complete({}, ["lr"], OPTIMIZER, MODEL, BUDGET)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lr", 0.0),
        ("beta1", 1.0),
        ("beta2", -0.1),
        ("weight_decay", -1.0),
        ("eps", float("inf")),
        ("batch_size", 0),
        ("batch_size", 2.5),
        ("warmup_steps", -1),
        ("min_lr_ratio", 1.5),
        ("optimizer", "sgd"),
        ("schedule", 1),
        ("ffn", "relu"),
    ],
)
def test_a_value_outside_the_limits_of_its_name_is_refused(name, value):
    with pytest.raises(ValidationError):
        NAMES[name].validate_python(value)


def test_another_batch_size_leaves_the_eval_as_it_is():
    run = start(batch_size=2)
    assert run.batch(1)[0].shape == (2, 16)
    first, *_ = observe(run)
    assert isinstance(first, Eval) and first == observe(start())[0]


def test_a_warm_up_of_the_configuration_goes_before_that_of_the_budget():
    lrs = [seen.lr for seen in observe(start(lr=0.8, warmup_steps=8), 8) if isinstance(seen, Step)]
    assert lrs == pytest.approx([0.1 * step for step in range(1, 9)])


def test_a_section_that_is_a_budget_gives_its_length_alone(tmp_path):
    """Its other keys are no names of the trainer, and another number of trials is no other run."""

    class Sweep(Budget):
        trials: int
        lr: Float

    def of(trials):
        return start(budget=Sweep(trials=trials, lr=Float(min=0.01, max=0.1, scale="log"), **BUDGET.model_dump()))

    assert observe(of(4)) == observe(start())
    of(4).save(tmp_path)
    assert of(5).load(tmp_path) == 0


def test_a_name_that_it_does_not_take_is_a_bug():
    with pytest.raises(AssertionError, match="momentum are names"):
        start(momentum=0.9)


def test_a_term_is_trained_as_the_plain_value_of_the_length():
    """Over 20 steps at LR 0.01: weight decay 1 / (0.01 · 0.5 · 20) = 10, a half-life of 10 steps, a warm-up of 5."""
    terms = {"averaging_share": 0.5, "beta2_share": 0.5, "warmup_share": 0.25}
    plain = {"weight_decay": 10.0, "beta2": 0.5**0.1, "warmup_steps": 5}
    assert start(**terms).settings == start(**plain).settings
    longer = start(budget=BUDGET.model_copy(update={"steps": 40}), **terms).settings
    assert (longer.optimizer.weight_decay, longer.optimizer.beta2, longer.budget.warmup_steps) == (5.0, 0.5**0.05, 10)
    assert start(lr=0.02, **terms).settings.optimizer.weight_decay == 5.0, "the average is over 1 / (lr · weight decay) steps"


def test_a_configuration_reads_out_in_terms_and_back():
    found = complete({"lr": 0.01, "beta2": 0.5}, ["lr", *TERMS], OPTIMIZER, MODEL, BUDGET)
    assert found == pytest.approx({"lr": 0.01, "averaging_share": 50.0, "beta2_share": 0.05, "warmup_share": 0.2})
    plain = complete(found, ["weight_decay", "beta2", "warmup_steps"], OPTIMIZER, MODEL, BUDGET)
    assert plain == pytest.approx({"weight_decay": 0.1, "beta2": 0.5, "warmup_steps": 4})
    assert complete({**found, "beta2_share": 0.3}, ["beta2_share"], OPTIMIZER, MODEL, BUDGET) == {"beta2_share": 0.3}


def test_a_term_beside_its_plain_name_is_a_bug():
    with pytest.raises(AssertionError, match="beta2_share stands beside its plain name"):
        start(beta2=0.9, beta2_share=0.1)
