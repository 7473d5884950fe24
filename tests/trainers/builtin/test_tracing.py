"""Tracing: it changes no bit of a training, its norms are those of the step, and a change changes what it says."""

import math

import numpy as np
import pytest
import torch

from lrsweep.trainers.builtin.tracing import RECORDED, Change, Changed, advance, losses, state_of, trace
from lrsweep.trainers.trainer import Step
from tests.trainers.builtin.tiny import BUDGET, observe, same, start

KINDS = {
    "adamw": {},
    "muon": {"optimizer": "muon"},
    "bfloat16": {"precision": "bfloat16"},
    "post-norm without warm-up": {"norm": "post", "warmup_steps": 0, "grad_clip": 0.05},
}


@pytest.mark.parametrize("values", KINDS.values(), ids=KINDS)
def test_measuring_changes_no_bit_and_a_recorded_state_goes_on_to_the_same_bits(values):
    recorded, traced = start(**values), start(**values)
    steps = [seen for seen in observe(recorded) if isinstance(seen, Step)]
    assert list(advance(traced, 6)) == steps[:6]
    state = state_of(traced)
    assert [seen for seen, _ in trace(traced, 20)] == steps[6:] and same(traced, recorded)
    again = Changed(start(**values), state, RECORDED)
    assert list(advance(again, 20)) == steps[6:] and same(again, recorded)


@pytest.mark.parametrize("values", KINDS.values(), ids=KINDS)
def test_norms_are_those_of_the_step(values):
    run = start(**values)
    for _ in advance(run, 4):
        pass
    before = {name: weight.detach().clone() for name, weight in run.model.named_parameters()}
    ((seen, norms),) = trace(run, 5)
    assert math.hypot(*(one.gradient for one in norms)) == pytest.approx(seen.grad_norm, rel=1e-4)
    for one in norms:
        name = f"{one.group}.weight" if one.layer is None else f"blocks.{one.layer}.{one.group}.weight"
        moved = run.model.get_parameter(name) - before[name]
        assert (one.step, one.update) == pytest.approx((5, moved.norm().item()))
    in_order = [(one.group, one.layer) for one in sorted(norms, key=lambda one: one.order)]
    assert in_order[0] == ("head", None) and in_order[-1] == ("embedding", None) and len(in_order) == len(before)
    assert in_order.index(("attention.qkv", 1)) < in_order.index(("attention.qkv", 0))


def test_half_the_lr_and_another_batch():
    run = start()
    changed = Changed(run, state_of(run), Change(0.5, 1.0, False, 3))
    assert [changed.lr(step) for step in (1, 4, 20)] == [run.lr(step) / 2 for step in (1, 4, 20)]
    assert torch.equal(changed.batch(2)[0], run.batch(5)[0]) and not torch.equal(changed.batch(2)[0], run.batch(2)[0])


def test_a_tenth_of_the_memory_keeps_what_adamw_estimates():
    run = start(beta2=0.999)
    for _ in advance(run, 5):
        pass
    changed = Changed(run, state_of(run), Change(1.0, 0.1, False, 0))
    beta2 = changed.settings.optimizer.beta2
    assert math.log(beta2) == pytest.approx(10 * math.log(0.999))  # a tenth of the half-life
    for name, kept in run.optimizers.moments.items():
        theirs = changed.optimizers.moments[name]["exp_avg_sq"]
        torch.testing.assert_close(theirs / (1 - beta2**5), kept["exp_avg_sq"] / (1 - 0.999**5))
    assert Changed(run, start().tensors(), Change(1.0, 0.1, False, 0)).step == 0  # before the first step it has no estimate


@pytest.mark.parametrize("values", KINDS.values(), ids=KINDS)
def test_higher_precision_is_near_but_not_the_same(values):
    run = start(**values)
    for _ in advance(run, 3):
        pass
    precise = Changed(run, state_of(run), Change(1.0, 1.0, True, 0))
    expected = torch.float32 if values.get("precision") else torch.float64
    assert {weight.dtype for weight in precise.model.parameters()} == {expected}
    assert precise.settings.optimizer.precision == "float32"
    own, theirs = ([seen.grad_norm for seen in advance(one, 5)] for one in (run, precise))
    assert own != theirs and own == pytest.approx(theirs, rel=1e-2 if expected == torch.float32 else 1e-4)


def test_losses_of_the_sequences_make_the_loss_of_the_step():
    run = start()
    own = losses(run, 1)
    (seen,) = advance(run, 1)
    assert len(own) == 4 and np.mean(own) == pytest.approx(seen.loss_nats, rel=1e-6)


def test_it_ends_where_training_breaks():
    run = start(lr=1e30)
    seen = [one for one, _ in trace(run, 20)]
    assert len(seen) < 20 and not seen[-1].finite and all(one.finite for one in seen[:-1])
    assert BUDGET.steps == 20
