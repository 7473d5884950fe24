"""One trial as `wandb agent` starts it: trained with the project's trainer, and logged while it runs, since W&B decides by that.

Here W&B proposes and stops. A stop is SIGTERM: the trial ends with what it has, as a run that went well.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lrsweep.config import checking
from lrsweep.config.params import VARIED, Hyperparameters, Params
from lrsweep.errors import UserError
from lrsweep.search import curves
from lrsweep.search.curves import Curve, measure
from lrsweep.search.trial import EvalPoint
from lrsweep.seeding import derive_seed
from lrsweep.stages.data import load
from lrsweep.store import artifacts
from lrsweep.store.records import finite
from lrsweep.tracking import runs as tracking
from lrsweep.trainers.builtin import training


class Stopped(BaseException):
    """W&B has stopped this trial."""


def main() -> None:
    """Trains the trial that the command line gives: STAGE --lr=… --beta2=… --weight_decay=…"""
    os.environ["OMP_NUM_THREADS"] = "1"
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("stage", choices=("sweep_uniform", "sweep_bayes"))
    for name in VARIED:
        parser.add_argument(f"--{name}", type=float, required=True)
    values = vars(parser.parse_args())
    try:
        run_trial(checking.load(Path("params.yaml")), values.pop("stage"), Hyperparameters(**values))
    except UserError as error:
        print(f"lrsweep: {error}", file=sys.stderr)
        sys.exit(2)


def trial_seed(params: Params, stage: str, hyper: Hyperparameters) -> int:
    """The seed of an agent's trial: agents do not number their trials, so it follows from the values."""
    values = "/".join(repr(getattr(hyper, name)) for name in VARIED)
    return derive_seed(params.seed, f"{stage}/agent/{values}")


def run_trial(params: Params, stage: str, hyper: Hyperparameters) -> Curve:
    """Trains and logs one trial of a stage; the environment says which run it is and whether W&B is online.

    Raises:
        UserError: there are no tokens to train on.
    """
    budget, seed = getattr(params, stage), trial_seed(params, stage, hyper)
    tokens, batches = load(params)
    training.use_one_thread()
    state = training.start(params.model, params.tokenize.vocab_size, params.optimizer, hyper, seed)
    job = training.Run(params.optimizer, budget, hyper.lr, seed, params.model.context_length)
    curve = Curve()
    with tracking.start(None, None, {}) as run:
        run.config.setdefaults({**hyper.model_dump(), "seed": str(seed)})
        signal.signal(signal.SIGTERM, _stop)
        try:
            seen = training.observe(state, job, tokens, batches, budget.steps)
            curves.follow(_logged(run, seen, params, stage, hyper), curve, lambda *_: None)
        except Stopped:
            curve.state = artifacts.PRUNED
        end = {"state": curve.state, "steps": curve.last_step}
        run.config.update(end)
        run.summary.update(end)
    return curve


def _stop(*_: Any) -> None:
    raise Stopped


def _logged(run: Any, observations: Iterator[Any], params: Params, stage: str, hyper: Hyperparameters) -> Iterator[Any]:
    """The observations, each logged as it passes."""
    evals: list[EvalPoint] = []
    steering = params.sweep_bayes.metric.name if stage == "sweep_bayes" else "loss"
    for seen in observations:
        if hasattr(seen, "grad_norm"):
            row = tracking.step_row(seen._asdict())
        else:
            evals.append(EvalPoint(seen.step, seen.lr, finite(seen.loss_nats)))
            found = measure(evals, hyper.lr, params.sweep_bayes.metric)[-1][1] if seen.finite else None
            row = tracking.eval_row(evals[-1], found, steering)
        run.log({"step": seen.step, **row}, step=seen.step)
        yield seen
