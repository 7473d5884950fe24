"""Muon on joined matrices: as torch's on each alone, and as the formulas by hand. AdamW by hand stands in test_training.py."""

import math

import numpy as np
import pytest
import torch

from lrsweep.trainers.builtin.layers import Linear
from lrsweep.trainers.builtin.optimizers import Muon
from tests.trainers.builtin.tiny import observe, start

SHAPES = {"wide": (6, 4, 3), "tall": (4, 10, 2), "square": (5, 5, 1)}  # in, out, matrices


def joined(seed=0):
    generator = torch.Generator().manual_seed(seed)
    modules = {name: Linear(*shape) for name, shape in SHAPES.items()}
    for module in modules.values():
        torch.nn.init.normal_(module.weight, generator=generator)
    return modules


def gradients(step):
    generator = torch.Generator().manual_seed(100 + step)
    return {name: torch.randn(n * rows, columns, generator=generator) for name, (columns, rows, n) in SHAPES.items()}


def test_joined_matrices_move_as_torch_s_muon_moves_each_alone():
    modules = joined()
    alone = {
        name: [m.clone().requires_grad_() for m in one.weight.detach().chunk(one.n_matrices)] for name, one in modules.items()
    }
    ours = Muon(modules, weight_decay=0.1, momentum=0.9)
    matrices = [matrix for parts in alone.values() for matrix in parts]
    theirs = torch.optim.Muon(matrices, lr=0.02, weight_decay=0.1, momentum=0.9, adjust_lr_fn="match_rms_adamw")
    ours.param_groups[0]["lr"] = 0.02
    for step in range(4):
        for name, gradient in gradients(step).items():
            modules[name].weight.grad = gradient
            for matrix, rows in zip(alone[name], gradient.chunk(modules[name].n_matrices), strict=True):
                matrix.grad = rows.clone()
        ours.step()
        theirs.step()
    for name, module in modules.items():
        assert torch.equal(module.weight.detach(), torch.cat(alone[name]).detach()), name
        buffers = torch.cat([theirs.state[matrix]["momentum_buffer"] for matrix in alone[name]])
        assert torch.equal(ours.momentum[name], buffers), name


def orthogonalized(matrix):
    """Five steps of Newton-Schulz, X <- a X + b (X X^T) X + c (X X^T)^2 X, from X = G / |G| (Jordan et al. 2024).

    Each step keeps the singular vectors and maps a singular value s to a s + b s^3 + c s^5.
    """
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    values = values / np.sqrt((values**2).sum())
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return left @ np.diag(values) @ right


def test_steps_of_muon_by_hand():
    """Momentum B <- mu B + (1 - mu) G, the update from (1 - mu) G + mu B (Nesterov), decoupled decay, 0.2 sqrt(max(shape))."""
    modules, lr, decay, mu = joined(), 0.05, 0.3, 0.9
    expected = {name: one.weight.detach().double().numpy().copy() for name, one in modules.items()}
    momentum = {name: np.zeros_like(weight) for name, weight in expected.items()}
    optimizer = Muon(modules, weight_decay=decay, momentum=mu)
    optimizer.param_groups[0]["lr"] = lr
    for step in range(3):
        for name, gradient in gradients(step).items():
            modules[name].weight.grad = gradient
            g = gradient.double().numpy()
            momentum[name] = mu * momentum[name] + (1 - mu) * g
            mixed = (1 - mu) * g + mu * momentum[name]
            rows, n = SHAPES[name][1], SHAPES[name][2]
            update = np.concatenate([orthogonalized(mixed[i * rows : (i + 1) * rows]) for i in range(n)])
            size = 0.2 * math.sqrt(max(rows, SHAPES[name][0]))
            expected[name] = expected[name] * (1 - lr * decay) - lr * size * update
        optimizer.step()
    for name, module in modules.items():
        moved = lr * 0.2 * math.sqrt(max(SHAPES[name][:2]))
        # torch orthogonalizes in bfloat16, of 8 bits; the errors of three steps add up
        np.testing.assert_allclose(module.weight.detach().numpy(), expected[name], atol=0.1 * moved, err_msg=name)


def moved(run, steps=1):
    before = {name: weight.detach().clone() for name, weight in run.model.named_parameters()}
    for step in range(1, steps + 1):
        run.update(*run.batch(step), 0.01)
    return {name: weight.detach() - before[name] for name, weight in run.model.named_parameters()}


def test_muon_takes_the_matrices_of_blocks_and_adamw_all_else():
    adamw, muon = moved(start()), moved(start(optimizer="muon"))
    hidden = {name for name in adamw if name.startswith("blocks") and "norm" not in name}
    assert {name for name in adamw if not torch.equal(adamw[name], muon[name])} == hidden
    kept = start(optimizer="muon").optimizers.moments
    assert {name for name, moments in kept.items() if set(moments) == {"momentum"}} == hidden
    assert kept.keys() == adamw.keys()


@pytest.mark.parametrize("ratio", [0.25, 4.0])
def test_the_ratio_scales_the_lr_of_muon_s_part_alone(ratio):
    one, scaled = (moved(start(optimizer="muon", muon_lr_ratio=r)) for r in (1.0, ratio))
    for name, change in one.items():
        expected = ratio * change if name.startswith("blocks") and "norm" not in name else change
        torch.testing.assert_close(scaled[name], expected, atol=1e-6, rtol=1e-4, msg=name)


def test_weight_decay_is_that_of_both_parts():
    without, decayed = (moved(start(optimizer="muon", weight_decay=decay)) for decay in (0.0, 0.5))
    weights = {name: weight.detach() for name, weight in start().model.named_parameters()}
    for name, change in without.items():
        torch.testing.assert_close(decayed[name], change - 0.01 * 0.5 * weights[name], atol=1e-6, rtol=1e-4, msg=name)


def test_muon_trains():
    first, *_, last = [seen.loss_nats for seen in observe(start(optimizer="muon")) if not hasattr(seen, "grad_norm")]
    assert last < first
