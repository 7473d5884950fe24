"""Training: a step by hand, resuming bit for bit, early stops, and runs that diverge."""

import math
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from lrsweep.config import checking, params
from lrsweep.text.tokens import fixed_batches
from lrsweep.trainers.builtin import training
from lrsweep.trainers.builtin.schedule import lr_at

OPTIMIZER = checking.load(Path(__file__).parents[3] / "params.yaml").optimizer.model_copy(update={"batch_size": 4})
MODEL = params.Model(d_model=32, n_layers=2, n_heads=2, d_ff=48, context_length=16, rope_theta=10000.0)
BUDGET = params.Budget(steps=20, warmup_steps=4, eval_every=5)
TOKENS = np.random.default_rng(0).integers(0, 40, 2000).astype("<u2")
VALID = fixed_batches(TOKENS[:500], 2, 4, 16)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """As in a job; other tests get back what they had."""
    threads, fills = torch.get_num_threads(), torch.utils.deterministic.fill_uninitialized_memory
    deterministic = torch.are_deterministic_algorithms_enabled()
    training.use_one_thread()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
    torch.utils.deterministic.fill_uninitialized_memory = fills


def start(lr=0.01, seed=1, weight_decay=0.1):
    hyper = params.Hyperparameters(lr=lr, beta2=0.99, weight_decay=weight_decay)
    return training.start(MODEL, 40, OPTIMIZER, hyper, seed), training.Run(OPTIMIZER, BUDGET, lr, seed, 16)


def observe(state, run, until=20):
    return list(training.observe(state, run, TOKENS, VALID, until))


def same(first, second):
    """Whether two states are the same to the bit."""
    ours, theirs = first.tensors(), second.tensors()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_observations_come_in_order():
    state, run = start()
    seen = observe(state, run)
    expected = []
    for step in range(21):
        expected += [("Step", step)] * (step > 0) + [("Eval", step)] * (step % 5 == 0)
    assert [(type(o).__name__, o.step) for o in seen] == expected and state.step == 20
    assert [o.lr for o in seen] == [lr_at(o.step, 0.01, BUDGET, OPTIMIZER.min_lr_ratio) for o in seen]
    assert seen[0].loss_nats == pytest.approx(math.log(40), rel=0.3) and seen[-1].loss_nats < seen[0].loss_nats


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
    state, _ = start(weight_decay=0.3)
    before = {name: weight.detach().numpy().copy() for name, weight in state.model.named_parameters()}
    gradients, norms, lrs = [], [], (0.01, 0.02, 0.005)
    inputs, targets = (torch.from_numpy(array[0]) for array in VALID)
    for lr in lrs:
        # The gradient before clipping, from a separate backward pass on the weights of this step.
        loss = torch.nn.functional.cross_entropy(state.model(inputs).flatten(0, 1), targets.flatten())
        names, weights = zip(*state.model.named_parameters(), strict=True)
        gradients.append({n: g.numpy().copy() for n, g in zip(names, torch.autograd.grad(loss, weights), strict=True)})
        loss_nats, norm = training.update(state, inputs, targets, lr, clip)
        assert loss_nats == pytest.approx(loss.item())
        norms.append(norm)
    after, norms_by_hand = adamw_by_hand(before, gradients, lrs, 0.9, 0.99, OPTIMIZER.eps, 0.3, clip)
    assert norms == pytest.approx(norms_by_hand, rel=1e-5) and min(norms) > 0.5 and max(norms) < 100
    for name, weight in state.model.named_parameters():
        # eps aside Adam divides g by |g|: where g is near 0 its rounding shows
        np.testing.assert_allclose(weight.detach().numpy(), after[name], atol=2e-5, err_msg=name)


@pytest.mark.parametrize("cut", [0, 5, 7, 10])  # before any step, at an eval, between evals, at an eval
def test_a_resumed_run_is_the_same_to_the_bit(cut):
    whole_state, run = start()
    whole = observe(whole_state, run)
    state, run = start()
    first = observe(state, run, until=cut)
    resumed, _ = start(seed=2)  # other weights: all must come from the saved state
    resumed.load_tensors(load(save(state.tensors())))
    assert resumed.step == cut and same(resumed, state)
    rest = observe(resumed, run)
    assert (first[:-1] if cut == 0 else first) + rest == whole and same(resumed, whole_state)


def test_a_consumer_may_stop_at_any_time():
    whole = observe(*start())
    for n in (1, 2, 7, 13):
        assert list(islice(training.observe(*start(), TOKENS, VALID, 20), n)) == whole[:n]


def test_an_eval_is_yielded_with_the_state_of_its_step():
    state, run = start()
    for seen in training.observe(state, run, TOKENS, VALID, 20):
        assert state.step == seen.step
        if isinstance(seen, training.Eval) and seen.step == 10:
            break
    shorter, run = start()
    observe(shorter, run, until=10)
    assert same(state, shorter)


def test_an_eval_is_the_mean_over_all_tokens():
    state, _ = start()
    inputs, targets = map(torch.from_numpy, VALID)
    with torch.no_grad():
        shares = torch.log_softmax(state.model(inputs.flatten(0, 1)).double(), dim=-1)
    expected = -shares.gather(-1, targets.flatten(0, 1)[..., None]).mean().item()
    assert training.evaluate(state.model, inputs, targets) == pytest.approx(expected, rel=1e-6)


def test_another_seed_is_another_run():
    first, other = observe(*start(seed=1), until=1), observe(*start(seed=2), until=1)
    assert first[0] != other[0] and first[1] != other[1]


def test_a_run_uses_no_global_generator():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    observe(*start(), until=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_that_diverges_ends_with_what_was_not_finite():
    seen = observe(*start(lr=1e30))
    assert not seen[-1].finite and seen[-1].step < 20
    assert all(o.finite for o in seen[:-1])


def test_an_eval_that_is_not_finite_ends_the_run():
    state, run = start()
    with torch.no_grad():
        state.model.head.weight.fill_(float("inf"))
    seen = observe(state, run)
    assert len(seen) == 1 and isinstance(seen[0], training.Eval) and not seen[0].finite
