"""Training: the schedule by hand, resuming bit for bit, and a run that diverges."""

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load, save

from lrsweep import params, training
from lrsweep.schedule import lr_at
from lrsweep.tokens import fixed_batches

DEFAULT = params.load(Path(__file__).parents[1] / "params.yaml")
MODEL = params.Model(d_model=32, n_layers=2, n_heads=2, d_ff=48, context_length=16, rope_theta=10000.0)
BUDGET = params.Budget(steps=20, warmup_steps=4, eval_every=5)
TOKENS = np.random.default_rng(0).integers(0, 40, 2000).astype("<u2")
VALID = fixed_batches(TOKENS[:500], 2, 4, 16)


def test_learning_rates_by_hand():
    rates = [lr_at(step, 1.0, 12, 4, 0.1) for step in (1, 2, 4, 8, 12)]
    assert rates == pytest.approx([0.25, 0.5, 1.0, 0.55, 0.1])
    assert lr_at(1, 1.0, 10, 0, 0.0) == pytest.approx(0.5 * (1 + math.cos(math.pi / 10)))


def start(lr=0.01, seed=1):
    hyper = params.Hyperparameters(lr=lr, beta2=0.99, weight_decay=0.1)
    state = training.start(MODEL, 40, DEFAULT.optimizer, hyper, seed)
    return state, training.Run(DEFAULT.optimizer.model_copy(update={"batch_size": 4}), BUDGET, lr, seed, 16)


def observe(state, run, until=20):
    return list(training.observe(state, run, TOKENS, VALID, until))


def test_observations_come_in_order():
    seen = observe(*start())
    evals = [o.step for o in seen if isinstance(o, training.Eval)]
    assert evals == [0, 5, 10, 15, 20]
    assert [o.step for o in seen if isinstance(o, training.Step)] == list(range(1, 21))
    assert seen[0].loss_nats == pytest.approx(math.log(40), rel=0.3)
    assert seen[-1].loss_nats < seen[0].loss_nats


def test_a_resumed_run_is_the_same_to_the_bit():
    whole_state, run = start()
    whole = observe(whole_state, run)
    state, run = start()
    first = observe(state, run, until=10)
    resumed, run = start(seed=1)
    resumed.load_tensors(load(save(state.tensors())))
    assert first + observe(resumed, run) == whole


def test_stopping_early_gives_the_same_beginning():
    assert observe(*start(), until=10) == observe(*start())[: len(observe(*start(), until=10))]


def test_another_seed_is_another_run():
    assert observe(*start(seed=1))[0] != observe(*start(seed=2))[0]


def test_a_run_that_diverges_ends_with_what_was_not_finite():
    seen = observe(*start(lr=1e30))
    assert not seen[-1].finite and seen[-1].step < 20
    assert all(o.finite for o in seen[:-1])
