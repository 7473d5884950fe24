"""The space that phase 2 varies, and the default: each name and each value is one that the trainer takes."""

import copy
from pathlib import Path

import pytest

from lrsweep.config import checking, yamlfile
from lrsweep.config.params import Params
from lrsweep.space import Choice, Float, Int
from lrsweep.trainers.builtin.settings import NAMES

TREE = yamlfile.parse((Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8"), "params.yaml")
RANGE = {"min": 0.1, "max": 0.2, "scale": "log"}


def problems(space=None, default=None, **top):
    tree = {**copy.deepcopy(TREE), **top}
    if space is not None:
        tree["sweep_bayes"]["space"] = space
    if default is not None:
        tree["select"]["default"] = default
    return [str(problem) for problem in checking.parse_problems(tree)]


def test_ranges_and_choices_of_any_name_that_the_trainer_takes():
    space = {
        "beta1": {"min": 0.5, "max": 0.95, "scale": "linear"},
        "lr": "auto",
        "warmup_steps": {"min": 10, "max": 100, "scale": "log", "type": "int"},
        "batch_size": {"choices": [8, 16]},
        "optimizer": {"choices": ["adamw", "muon"]},
        "schedule": {"choices": ["cosine", "wsd"]},
        "norm": {"choices": ["pre", "none"]},
    }
    assert problems(space) == []
    tree = copy.deepcopy(TREE)
    tree["sweep_bayes"]["space"] = space
    read = Params.model_validate(tree).sweep_bayes.space
    assert [type(one) for one in read.values()] == [Float, str, Int, Choice, Choice, Choice, Choice]
    assert read["batch_size"].choices == (8, 16) and all(type(one) is int for one in read["batch_size"].choices)


def test_the_trainer_takes_what_the_design_says():
    assert set(NAMES) >= set(
        "lr beta1 beta2 weight_decay eps grad_clip warmup_steps min_lr_ratio batch_size optimizer schedule norm position ffn".split()
    )
    assert "precision" not in NAMES and "d_model" not in NAMES


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ({}, "lr: found nothing, expected auto or a range"),
        ({"beta1": RANGE}, "lr: found nothing, expected auto or a range"),
        ({"lr": {"choices": [0.1, 0.2]}}, "lr: found {'choices': [0.1, 0.2]}, expected auto or a range"),
        ({"lr": {"min": 1, "max": 2, "scale": "log", "type": "int"}}, "lr: found {"),
        ({"lr": {"min": 0, "max": 1, "scale": "linear"}}, "lr.min: found 0.0, expected greater than 0"),
        ({"lr": None}, "lr: found None, expected 'auto' or a mapping of min, max and scale"),
        ({"lr": []}, "lr: found [], expected 'auto' or a mapping of min, max and scale"),
    ],
)
def test_the_lr_is_always_there_as_a_range(space, says):
    (problem,) = problems(space)
    assert problem.startswith(f"sweep_bayes.space.{says}")


