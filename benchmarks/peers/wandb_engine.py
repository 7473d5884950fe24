"""W&B's own sweep engine (PyPI sweeps 0.3.0; make env-sweeps): bayes, with and without Hyperband from the fourth eval, eta 2.

Its Hyperband is strict by default. A run that it stops is told as the engine's server does, finished with what it logged, or as
killed, which the engine gives the worst value seen.
"""

from functools import partial

import numpy as np
from sweeps import RunState
from sweeps.bayes_search import bayes_search_next_run
from sweeps.hyperband_stopping import hyperband_stop_runs

from benchmarks.world import NAMES, World

STOPPING = {"type": "hyperband", "min_iter": 4, "eta": 2, "strict": True}


class WandbSearch:
    """A sweep of which every agent asks the engine; its random numbers are numpy's global ones."""

    def __init__(self, world: World, seed: int, hyperband: bool, stopped: str) -> None:
        np.random.seed(seed)  # noqa: NPY002 - the engine has no other way
        self.world, self.hyperband, self.stopped, self.runs = world, hyperband, RunState(stopped), []
        scales = ["log_uniform_values" if log else "uniform" for log in world.log_scale_D]
        ends = zip(NAMES, scales, world.least_D.tolist(), world.most_D.tolist(), strict=True)
        self.config = {
            "method": "bayes",
            "metric": {"name": "loss", "goal": "minimize"},
            "parameters": {name: {"distribution": scale, "min": low, "max": high} for name, scale, low, high in ends},
            "early_terminate": STOPPING,
        }

    def ask(self) -> np.ndarray:
        run = bayes_search_next_run(self.runs, self.config)
        run.name, run.state = str(len(self.runs)), RunState.running
        self.runs.append(run)
        return self.world.place({name: run.config[name]["value"] for name in NAMES})

    def tell(self, trial: int, at: int, loss_nats: float) -> bool:
        run = self.runs[trial]
        run.history.append({"loss": loss_nats})
        return self.hyperband and any(other is run for other in hyperband_stop_runs(self.runs, self.config))

    def close(self, trial: int, complete: bool) -> None:
        self.runs[trial].state = RunState.finished if complete else self.stopped


CONTESTANTS = {
    "W&B bayes": partial(WandbSearch, hyperband=False, stopped="finished"),
    "W&B bayes, Hyperband, stopped runs finished": partial(WandbSearch, hyperband=True, stopped="finished"),
    "W&B bayes, Hyperband, stopped runs killed": partial(WandbSearch, hyperband=True, stopped="killed"),
}
