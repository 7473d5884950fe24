"""A tiny model and a short training, for the tests of the built-in trainer."""

import numpy as np
import torch

from lrsweep.space import Budget
from lrsweep.text.batches import fixed_batches
from lrsweep.trainers.builtin.settings import Model, Optimizer
from lrsweep.trainers.builtin.trainer import Builtin
from lrsweep.trainers.builtin.training import Data

MODEL = Model(
    d_model=32,
    n_layers=2,
    n_heads=2,
    d_ff=48,
    context_length=16,
    rope_theta=10000.0,
    norm="pre",
    position="rope",
    ffn="swiglu",
    parametrization="standard",
    base_width=32,
)
OPTIMIZER = Optimizer(
    optimizer="adamw",
    beta1=0.9,
    beta2=0.99,
    weight_decay=0.1,
    eps=1e-8,
    grad_clip=1.0,
    schedule="cosine",
    min_lr_ratio=0.1,
    decay_share=0.2,
    muon_lr_ratio=1.0,
    muon_momentum=0.95,
    batch_size=4,
    precision="float32",
)
BUDGET = Budget(steps=20, warmup_steps=4, eval_every=5)
VOCAB = 40
TOKENS = np.random.default_rng(0).integers(0, VOCAB, 2000).astype("<u2")
VALID = fixed_batches(TOKENS[:500], 2, 4, 16)
TEST = np.random.default_rng(1).integers(0, VOCAB, 150).astype("<u2")  # nine windows and five tokens more


def trainer(model=MODEL, identity="tests", precision="float32"):
    optimizer = OPTIMIZER.model_copy(update={"precision": precision})
    return Builtin(model, optimizer, Data(VOCAB, TOKENS, VALID, TEST), "cpu", identity)


def start(seed=1, lr=0.01, budget=BUDGET, precision="float32", **values):
    """A fresh run; values as a configuration gives them."""
    return trainer(precision=precision).start({"lr": lr, **values}, seed, budget)


def observe(run, until=20):
    return list(run.observe(until))


def same(first, second):
    """Whether two runs are in the same state to the bit."""
    ours, theirs = first.tensors(), second.tensors()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