@pytest.mark.parametrize(
    ("name", "dimension", "says"),
    [
        ("beta_2", RANGE, "beta_2: found {'scale': 'log', 'min': 0.1, 'max': 0.2}, expected a name that the trainer takes (nearest: beta2)"),
        ("xyzzy", {"choices": ["a", "b"]}, "xyzzy: found {'choices': ['a', 'b']}, expected a name that the trainer takes: lr, "),
        ("precision", {"choices": ["float32", "bfloat16"]}, "precision: found {"),
        ("a b", RANGE, "a b: found 'a b', expected a name of letters, digits and _"),
        ("beta2", "auto", "beta2: found 'auto', expected a range"),
        ("beta2", 0.9, "beta2: found 0.9, expected a mapping of min, max and scale, or of choices"),
        ("beta2", "x", "beta2: found 'x', expected a mapping of min, max and scale, or of choices"),
        ("beta2", {"min": 0.95, "max": 1.0, "scale": "linear"}, "beta2.max: found 1.0, expected less than 1"),
        ("beta2", {"min": -0.5, "max": 0.9, "scale": "linear"}, "beta2.min: found -0.5, expected greater than or equal to 0"),
        ("beta2", {"min": 0.9, "max": 0.9, "scale": "linear"}, "beta2.min: found 0.9, expected less than sweep_bayes.space.beta2.max (0.9)"),
        ("beta2", {"min": 0.9, "max": 0.5, "scale": "log"}, "beta2.min: found 0.9, expected less than sweep_bayes.space.beta2.max (0.5)"),
        ("beta2", {"min": 0, "max": 0.9, "scale": "log"}, "beta2.min: found 0.0, expected greater than 0 on a log scale"),
        ("beta2", {"min": 0, "max": 1, "scale": "linear", "type": "int"}, "beta2.type: found 'int', expected a range of real numbers"),
        ("beta2", {"min": 0.5, "max": 0.9, "scale": "lin"}, "beta2.scale: found 'lin', expected 'linear' or 'log'; write linear"),
        ("beta2", {"min": 0.5, "mx": 0.9, "scale": "log"}, "beta2.mx: found 0.9, expected a known key (nearest: max)"),
        ("beta2", {"min": 0.5, "max": 0.9}, "beta2.scale: found nothing, expected a value"),
        ("beta2", {"choices": [0.9, 0.99], "min": 0.5}, "beta2.min: found 0.5, expected a known key"),
        ("beta2", {"choices": [0.9, 1.5]}, "beta2.choices[1]: found 1.5, expected less than 1"),
        ("beta2", {"choices": [0.9, 0.5, 0.9]}, "beta2.choices[2]: found 0.9, expected each choice once"),
        ("beta2", {"choices": [0.9]}, "beta2.choices: found [0.9], expected at least 2 of them"),
        ("beta2", {"choices": [0.9, True]}, "beta2.choices[1]: found True, expected text or integer or number"),
        ("beta2", {"choices": 0.9}, "beta2.choices: found 0.9, expected a list"),
        ("batch_size", {"min": 8, "max": 32, "scale": "log"}, "batch_size.type: found nothing, expected int"),
        ("batch_size", {"min": 8.5, "max": 32, "scale": "log", "type": "int"}, "batch_size.min: found 8.5, expected integer"),
        ("batch_size", {"min": 8, "max": 32, "scale": "log", "type": "integer"}, "batch_size.type: found 'integer', expected 'int'; write int"),
        ("batch_size", {"min": 0, "max": 32, "scale": "linear", "type": "int"}, "batch_size.min: found 0, expected greater than or equal to 1"),
        ("batch_size", {"choices": [8, 16.5]}, "batch_size.choices[1]: found 16.5, expected integer"),
        ("optimizer", {"choices": ["adamw", "moun"]}, "optimizer.choices[1]: found 'moun', expected 'adamw' or 'muon'; write muon"),
        ("optimizer", RANGE, "optimizer: found {'scale': 'log', 'min': 0.1, 'max': 0.2}, expected choices of 'adamw' or 'muon'"),
        ("warmup_steps", {"min": 10, "max": 300, "scale": "log", "type": "int"}, "warmup_steps.max: found 300, expected less than sweep_bayes.steps (300)"),
        ("warmup_steps", {"choices": [300, 10]}, "warmup_steps.choices: found 300, expected less than sweep_bayes.steps (300)"),
    ],
)  # fmt: skip
def test_one_line_for_one_mistake_in_the_space(name, dimension, says):
    (problem,) = problems({"lr": "auto", name: dimension})
    assert problem.startswith(f"sweep_bayes.space.{says}") and "; " in problem and "\n" not in problem


@pytest.mark.parametrize(
    "name", "trial state steps seed metric m_u last_loss_nats final_loss_nats sampler n_complete candidate simulated".split()
)
@pytest.mark.parametrize("simulate", [True, False])
def test_no_name_hides_a_column_of_the_tables(name, simulate):
    (problem,) = problems({"lr": "auto", name: RANGE}, {"lr": 0.1, **({name: 0.1} if simulate else {})}, simulate=simulate)
    assert problem.startswith(
        f"sweep_bayes.space.{name}: found '{name}', expected a name that no column of the tables has already"
    )


def test_made_up_curves_may_vary_any_name():
    space = {"lr": "auto", "depth": {"choices": ["a", "b"]}, "zeta": RANGE, "beta1": RANGE}
    assert problems(space, {"lr": 0.1, "depth": "a", "zeta": 0.15}, simulate=True) == []
    (problem,) = problems(space, {"lr": 0.1, "depth": "a"}, simulate=True)
    assert problem.startswith("select.default.zeta: found nothing, expected a value"), "no trainer gives one"
    (problem,) = problems({"lr": "auto", "zeta": {**RANGE, "min": 1}}, {"lr": 0.1, "zeta": 1}, simulate=True)
    assert problem.startswith("sweep_bayes.space.zeta.min: found 1.0, expected less than")


@pytest.mark.parametrize(
    ("default", "says"),
    [
        ({}, "lr: found nothing, expected a value"),
        ({"lr": -1}, "lr: found -1, expected greater than 0"),
        ({"lr": True}, "lr: found True, expected number or integer or text"),
        ({"lr": 0.1, "bet2": 0.9}, "bet2: found 0.9, expected a name that the trainer takes (nearest: beta2)"),
        ({"lr": 0.1, "beta2": 1}, "beta2: found 1, expected less than 1"),
        ({"lr": 0.1, "schedule": "cosin"}, "schedule: found 'cosin', expected 'cosine', 'linear' or 'wsd'; write cosine"),
        ({"lr": 0.1, "warmup_steps": 300}, "warmup_steps: found 300, expected less than sweep_bayes.steps"),
        ({"lr": 0.1, "seed": 1}, "seed: found 'seed', expected a name that no column of the tables has already"),
    ],
)
def test_the_default_gives_values_that_the_trainer_takes(default, says):
    (problem,) = problems(default=default)
    assert problem.startswith(f"select.default.{says}")


