"""Rules for the LR of the final training: formulas by hand, where they apply, and which came out best."""

import pytest

from lrsweep.analysis.rules import Shape, deepseek, rules, step_law

SELECTED, DEFAULT = {"lr": 0.02, "weight_decay": 0.1}, {"lr": 0.001, "weight_decay": 0.01}
CARRIED = {"lr": 0.02, "averaging_share": 1.5}
SMALL, FITTED = Shape(98_304, 2_048_000, 1.4e12), Shape(429_000_000, 10_000_000_000, 1.5e19)


def test_the_formulas_by_hand():
    """10^8 parameters, 10^10 tokens: 1.79 · 10^(-5.704 + 3.07); 10^16 FLOPs: 0.3118 · 10^-2."""
    assert step_law(1e8, 1e10) == pytest.approx(1.79 * 10**-2.634)
    assert deepseek(1e16) == pytest.approx(0.003118)


def test_a_rule_gives_an_lr_and_leaves_the_other_values():
    found = {rule.name: rule for rule in rules(0.01, CARRIED, SELECTED, DEFAULT, FITTED)}
    assert list(found) == ["answer of the proxies", "Step Law", "DeepSeek", "selected values unchanged", "default"]
    assert found["answer of the proxies"].values == {"lr": 0.01, "averaging_share": 1.5}
    assert found["Step Law"].values == {"lr": float(f"{step_law(4.29e8, 1e10):.4g}"), "averaging_share": 1.5}
    assert found["selected values unchanged"].values == SELECTED and found["default"].values == DEFAULT
    assert all(rule.note is None for rule in found.values()), "inside of what the formulas were fitted on"


def test_a_rule_says_how_far_it_is_from_what_it_was_fitted_on():
    _, step, deep, *_ = rules(0.01, CARRIED, SELECTED, DEFAULT, SMALL)
    assert step.values and "6e+07 to 1e+09 parameters, and here are 9.83e+04" in step.note and "tokens" in step.note
    assert deep.values and "1e+17 to 2e+19 FLOPs, and here are 1.4e+12" in deep.note


def test_what_does_not_apply_says_so_and_has_no_lr():
    found = rules(None, CARRIED, SELECTED, DEFAULT, "it is for AdamW, and the optimizer is muon")
    assert [rule.values for rule in found[:3]] == [None, None, None]
    assert (
        found[0].note == "the proxies give no LR"
        and found[1].note == "does not apply: it is for AdamW, and the optimizer is muon"
    )
