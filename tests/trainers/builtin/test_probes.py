"""Probes: what they see on the way of a trial is what the trial recorded."""

import math

import pytest

from lrsweep.trainers.builtin.probes import probe
from tests.trainers.builtin.test_sharpness import SECTION
from tests.trainers.builtin.tiny import BUDGET, observe, start, trainer

HERE = SECTION.model_copy(update={"steps": (1, 5, 20), "lanczos_products": 3})


def probes(lr, study_seed=0, **values):
    return list(probe(trainer(), {"lr": lr, **values}, 1, BUDGET, HERE, study_seed))


@pytest.mark.parametrize("values", [{}, {"batch_size": 2, "beta1": 0.5, "grad_clip": 0.1, "schedule": "wsd"}])
def test_probes_are_taken_on_the_way_of_the_trial(values):
    recorded = {seen.step: seen for seen in observe(start(**values)) if hasattr(seen, "grad_norm")}
    found = probes(0.01, **values)
    assert [one.step for one in found] == [1, 5, 20]
    for one in found:
        seen = recorded[one.step]
        assert (one.loss_nats, one.grad_norm, one.lr) == pytest.approx((seen.loss_nats, seen.grad_norm, seen.lr), rel=1e-5)
        assert one.products <= 3 and math.isfinite(one.eigenvalue)
        assert one.critical_low_lr <= one.critical_lr <= one.critical_high_lr
        assert one.threshold == pytest.approx((2 + 2 * values.get("beta1", 0.9)) / ((1 - values.get("beta1", 0.9)) * one.lr))


def test_lanczos_starts_from_the_study_s_seed():
    first, again, other = probes(0.01), probes(0.01), probes(0.01, study_seed=1)
    assert first == again and first[0].eigenvalue != other[0].eigenvalue and first[0].critical_lr == other[0].critical_lr


def test_a_trial_that_diverges_is_measured_up_to_there():
    assert len(probes(1e30)) < 3
