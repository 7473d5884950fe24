"""The two studies as W&B sweeps: their configurations, and the program that `wandb agent` starts for each trial."""

from pathlib import Path
from typing import Any

from lrsweep.search.settings import SweepBayes, SweepUniform
from lrsweep.space import Choice, Dimension, Float, Int
from lrsweep.tracking.runs import PROJECT, STEERING

# W&B's log_uniform takes logarithms as its borders; q rounds to multiples of itself
FLOATS = {"linear": "uniform", "log": "log_uniform_values"}
INTS: dict[str, dict[str, Any]] = {
    "linear": {"distribution": "int_uniform"},
    "log": {"distribution": "q_log_uniform_values", "q": 1},
}
GOAL = {"name": STEERING, "goal": "minimize"}

PROGRAM = '''"""One trial of a sweep: what `wandb agent` starts, in the project's folder. Written by `lrsweep export wandb`."""

from lrsweep.tracking.agent import main

main()
'''


def sweeps(uniform: SweepUniform, bayes: SweepBayes, lr: Float, program: Path) -> dict[str, dict[str, Any]]:
    """Give the configurations of both sweeps by the names of their stages; `lr` is phase 2's range.

    The values of names that a sweep does not vary come from params.yaml.
    """
    return {"sweep_uniform": _uniform(uniform, program), "sweep_bayes": _bayes(bayes, lr, program)}


def _uniform(section: SweepUniform, program: Path) -> dict[str, Any]:
    head, parameters = _head("sweep_uniform", section.trials, program), {"lr": parameter(section.lr)}
    return {**head, "method": "random", "metric": GOAL, "parameters": parameters}


def _bayes(section: SweepBayes, lr: Float, program: Path) -> dict[str, Any]:
    """Give the sweep of phase 2. W&B counts resources in logged values of the metric, one for each eval, where ours are in steps.

    At min_iter, and then at eta times the count before, W&B stops a run that is worse than the value at 1/eta of all runs.
    `strict` compares the value at that point, and not the least so far.
    """
    stopping = {"type": "hyperband", "min_iter": section.stopping.first_rung // section.eval_every}
    return {
        **_head("sweep_bayes", section.trials, program),
        "method": "bayes",
        "metric": GOAL,
        "parameters": {name: parameter(one) for name, one in section.space_with(lr).dimensions.items()},
        "early_terminate": {**stopping, "eta": section.stopping.eta, "strict": True},
    }


def _head(stage: str, trials: int, program: Path) -> dict[str, Any]:
    command = ["${env}", "${interpreter}", "${program}", stage, "${args}"]
    return {"name": stage, "project": PROJECT, "program": program.as_posix(), "command": command, "run_cap": trials}


def parameter(one: Dimension) -> dict[str, Any]:
    """Give a dimension as a parameter of a sweep."""
    if isinstance(one, Choice):
        return {"values": list(one.choices)}
    kind = INTS[one.scale] if isinstance(one, Int) else {"distribution": FLOATS[one.scale]}
    return {**kind, "min": one.min, "max": one.max}
