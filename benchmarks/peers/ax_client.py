"""Ax, as its documentation has it used: a Client, which chooses its models and its acquisition (qLogNEI); make env-ax.

Every eval is attached, and where stopping is on the Client is asked after each: its default stops what is below the median.
"""

import logging
from functools import partial

import numpy as np
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig

from benchmarks.world import NAMES, World

logging.getLogger("ax").setLevel(logging.ERROR)


class AxSearch:
    """A client and its experiment."""

    def __init__(self, world: World, seed: int, stopping: bool) -> None:
        self.world, self.stopping = world, stopping
        self.client = Client(random_seed=seed)
        ends = zip(NAMES, world.least_D.tolist(), world.most_D.tolist(), world.log_scale_D.tolist(), strict=True)
        parameters = [
            RangeParameterConfig(name=name, bounds=(low, high), parameter_type="float", scaling="log" if log else "linear")
            for name, low, high, log in ends
        ]
        self.client.configure_experiment(parameters=parameters)
        self.client.configure_optimization(objective="-loss_nats")
        # more workers ask at once than it has initial trials
        self.client.configure_generation_strategy(initialization_random_seed=seed, allow_exceeding_initialization_budget=True)

    def ask(self) -> np.ndarray:
        (values,) = self.client.get_next_trials(max_trials=1).values()
        return self.world.place(dict(values))

    def tell(self, trial: int, at: int, loss_nats: float) -> bool:
        self.client.attach_data(trial_index=trial, raw_data={"loss_nats": loss_nats}, progression=at)
        return self.stopping and self.client.should_stop_trial_early(trial_index=trial)

    def close(self, trial: int, complete: bool) -> None:
        if complete:
            self.client.complete_trial(trial_index=trial)
        else:
            self.client.mark_trial_early_stopped(trial_index=trial)


CONTESTANTS = {
    "Ax qLogNEI": partial(AxSearch, stopping=False),
    "Ax qLogNEI, median stopping (its default)": partial(AxSearch, stopping=True),
}
