"""Probes: the edge, measured before some updates of a trial that is trained again."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lrsweep.seeding import derive_seed
from lrsweep.space import Budget, Values
from lrsweep.trainers.builtin import sharpness
from lrsweep.trainers.builtin.settings import Sharpness
from lrsweep.trainers.builtin.trainer import Builtin
from lrsweep.trainers.builtin.training import Run


@dataclass(frozen=True)
class Probe:
    """One measurement before an update: the critical LR between its two ends, and the curvature beside its threshold."""

    step: int
    lr: float
    loss_nats: float
    grad_norm: float
    clip: float
    critical_low_lr: float | None
    critical_high_lr: float | None
    critical_lr: float | None
    eigenvalue: float | None
    eigenvalue_error: float | None
    products: int
    threshold: float


def probe(trainer: Builtin, values: Values, seed: int, budget: Budget, section: Sharpness, study_seed: int) -> Iterator[Probe]:
    """Train a trial again, bit for bit, and measure before each update in section.steps, until it diverges.

    `seed` is the trial's; the start vectors of Lanczos come from `study_seed`. The trial's optimizer must be one that `measures`.
    """
    run = trainer.start(values, seed, budget)
    for step in section.steps:
        finite = all(seen.finite for seen in run.observe(step - 1))
        if not finite or (measured := _measure(run, run.batch(step), step, section, study_seed)) is None:
            return
        yield measured


def _measure(run: Run, batch: tuple[Tensor, Tensor], step: int, section: Sharpness, study_seed: int) -> Probe | None:
    """Measure before one update; None where the loss or the gradient is not finite."""
    update, lr = sharpness.next_update(run, *batch), run.lr(step)
    if not torch.isfinite(update.direction).all():
        return None
    line = sharpness.critical_lr(sharpness.loss_along(run.model, update.direction, *batch), lr, section)
    generator = torch.Generator().manual_seed(derive_seed(study_seed, "sharpness/lanczos", step))
    start = torch.randn(len(update.direction), generator=generator).to(run.device)
    found = sharpness.greatest_eigenvalue(sharpness.preconditioned_hessian(run.model, update, *batch), start, section)
    return Probe(
        step=step,
        lr=lr,
        loss_nats=update.loss_nats,
        grad_norm=update.grad_norm,
        clip=update.clip,
        critical_low_lr=line.low,
        critical_high_lr=line.high,
        critical_lr=line.middle,
        eigenvalue=found.value,
        eigenvalue_error=found.error,
        products=found.products,
        threshold=sharpness.threshold(run.settings.optimizer.beta1, lr),
    )
