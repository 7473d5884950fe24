"""Training: a step by hand, resuming bit for bit, early stops, and runs that diverge."""

import math
from itertools import islice

import numpy as np
import pytest
import torch

from lrsweep.trainers.builtin.schedule import lr_at
from lrsweep.trainers.builtin.training import evaluate
from lrsweep.trainers.trainer import Eval
from tests.trainers.builtin.tiny import BUDGET, OPTIMIZER, TEST, VALID, observe, same, start


def test_observations_come_in_order():
    run = start()
    seen = observe(run)
    expected = []
    for step in range(21):
        expected += [("Step", step)] * (step > 0) + [("Eval", step)] * (step % 5 == 0)
    assert [(type(o).__name__, o.step) for o in seen] == expected and run.step == 20
    assert [o.lr for o in seen] == [lr_at(o.step, 0.01, OPTIMIZER, BUDGET) for o in seen]
    assert seen[0].loss_nats == pytest.approx(math.log(40), rel=0.3) and seen[-1].loss_nats < seen[0].loss_nats


def test_the_test_loss_is_the_mean_over_the_whole_text_and_changes_nothing():
    """Nine windows of 16 tokens: the mean of their nine mean losses, in batches of four and of one sequence left over."""
    run, again = start(), start()
    observe(run, 10)
    found = run.test_loss()
    inputs_NT, targets_NT = (torch.from_numpy(TEST[first : 144 + first].astype(np.int64)).view(9, 1, 16) for first in (0, 1))
    assert found == pytest.approx(evaluate(run.model, inputs_NT, targets_NT), rel=1e-6) and run.test_loss() == found
    assert observe(run) == [seen for seen in observe(again) if seen.step > 10] and same(run, again)


PINNED = [3.9598331, 3.7845907, 3.7213106, 3.6750534, 3.6576631]  # nats, of the evals at 0, 5 … 20


def test_the_curve_of_a_seed_is_pinned():
    """As AdamW, the cosine and the model gave it before there were others; the last digits are a processor's own."""
    losses = [seen.loss_nats for seen in observe(start()) if isinstance(seen, Eval)]
    assert losses == pytest.approx(PINNED, rel=1e-5)


def adamw_by_hand(weights, gradients, lrs, beta1, beta2, eps, decay, clip):
    """Decoupled weight decay, then Adam with bias correction (arXiv 1711.05101, algorithm 2), in 64 bits."""
    weights = {name: weight.astype(np.float64) for name, weight in weights.items()}
    m, v = ({name: np.zeros_like(weight) for name, weight in weights.items()} for _ in range(2))
    norms = []
    for t, (lr, step_gradients) in enumerate(zip(lrs, gradients, strict=True), start=1):
        norms.append(math.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in step_gradients.values())))
        scale = min(1.0, clip / norms[-1])
        for name, gradient in step_gradients.items():
            g = scale * gradient.astype(np.float64)
            m[name] = beta1 * m[name] + (1 - beta1) * g
            v[name] = beta2 * v[name] + (1 - beta2) * g**2
            update = (m[name] / (1 - beta1**t)) / (np.sqrt(v[name] / (1 - beta2**t)) + eps)
            weights[name] = weights[name] - lr * decay * weights[name] - lr * update
    return weights, norms


@pytest.mark.parametrize("clip", [0.5, 100.0])  # one that always clips, one that never does
def test_steps_of_adamw_with_clipping_by_hand(clip):
    run = start(weight_decay=0.3, grad_clip=clip)
    before = {name: weight.detach().numpy().copy() for name, weight in run.model.named_parameters()}
    gradients, norms, lrs = [], [], (0.01, 0.02, 0.005)
    inputs, targets = (torch.from_numpy(array[0]) for array in VALID)
    for lr in lrs:
        # The gradient before clipping, from a separate backward pass on the weights of this step.
        loss = torch.nn.functional.cross_entropy(run.model(inputs).flatten(0, 1), targets.flatten())
        names, weights = zip(*run.model.named_parameters(), strict=True)
        gradients.append({n: g.numpy().copy() for n, g in zip(names, torch.autograd.grad(loss, weights), strict=True)})
        loss_nats, norm = run.update(inputs, targets, lr)
        assert loss_nats == pytest.approx(loss.item())
        norms.append(norm)
    after, norms_by_hand = adamw_by_hand(before, gradients, lrs, 0.9, 0.99, OPTIMIZER.eps, 0.3, clip)
    assert norms == pytest.approx(norms_by_hand, rel=1e-5) and min(norms) > 0.5 and max(norms) < 100
    for name, weight in run.model.named_parameters():
        # eps aside Adam divides g by |g|: where g is near 0 its rounding shows
        np.testing.assert_allclose(weight.detach().numpy(), after[name], atol=2e-5, err_msg=name)


def test_a_consumer_may_stop_at_any_time():
    whole = observe(start())
    for n in (1, 2, 7, 13):
        assert list(islice(start().observe(20), n)) == whole[:n]


def test_an_eval_is_yielded_with_the_state_of_its_step():
    run = start()
    for seen in run.observe(20):
        assert run.step == seen.step
        if isinstance(seen, Eval) and seen.step == 10:
            break
    shorter = start()
    observe(shorter, until=10)
    assert same(run, shorter)


def test_an_eval_is_the_mean_over_all_tokens():
    run = start()
    inputs, targets = map(torch.from_numpy, VALID)
    with torch.no_grad():
        shares = torch.log_softmax(run.model(inputs.flatten(0, 1)).double(), dim=-1)
    expected = -shares.gather(-1, targets.flatten(0, 1)[..., None]).mean().item()
    assert evaluate(run.model, inputs, targets) == pytest.approx(expected, rel=1e-6)


def test_another_seed_is_another_run():
    first, other = observe(start(seed=1), until=1), observe(start(seed=2), until=1)
    assert first[0] != other[0] and first[1] != other[1]


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_uses_no_global_generator(optimizer):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    observe(start(optimizer=optimizer), until=3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_that_diverges_ends_with_what_was_not_finite(optimizer):
    seen = observe(start(lr=1e30, optimizer=optimizer))
    assert not seen[-1].finite and seen[-1].step < 20
    assert all(o.finite for o in seen[:-1])


def test_an_eval_that_is_not_finite_ends_the_run():
    run = start()
    with torch.no_grad():
        run.model.head.weight.fill_(float("inf"))
    seen = observe(run)
    assert len(seen) == 1 and isinstance(seen[0], Eval) and not seen[0].finite


def test_bfloat16_is_another_run_near_the_first_with_float32_weights():
    run = start(precision="bfloat16")
    seen, exact = observe(run), observe(start())
    assert seen != exact and all(o.finite for o in seen)
    for ours, theirs in zip(seen, exact, strict=True):
        assert ours.loss_nats == pytest.approx(theirs.loss_nats, rel=0.02)
    assert {tensor.dtype for name, tensor in run.tensors().items() if "/" in name} == {torch.float32}
