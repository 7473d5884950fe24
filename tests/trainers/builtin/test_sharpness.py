"""The edge measured: against a quadratic whose curvature is known, a dense Hessian, and the update that training makes."""

import pytest
import torch

from lrsweep.trainers.builtin import sharpness
from lrsweep.trainers.builtin.layers import twice_differentiable
from lrsweep.trainers.builtin.settings import Sharpness, measures
from tests.trainers.builtin.tiny import BUDGET, MODEL, observe, start, trainer

SECTION = Sharpness(lrs=2, steps=(1,), line_tolerance=1 / 16, line_doublings=12, lanczos_products=30, lanczos_tolerance=1e-4)
TINY = MODEL.model_copy(update={"d_model": 8, "n_layers": 1, "d_ff": 12})


def batch(step=6):
    return start(seed=7).batch(step)


def test_the_greatest_eigenvalue_of_a_quadratic_is_found():
    values = torch.linspace(-50, 30, 200, dtype=torch.float64)
    values[7], values[11] = 41.5, 39.0
    rotation, _ = torch.linalg.qr(torch.randn(200, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    hessian = rotation @ torch.diag(values) @ rotation.T
    first = torch.randn(200, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    section = SECTION.model_copy(update={"lanczos_products": 120, "lanczos_tolerance": 1e-6})
    found = sharpness.greatest_eigenvalue(lambda v: hessian @ v, first, section)
    assert found.value == pytest.approx(41.5, rel=1e-5) and abs(found.value - 41.5) <= found.error + 1e-9
    assert found.products < 120 and found == sharpness.greatest_eigenvalue(lambda v: hessian @ v, first, section)
    rough = sharpness.greatest_eigenvalue(lambda v: hessian @ v, first, section.model_copy(update={"lanczos_products": 5}))
    assert rough.products == 5 and (torch.abs(values - rough.value) <= rough.error).any()


def test_lanczos_ends_where_the_space_does():
    found = sharpness.greatest_eigenvalue(lambda v: torch.tensor([2.0, 5.0]) * v, torch.ones(2), SECTION)
    assert found.value == pytest.approx(5.0) and found.products == 2
    assert sharpness.greatest_eigenvalue(lambda v: 3 * v, torch.ones(5), SECTION) == pytest.approx((3.0, 0.0, 1), abs=1e-5)
    assert sharpness.greatest_eigenvalue(lambda v: v * float("inf"), torch.ones(5), SECTION) == (None, None, 1)


def test_the_product_is_that_of_the_dense_hessian():
    """On a model of 400 weights, and through clipping."""
    run = trainer(TINY).start({"lr": 0.01, "grad_clip": 0.1}, 1, BUDGET)
    for step in range(1, 4):
        run.update(*batch(step), 0.01)
    model, (inputs, targets) = run.model, batch()
    update = sharpness.next_update(run, inputs, targets)
    assert 0 < update.clip < 1
    names, weights = zip(*model.named_parameters(), strict=True)
    sizes = [weight.numel() for weight in weights]

    def loss(flat):
        parts = {n: p.view_as(w) for n, p, w in zip(names, flat.split(sizes), weights, strict=True)}
        logits = torch.func.functional_call(model, parts, (inputs,))
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    with twice_differentiable():
        dense = torch.autograd.functional.hessian(loss, torch.cat([w.detach().flatten() for w in weights]))
    root = update.preconditioner.rsqrt()
    dense = update.clip * root[:, None] * dense * root
    product = sharpness.preconditioned_hessian(model, update, inputs, targets)
    vector = torch.randn(sum(sizes), generator=torch.Generator().manual_seed(0))
    assert torch.allclose(product(vector), dense @ vector, rtol=1e-3, atol=1e-3 * float((dense @ vector).abs().max()))
    found = sharpness.greatest_eigenvalue(product, vector, SECTION.model_copy(update={"lanczos_products": 80}))
    assert found.value == pytest.approx(float(torch.linalg.eigvalsh(dense.double())[-1]), rel=1e-3)


@pytest.mark.parametrize("clip", [1e-3, 1e3])
def test_the_next_update_is_the_one_that_training_makes(clip):
    run = start(grad_clip=clip)
    observe(run, 5)
    before = {name: tensor.clone() for name, tensor in run.tensors().items()}
    update = sharpness.next_update(run, *batch())
    assert all(torch.equal(tensor, before[name]) for name, tensor in run.tensors().items())
    old = torch.cat([weight.detach().flatten() for weight in run.model.parameters()])
    loss, norm = run.update(*batch(), 0.01)
    new = torch.cat([weight.detach().flatten() for weight in run.model.parameters()])
    assert torch.allclose(old - 0.01 * update.direction, new, atol=1e-6)
    assert (update.loss_nats, update.grad_norm) == pytest.approx((loss, norm), rel=1e-5)
    assert update.clip == pytest.approx(min(1, clip / norm), rel=1e-4)


def test_the_loss_along_the_update_is_that_of_training():
    run = start(grad_clip=1e3)
    observe(run, 5)
    update = sharpness.next_update(run, *batch())
    along = sharpness.loss_along(run.model, update.direction, *batch())
    assert along(0.0) == pytest.approx(update.loss_nats, rel=1e-5)
    run.update(*batch(), 0.02)
    after = sharpness.next_update(run, *batch()).loss_nats
    assert along(0.02) == pytest.approx(after, rel=1e-4), "the weights before are kept"


@pytest.mark.parametrize("start_lr", [1e-3, 0.1, 3.0])
def test_the_critical_lr_of_a_parabola(start_lr):
    """Along the gradient of curvature 8 it is 2 / 8."""
    low, high = sharpness.critical_lr(lambda lr: -lr + 4 * lr**2, start_lr, SECTION)
    assert low < 0.25 <= high and 1 - low / high <= 1 / 16


def test_no_critical_lr_within_reach():
    assert sharpness.critical_lr(lambda lr: -lr, 1.0, SECTION) == (4096.0, None)
    assert sharpness.critical_lr(lambda lr: lr, 1.0, SECTION) == (None, 2.0**-12)
    steep = sharpness.critical_lr(lambda lr: -lr if lr < 3 else float("nan"), 1.0, SECTION)
    assert steep.low < 3 <= steep.high, "a loss that is not a number does not fall"


def test_the_threshold_is_that_of_momentum():
    """Full-batch Adam with a fixed preconditioner of 1 is heavy-ball descent: on x² h / 2 it grows just above the threshold."""
    lr, beta1 = 0.1, 0.9
    for share, grows in ((0.98, False), (1.02, True)):
        x, momentum, h = 1.0, 0.0, share * sharpness.threshold(beta1, lr)
        for _ in range(2000):
            momentum = beta1 * momentum + (1 - beta1) * h * x
            x -= lr * momentum
        assert (abs(x) > 10) == grows


def test_muon_is_not_measured():
    assert measures("adamw") and not measures("muon")
    with pytest.raises(AssertionError, match="AdamW"):
        sharpness.next_update(start(optimizer="muon"), *batch())
