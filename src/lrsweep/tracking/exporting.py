"""The two studies as sweeps of W&B: their configurations, and the program that `wandb agent` starts for each trial."""

from pathlib import Path
from typing import Any

from lrsweep.config.params import VARIED, Params
from lrsweep.search.settings import SweepBayes, SweepUniform
from lrsweep.tracking.runs import PROJECT, STEERING
from lrsweep.trainers.builtin.settings import Optimizer

DISTRIBUTIONS = {"linear": "uniform", "log": "log_uniform_values"}  # W&B's log_uniform takes logarithms as its borders
GOAL = {"name": STEERING, "goal": "minimize"}

PROGRAM = '''"""One trial of a sweep: what `wandb agent` starts, in the project's folder. Written by `lrsweep export wandb`."""

from lrsweep.tracking.agent import main

main()
'''


def sweeps(params: Params, lr: Range, program: Path) -> dict[str, dict[str, Any]]:
    """The configurations of both sweeps by the names of their stages; `lr` is phase 2's range."""
    return {
        "sweep_uniform": _uniform(params.sweep_uniform, params.optimizer, program),
        "sweep_bayes": _bayes(params.sweep_bayes, lr, program),
    }


def _uniform(section: SweepUniform, optimizer: Optimizer, program: Path) -> dict[str, Any]:
    fixed = {name: {"value": getattr(optimizer, name)} for name in VARIED if name != "lr"}
    parameters = {"lr": _interval(section.lr), **fixed}
    return {**_head("sweep_uniform", section.trials, program), "method": "random", "metric": GOAL, "parameters": parameters}


def _bayes(section: SweepBayes, lr: Range, program: Path) -> dict[str, Any]:
    """W&B counts what is logged under the metric's name, which is one value an eval; ours is counted in steps.

    From min_iter on, at eta times the one before, a run is stopped that is worse than the value at 1/eta of all; `strict`
    compares the value there, and not the least so far.
    """
    stopping = {"type": "hyperband", "min_iter": section.stopping.first_rung // section.eval_every}
    return {
        **_head("sweep_bayes", section.trials, program),
        "method": "bayes",
        "metric": GOAL,
        "parameters": {"lr": _interval(lr), **{name: _interval(getattr(section, name)) for name in VARIED if name != "lr"}},
        "early_terminate": {**stopping, "eta": section.stopping.eta, "strict": True},
    }


def _head(stage: str, trials: int, program: Path) -> dict[str, Any]:
    command = ["${env}", "${interpreter}", "${program}", stage, "${args}"]
    return {"name": stage, "project": PROJECT, "program": program.as_posix(), "command": command, "run_cap": trials}


def _interval(interval: Range) -> dict[str, Any]:
    return {"distribution": DISTRIBUTIONS[interval.scale], "min": interval.min, "max": interval.max}