TERMS = {
    "averaging_share": {"min": 0.1, "max": 30, "scale": "log"},
    "beta2_share": {"min": 0.02, "max": 2, "scale": "log"},
    "warmup_share": {"choices": [0.0, 0.05, 0.1]},
}


def test_a_space_and_a_default_may_be_in_terms():
    assert problems({"lr": "auto", **TERMS}) == []
    assert problems({"lr": "auto", **TERMS}, {"lr": 0.001, "averaging_share": 3.0, "beta2_share": 2.0}) == []
    assert problems(None, {"lr": 0.001, "averaging_share": 3.0}) == [], "a space of plain names, and a default in a term"


@pytest.mark.parametrize(
    ("space", "default", "says"),
    [
        ({"beta2": RANGE, "beta2_share": RANGE}, None, "sweep_bayes.space.beta2_share: found it beside beta2, expected one of the two"),
        ({"weight_decay": RANGE, **TERMS}, None, "sweep_bayes.space.averaging_share: found it beside weight_decay, expected one of the"),
        ({}, {"lr": 0.1, "warmup_steps": 3, "warmup_share": 0.1}, "select.default.warmup_share: found it beside warmup_steps, expected"),
        ({"averaging_share": {"min": 0.003, "max": 1, "scale": "log"}}, None,
         "sweep_bayes.space.averaging_share.min: found 0.003, expected at least a step of sweep_bayes.steps: 1 / 300; raise it"),
        ({"beta2_share": {"choices": [0.1, 0.001]}}, None, "sweep_bayes.space.beta2_share.choices: found 0.001, expected at least a step"),
        ({}, {"lr": 0.1, "beta2_share": 0.001}, "select.default.beta2_share: found 0.001, expected at least a step"),
        ({"averaging_share": {**RANGE, "min": 0}}, None, "sweep_bayes.space.averaging_share.min: found 0.0, expected greater than 0"),
        ({"warmup_share": {**RANGE, "max": 1}}, None, "sweep_bayes.space.warmup_share.max: found 1.0, expected less than 1"),
        ({"averaging_share": RANGE}, {"lr": 0.1, "weight_decay": 0},
         "select.default.averaging_share: found nothing, and a weight_decay that no averaging_share stands for, expected a value"),
        ({"averaging_shar": RANGE}, None, "sweep_bayes.space.averaging_shar: found {"),
    ],
)  # fmt: skip
def test_one_line_for_one_mistake_with_terms(space, default, says):
    (problem,) = problems({"lr": "auto", **space}, default)
    assert problem.startswith(says) and "\n" not in problem


def test_shares_count_in_the_shorter_of_study_and_final_training():
    tree = copy.deepcopy(TREE)
    (problem,) = problems(
        {"lr": "auto", "averaging_share": {"min": 0.005, "max": 1, "scale": "log"}},
        train={**tree["train"], "steps": 100, "warmup_steps": 10, "eval_every": 50},
    )
    assert "expected at least a step of train.steps: 1 / 100" in problem


def test_a_prior_without_weight_decay_has_no_share():
    tree = copy.deepcopy(TREE)
    (problem,) = problems(
        {"lr": "auto", "averaging_share": RANGE},
        {"lr": 0.1, "averaging_share": 1.0},
        optimizer={**tree["optimizer"], "weight_decay": 0.0},
        sweep_bayes={**tree["sweep_bayes"], "prior": "sweep_uniform", "space": {"lr": "auto", "averaging_share": RANGE}},
    )
    assert problem.startswith(
        "sweep_bayes.prior: found 'sweep_uniform', expected null: optimizer.weight_decay has no averaging_share"
    )


def test_a_space_that_is_none():
    for found in (None, "auto", []):
        tree = copy.deepcopy(TREE)
        tree["sweep_bayes"]["space"] = found
        (problem,) = checking.parse_problems(tree)
        assert str(problem).startswith(f"sweep_bayes.space: found {found!r}, expected a mapping of names")


def test_phase_1_draws_positive_lrs():
    tree = copy.deepcopy(TREE)
    tree["sweep_uniform"]["lr"]["min"] = 0
    (problem,) = checking.parse_problems(tree)
    assert str(problem).startswith("sweep_uniform.lr.min: found 0.0, expected greater than 0")
