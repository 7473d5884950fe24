"""One trial as `wandb agent` starts it: trained with the project's trainer, and logged while it runs, since W&B needs the log.

Here W&B proposes and stops trials. It stops one by SIGTERM, and the trial ends as a run that went well.
"""

import argparse
import math
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lrsweep.config import checking
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.runner.trainer import make_trainer, trained_values
from lrsweep.search.curve import Curve, follow
from lrsweep.search.evals import measure
from lrsweep.search.trial import PRUNED, EvalPoint
from lrsweep.seeding import derive_seed
from lrsweep.space import Value, Values
from lrsweep.store.results import FOLDER, Results
from lrsweep.terminal import complain
from lrsweep.tracking import runs as tracking
from lrsweep.trainers.builtin import terms
from lrsweep.trainers.trainer import Observation, Step, Trainer


class Stopped(BaseException):
    """W&B has stopped this trial."""


def main() -> None:
    """Train the trial that the command line gives: STAGE --lr=… --NAME=…, a value for each name that the sweep varies."""
    os.environ["OMP_NUM_THREADS"] = "1"
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("stage", choices=("sweep_uniform", "sweep_bayes"))
    given, words = parser.parse_known_args()
    try:
        params = checking.load(Path("params.yaml"))
        trainer = make_trainer(params, Results(FOLDER), "wandb agent")
        run_trial(params, trainer, given.stage, read_values(words, trainer.names))
    except UserError as error:
        complain(str(error))
        sys.exit(2)


def read_values(words: Sequence[str], names: Mapping[str, TypeAdapter]) -> dict[str, Value]:
    """Read a configuration from words like --lr=0.01.

    Raises:
        UserError: a word has another form, or the trainer does not take its name or its value.
    """
    values: dict[str, Value] = {}
    for word in words:
        name, mark, text = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not mark or name not in names:
            raise UserError(f"found {word!r}, expected --NAME=VALUE with NAME one of {', '.join(names)}; correct the sweep")
        try:
            values[name] = names[name].validate_python(_parsed(text))
        except ValidationError as error:
            expected = error.errors()[0]["msg"].removeprefix("Input should be ")
            raise UserError(f"{name}: found {text}, expected {expected}; correct the sweep") from None
    if "lr" not in values:
        raise UserError("lr: found no --lr=VALUE, expected one; correct the sweep")
    if term := terms.clash(values):
        raise UserError(f"{term}: found it beside {terms.TERMS[term].name}, expected one of the two; correct the sweep")
    return values


def _parsed(text: str) -> Value:
    """Read a number, else text; W&B writes whole numbers as 16 or as 16.0."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def trial_seed(params: Params, stage: str, values: Values) -> int:
    """Derive the seed of an agent's trial from its values, since agents do not number their trials."""
    return derive_seed(params.seed, f"{stage}/agent/{'/'.join(f'{name}={values[name]!r}' for name in sorted(values))}")


def run_trial(params: Params, trainer: Trainer, stage: str, values: Values) -> Curve:
    """Train and log one trial of a stage; the environment gives the run and says whether W&B is online."""
    budget, seed = getattr(params, stage), trial_seed(params, stage, values)
    training, curve = trainer.start(values, seed, budget), Curve()
    with tracking.start(None, None, {}) as run:
        run.config.setdefaults({**values, **trained_values(params, values, budget), "seed": str(seed)})
        signal.signal(signal.SIGTERM, _stop)
        try:
            seen = _logged(run, training.observe(budget.steps), params, stage, float(values["lr"]))
            follow(seen, curve, lambda *_: None)
        except Stopped:
            curve.state = PRUNED
        end = {"state": curve.state, "steps": curve.last_step}
        run.config.update(end)
        run.summary.update(end)
    return curve


def _stop(*_: Any) -> None:
    raise Stopped


def _logged(run: Any, observations: Iterator[Observation], params: Params, stage: str, max_lr: float) -> Iterator[Observation]:
    """Log each observation and pass it on."""
    evals: list[EvalPoint] = []
    steering = params.sweep_bayes.metric.name if stage == "sweep_bayes" else "loss"
    for seen in observations:
        if isinstance(seen, Step):
            row = tracking.step_row(seen._asdict())
        else:
            evals.append(EvalPoint(seen.step, seen.lr, seen.loss_nats if math.isfinite(seen.loss_nats) else None))
            found = measure(evals, max_lr, params.sweep_bayes.metric)[-1][1] if seen.finite else None
            row = tracking.eval_row(evals[-1], found, steering)
        run.log({"step": seen.step, **row}, step=seen.step)
        yield seen
