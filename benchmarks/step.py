"""Training step: tokens a second on one thread, against Llama of the same shape in `transformers`, eager and compiled.

    python -m benchmarks.step [--rounds 9]

All start from the same weights and do the same work on the same batch: forward pass, cross-entropy, gradient, clipping, fused
AdamW, and the loss and the norm read. The peer may use what is fastest for it: it is not held to deterministic kernels, and its
attention chooses among all of them. Their first losses must agree.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from tests.llama import llama, llama_weights
from torch import Tensor

from benchmarks.frame import Comparison, alternate, rate, write
from lrsweep.config import checking, params
from lrsweep.trainers.builtin import training

HYPER = params.Hyperparameters(lr=1e-3, beta2=0.999, weight_decay=0.01)
AT_LEAST_S = 2.0  # of one measurement
WARM_UP = 3  # steps, in which the peer is compiled
Update = Callable[[], float]  # one step; the loss before it


def scales(p: params.Params) -> dict[str, params.Model]:
    """The default shape, and a larger one."""
    larger = {"d_model": 128, "n_layers": 4, "d_ff": 384, "context_length": 128}
    default, wide = p.model, p.model.model_copy(update=larger)
    return {f"d {m.d_model} x {m.n_layers} layers, context {m.context_length}": m for m in (default, wide)}


def batch(section: params.Model, vocab_size: int, batch_size: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets B x T."""
    draws = torch.Generator().manual_seed(0)
    ids = torch.randint(0, vocab_size, (batch_size, section.context_length + 1), generator=draws)
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()


def settings(ours: bool) -> None:
    """Kernels: ours as in a job, the peer's as torch starts."""
    training.use_one_thread()
    if not ours:
        torch.use_deterministic_algorithms(False)


def peer(state: training.State, section: params.Model, p: params.Params, ids: tuple[Tensor, Tensor], compiled: bool) -> Update:
    """The step of Llama from the state's weights."""
    network = llama(section, p.tokenize.vocab_size).train()
    network.load_state_dict(llama_weights(section, state.model.state_dict()))
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=HYPER.lr,
        betas=(p.optimizer.beta1, HYPER.beta2),
        eps=p.optimizer.eps,
        weight_decay=HYPER.weight_decay,
        fused=True,
    )
    forward = torch.compile(network) if compiled else network
    inputs_BT, targets_BT = ids

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        logits_BTV = forward(inputs_BT, use_cache=False).logits
        loss = F.cross_entropy(logits_BTV.flatten(0, 1), targets_BT.flatten())
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), p.optimizer.grad_clip)
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


def compare(name: str, section: params.Model, p: params.Params, rounds: int) -> list[Comparison]:
    """Ours against the eager and the compiled peer."""
    state = training.start(section, p.tokenize.vocab_size, p.optimizer, HYPER, p.seed)
    ids = batch(section, p.tokenize.vocab_size, p.optimizer.batch_size)
    steps = {f"transformers, {kind}": peer(state, section, p, ids, kind == "compiled") for kind in ("eager", "compiled")}
    steps = {"ours": lambda: training.update(state, *ids, HYPER.lr, p.optimizer.grad_clip)[0], **steps}
    firsts = []
    for contender, step in steps.items():
        settings(contender == "ours")
        firsts.append([step() for _ in range(WARM_UP)])
    torch.testing.assert_close(torch.tensor(firsts), torch.tensor(firsts[:1] * len(firsts)), atol=1e-4, rtol=0)
    contenders = {contender: partial(measured, step, contender == "ours", ids[0].numel()) for contender, step in steps.items()}
    found = alternate(contenders, rounds)
    goals = {"transformers, eager": 1.5, "transformers, compiled": 1.0}
    work = f"training step, {name}"
    return [Comparison(work, "tokens/s", "more", who, found["ours"], found[who], goal) for who, goal in goals.items()]


def at_scales(name: str, about: str | None, compare: Callable[[str, params.Model, params.Params, int], list[Comparison]]) -> None:
    """The program of a benchmark that is made at both scales."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    p = checking.load(Path("params.yaml"))
    write(name, [row for scale, section in scales(p).items() for row in compare(scale, section, p, args.rounds)])


if __name__ == "__main__":
    at_scales("step", __doc__, compare)
