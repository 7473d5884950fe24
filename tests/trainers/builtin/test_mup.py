"""muP: by hand, and as what it is for: what a step does to the activations, at any width."""

import math

import pytest
import torch

from lrsweep.trainers.builtin.model import Transformer, init_weights
from lrsweep.trainers.builtin.sharpness import next_update
from tests.trainers.builtin.tiny import BUDGET, MODEL, OPTIMIZER, VALID, VOCAB, observe, same, trainer

BASE, LR = MODEL.d_model, 0.01


def sized(parametrization, width):
    """The tiny model at a width, heads of 16."""
    own = {"d_model": width, "n_heads": width // 16, "d_ff": 2 * width}
    return MODEL.model_copy(update={"parametrization": parametrization, "base_width": BASE, **own})


def begin(parametrization, width, seed=1, **values):
    return trainer(sized(parametrization, width)).start({"lr": LR, "warmup_steps": 0, **values}, seed, BUDGET)


def activations(run):
    """What each part of the blocks adds to the stream, and the logits, on a fixed batch."""
    seen = {}
    parts = {f"{kind} {i}": getattr(block, kind) for i, block in enumerate(run.model.blocks) for kind in ("attention", "ffn")}
    hooks = [
        part.register_forward_hook(lambda _, __, out, name=name: seen.__setitem__(name, out.detach()))
        for name, part in {**parts, "logits": run.model}.items()
    ]
    with torch.no_grad():
        run.model(torch.from_numpy(VALID[0][0]))
    for hook in hooks:
        hook.remove()
    return seen


def moved(parametrization, width):
    """How far four steps move each activation, in the mean over its entries and three seeds."""
    found = {}
    for seed in (1, 2, 3):
        run = begin(parametrization, width, seed)
        before = activations(run)
        observe(run, 4)
        for name, after in activations(run).items():
            found[name] = found.get(name, 0.0) + (after - before[name]).abs().mean().item() / 3
    return found


def test_the_coordinate_check():
    """Yang et al. 2022, figure 5: twice as wide, steps move activations as far under muP, and much farther without."""
    growth = {}
    for kind in ("mup", "standard"):
        narrow, wide = moved(kind, 128), moved(kind, 256)
        growth[kind] = {name: wide[name] / narrow[name] for name in narrow}
    assert all(0.85 < ratio < 1.15 for ratio in growth["mup"].values()), growth["mup"]
    assert all(ratio > 1.4 for ratio in growth["standard"].values()), growth["standard"]


@pytest.mark.parametrize("width", [32, 64])
def test_the_logits_are_those_of_a_standard_model_with_its_divisors_in_the_weights(width):
    """Scores / K in the place of / sqrt(K), and logits / m."""
    ours, plain = (Transformer(sized(kind, width), VOCAB) for kind in ("mup", "standard"))
    init_weights(ours, 3)
    plain.load_state_dict(ours.state_dict())
    with torch.no_grad():
        for block in plain.blocks:
            block.attention.qkv.weight[:width] /= math.sqrt(16)
        plain.head.weight /= width / BASE
        ids_BT = torch.from_numpy(VALID[0][0])
        torch.testing.assert_close(ours(ids_BT), plain(ids_BT), atol=1e-5, rtol=1e-4)


def test_initial_variances():
    """Matrices of the blocks have theirs fall with the width; the head's and the embedding's do not."""
    for width in (64, 128):
        model = Transformer(sized("mup", width), VOCAB)
        init_weights(model, 0)
        cut = 0.9866  # deviation of a normal distribution that is cut at 3 sigma
        for weight, variance in (
            (model.blocks[0].attention.out.weight, 2 / (2 * width)),
            (model.blocks[0].ffn.down.weight, 2 / (3 * width)),
            (model.head.weight, 2 / (BASE + VOCAB)),
            (model.embedding.weight, 1.0),
        ):
            assert weight.std().item() == pytest.approx(cut * math.sqrt(variance), rel=0.05)


def test_a_step_by_hand():
    """AdamW's first step is lr · g / (|g| + eps): at twice the width a matrix of a block makes half of it, and decays as far."""
    run, lr, decay = begin("mup", 64), 0.01, 0.1
    before = {name: weight.detach().clone() for name, weight in run.model.named_parameters()}
    run.update(*run.batch(1), lr)
    for name, weight in run.model.named_parameters():
        moved = lr / (2 if name in run.model.hidden else 1) * weight.grad / (weight.grad.abs() + OPTIMIZER.eps)
        torch.testing.assert_close(weight.detach(), before[name] * (1 - lr * decay) - moved, atol=2e-6, rtol=1e-5, msg=name)


def test_curvature_is_measured_along_the_step_that_is_made():
    run, lr = begin("mup", 64), 1e-3
    observe(run, 3)
    update = next_update(run, *run.batch(4))
    before = torch.cat([weight.detach().flatten().clone() for weight in run.model.parameters()])
    run.update(*run.batch(4), lr)
    after = torch.cat([weight.detach().flatten() for weight in run.model.parameters()])
    torch.testing.assert_close(after, before - lr * update.direction, atol=1e-6, rtol=1e-4)


def test_a_base_width_means_nothing_in_the_standard_parametrization():
    first, second = (trainer(MODEL.model_copy(update={"base_width": width})).start({"lr": LR}, 1, BUDGET) for width in (8, 64))
    assert observe(first, 5) == observe(second, 5) and same(first, second)
