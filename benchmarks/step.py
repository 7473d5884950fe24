"""Training step: tokens a second on one thread, against Llama of the same shape in `transformers`, eager and compiled.

    python -m benchmarks.step [--rounds 9]

All start from the same weights and do the same work on the same batch: forward pass, cross-entropy, gradient, clipping, fused
AdamW, and the loss and the norm read. The peer may use what is fastest for it: it is not held to deterministic kernels, and its
attention chooses among all of them. Their first losses must agree. Beside them stands our own step with the products that this
kind of processor does not take: where that is faster, `ONEDNN` in trainers/devices.py is wrong for it.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tests.llama import llama, llama_weights
from torch import Tensor

from benchmarks.frame import Comparison, alternate, rate, write
from lrsweep.config import checking
from lrsweep.config.params import Params
from lrsweep.trainers.builtin import layers
from lrsweep.trainers.builtin.process import use_one_thread
from lrsweep.trainers.builtin.settings import Model
from lrsweep.trainers.builtin.trainer import Builtin
from lrsweep.trainers.builtin.training import Data, Run

LR = 1e-3
AT_LEAST_S = 2.0  # of one measurement
WARM_UP = 3  # steps, in which the peer is compiled
Update = Callable[[], float]  # one step; the loss before it


def scales(params: Params) -> dict[str, Model]:
    """The default shape, and a larger one."""
    larger = {"d_model": 128, "n_layers": 4, "d_ff": 384, "context_length": 128}
    default, wide = params.model, params.model.model_copy(update=larger)
    return {f"d {m.d_model} x {m.n_layers} layers, context {m.context_length}": m for m in (default, wide)}


def batch(section: Model, vocab_size: int, batch_size: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets B x T."""
    draws = torch.Generator().manual_seed(0)
    ids = torch.randint(0, vocab_size, (batch_size, section.context_length + 1), generator=draws)
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()


def settings(ours: bool) -> None:
    """Take the kernels of ours as in a worker, or those of the peer as torch starts."""
    use_one_thread("cpu")
    if not ours:
        torch.use_deterministic_algorithms(False)


def start(section: Model, params: Params) -> Run:
    """Start a run of ours, of a model of this shape."""
    nothing = np.zeros((1, 1, section.context_length), dtype=np.int64)
    data = Data(params.tokenize.vocab_size, nothing[0, 0], (nothing, nothing), None)
    return Builtin(section, params.optimizer, data, "cpu", "benchmark").start({"lr": LR}, params.seed, params.train)


def peer(run: Run, compiled: bool, ids: tuple[Tensor, Tensor]) -> Update:
    """Give the step of Llama from a run's weights."""
    section, values = run.settings.model, run.settings.optimizer
    network = llama(section, run.data.vocab_size).train()
    network.load_state_dict(llama_weights(section, run.model.state_dict()))
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=LR,
        betas=(values.beta1, values.beta2),
        eps=values.eps,
        weight_decay=values.weight_decay,
        fused=True,
    )
    forward = torch.compile(network) if compiled else network
    inputs_BT, targets_BT = ids

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        logits_BTV = forward(inputs_BT, use_cache=False).logits
        loss = F.cross_entropy(logits_BTV.flatten(0, 1), targets_BT.flatten())
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), values.grad_clip)
        optimizer.step()
        norm.item()
        return loss.item()

    return step


def measured(step: Update, ours: bool, tokens: int) -> float:
    """Tokens a second."""
    settings(ours)

    def work() -> int:
        step()
        return tokens

    return rate(work, AT_LEAST_S)


def with_other_products(run: Run, ids: tuple[Tensor, Tensor]) -> float:
    """Make a step of ours with MKL's products in the place of oneDNN's, or the other way round."""
    layers.ONEDNN = not layers.ONEDNN
    try:
        return run.update(*ids, LR)[0]
    finally:
        layers.ONEDNN = not layers.ONEDNN


def compare(name: str, section: Model, params: Params, rounds: int) -> list[Comparison]:
    """Ours against the eager and the compiled peer, and against our own other products."""
    run = start(section, params)
    ids = batch(section, params.tokenize.vocab_size, params.optimizer.batch_size)
    steps = {f"transformers, {kind}": peer(run, kind == "compiled", ids) for kind in ("eager", "compiled")}
    other = f"ours, products of {'MKL' if layers.ONEDNN else 'oneDNN'}"
    steps = {"ours": lambda: run.update(*ids, LR)[0], other: partial(with_other_products, start(section, params), ids), **steps}
    firsts = []
    for contender, step in steps.items():
        settings(contender.startswith("ours"))
        firsts.append([step() for _ in range(WARM_UP)])
    torch.testing.assert_close(torch.tensor(firsts), torch.tensor(firsts[:1] * len(firsts)), atol=1e-4, rtol=0)
    contenders = {
        contender: partial(measured, step, contender.startswith("ours"), ids[0].numel()) for contender, step in steps.items()
    }
    found = alternate(contenders, rounds)
    goals = {"transformers, eager": 1.5, "transformers, compiled": 1.0, other: 1.0}
    work = f"training step, {name}"
    return [Comparison(work, "tokens/s", "more", who, found["ours"], found[who], goal) for who, goal in goals.items()]


def at_scales(name: str, about: str | None, compare: Callable[[str, Model, Params, int], list[Comparison]]) -> None:
    """The program of a benchmark that is made at both scales."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="1 to see that this works; writes no table")
    args = parser.parse_args()
    params = checking.load(Path("params.yaml"))
    rows = [row for scale, section in scales(params).items() for row in compare(scale, section, params, args.rounds)]
    write(name, rows, keep=args.rounds > 1)


if __name__ == "__main__":
    at_scales("step", __doc__, compare)
