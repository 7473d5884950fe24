"""sharpness: critical LR and curvature in a few trials of phase 1, under and over the edge."""

import sys
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from lrsweep.config.params import VARIED, Hyperparameters, Params
from lrsweep.seeding import derive_seed
from lrsweep.stages.data import load
from lrsweep.store import artifacts
from lrsweep.text.tokens import sample_batch
from lrsweep.trainers.builtin import sharpness, training
from lrsweep.trainers.builtin.settings import Sharpness
from lrsweep.trainers.devices import device

Row = dict[str, Any]


def run(params: Params) -> None:
    """Writes probes.parquet, without a row where the section is null or phase 1 was trained elsewhere; prints what it cost."""
    trials = artifacts.read_table(artifacts.RESULTS / "sweep_uniform/trials.parquet", "trials")
    edge_lr = artifacts.read_json(artifacts.RESULTS / "edge/edge.json")["edge_lr"]
    rows: list[Row] = []
    section, started = params.sharpness, time.monotonic()
    if section is not None and not params.sweep_uniform.imported:
        training.use_one_thread()
        chosen = sharpness.pick(trials["lr"].tolist(), edge_lr, section.trials_per_side)
        for trial in trials.iloc[chosen].itertuples():
            side = "under" if edge_lr is not None and trial.lr <= edge_lr else "over"
            rows += [{"trial": int(trial.trial), "side": side, "max_lr": float(trial.lr), **row} for row in _probe(params, trial)]
        cost = f"{len(rows)} probes in {len(chosen)} trials, {sum(row['products'] for row in rows)} Hessian-vector products"
        print(f"sharpness: {cost}, {time.monotonic() - started:.0f} s", file=sys.stderr)
    artifacts.write_table(artifacts.folder("sharpness") / "probes.parquet", "probes", rows)


def _probe(p: Params, trial: Any) -> Iterator[Row]:
    """Trains the trial again, bit for bit, and measures before the updates of section.steps, as far as it does not diverge."""
    section = p.sharpness
    assert section is not None, "run() measures nothing where it is null"
    hyper, seed = Hyperparameters(**{name: float(getattr(trial, name)) for name in VARIED}), int(trial.seed)
    state = training.start(p.model, p.tokenize.vocab_size, p.optimizer, hyper, seed).move(device(p.execution))
    run = training.Run(p.optimizer, p.sweep_uniform, hyper.lr, seed, p.model.context_length)
    data, valid = load(p)
    for step in section.steps:
        finite = all(seen.finite for seen in training.observe(state, run, data, valid, step - 1))
        size = p.optimizer.batch_size, p.model.context_length
        inputs, targets = sample_batch(data, derive_seed(seed, "batches"), step, *size)
        batch = torch.from_numpy(inputs).to(state.device), torch.from_numpy(targets).to(state.device)
        if not finite or (row := _measure(p, section, state, batch, run.lr(step), step)) is None:
            return
        yield row


def _measure(
    p: Params, section: Sharpness, state: training.State, batch: tuple[Tensor, Tensor], lr: float, step: int
) -> Row | None:
    """The row of one probe; None where the loss or the gradient is not finite."""
    update = sharpness.next_update(state, *batch, p.optimizer.grad_clip)
    if not torch.isfinite(update.direction).all():
        return None
    line = sharpness.critical_lr(sharpness.loss_along(state.model, update.direction, *batch), lr, section)
    generator = torch.Generator().manual_seed(derive_seed(p.seed, "sharpness/lanczos", step))
    start = torch.randn(len(update.direction), generator=generator).to(state.device)
    product = sharpness.preconditioned_hessian(state.model, update, *batch)
    found = sharpness.greatest_eigenvalue(product, start, section)
    return {
        "step": step,
        "lr": lr,
        "loss_nats": update.loss_nats,
        "grad_norm": update.grad_norm,
        "clip": update.clip,
        "critical_low_lr": line.low,
        "critical_high_lr": line.high,
        "critical_lr": line.middle,
        "eigenvalue": found.value,
        "eigenvalue_error": found.error,
        "products": found.products,
        "threshold": sharpness.threshold(p.optimizer.beta1, lr),
    }
