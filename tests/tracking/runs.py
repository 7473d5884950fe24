"""Made-up runs of 40 steps with an eval every 10, and how tests import them."""

import json
import math

import pytest

from lrsweep.config import checking
from lrsweep.errors import UserError
from lrsweep.stages import exchange
from lrsweep.tracking import histories, importing
from lrsweep.tracking.sources import SOURCES
from tests.pipeline import ROOT

STEPS, EVERY = 40, 10
NOTHING = ("train/loss_nats=", "train/grad_norm=")


def params():
    base = checking.load(ROOT / "params.yaml")
    budget = {"steps": STEPS, "warmup_steps": 4, "eval_every": EVERY}
    stopping = base.sweep_bayes.stopping.model_copy(update={"first_rung": 10})
    return base.model_copy(
        update={
            "sweep_uniform": base.sweep_uniform.model_copy(update=budget),
            "sweep_bayes": base.sweep_bayes.model_copy(update={**budget, "stopping": stopping}),
        }
    )


PARAMS = params()


def loss(step, lr):
    return round(2 + 3 * math.exp(-step / 10) + lr, 5)


def rows(lr, start=0, end=STEPS):
    """A row a step, as our own tracking names it, with an eval every 10 steps from step 0."""
    found = []
    for step in range(start, end + 1):
        row = {"step": step}
        if step:
            row |= {"lr": lr, "train/loss_nats": loss(step, lr), "train/grad_norm": 1.0}
        if step % EVERY == 0:
            row["eval/loss_nats"] = loss(step, lr)
        found.append(row)
    return found


def a_run(name, lr=0.01, history=None, **config):
    return {"name": name, "config": {"lr": lr, **config}, "history": rows(lr) if history is None else history}


def written(path, *runs):
    path.write_text("".join(json.dumps(run) + "\n" for run in runs))
    return path


def take(*paths, kind="wandb", names=(), leave_out=(), overlap="refuse", stage="sweep_uniform", params=PARAMS):
    """Import as the command does, without writing: the trials and the notes."""
    study = exchange.study_of(params, stage)
    found = histories.read(SOURCES[kind], list(paths), list(leave_out))
    return importing.convert(found, exchange.names_of(study, SOURCES[kind], names), study, overlap)


def refused(*paths, **how):
    with pytest.raises(UserError) as error:
        take(*paths, **how)
    return str(error.value)


def losses(trial):
    return [(point.step, point.loss_nats) for point in trial.record.evals]


EVALS = [(step, loss(step, 0.01)) for step in range(0, STEPS + 1, EVERY)]
