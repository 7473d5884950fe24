"""Syne Tune's ASHA, with its random search and with its kernel density estimates (BOHB); make env-syne-tune.

The scheduler is called as its Tuner does: suggest and on_trial_add, on_trial_result at every eval, on_trial_remove once it said
STOP, which it also says at the end. Its other models need xgboost, torch or a hub's client, and are left out.
"""

import logging
from datetime import datetime
from functools import partial

import numpy as np
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import loguniform, uniform
from syne_tune.optimizer.baselines import ASHA, BOHB
from syne_tune.optimizer.scheduler import SchedulerDecision

from benchmarks.world import NAMES, World

FIRST, ETA = 4, 2  # the first eval at which a trial may be stopped, and the reduction factor, as in our study
logging.getLogger("syne_tune").setLevel(logging.ERROR)


class SyneTuneSearch:
    """A scheduler; its brackets and its random search draw from numpy's global generator."""

    def __init__(self, world: World, seed: int, scheduler, factor: int) -> None:
        np.random.seed(seed)  # noqa: NPY002 - it has no other way
        self.world, self.trials = world, []
        ends = zip(NAMES, world.least_D.tolist(), world.most_D.tolist(), world.log_scale_D.tolist(), strict=True)
        self.scheduler = scheduler(
            {name: (loguniform if log else uniform)(low, high) for name, low, high, log in ends},
            metric="loss_nats",
            time_attr="eval",
            max_t=len(world.steps_E) - 1,
            grace_period=FIRST,
            reduction_factor=factor,
            random_seed=seed,
        )

    def ask(self) -> np.ndarray:
        trial = Trial(len(self.trials), self.scheduler.suggest().config, datetime.min)
        self.scheduler.on_trial_add(trial)
        self.trials.append(trial)
        return self.world.place(trial.config)

    def tell(self, trial: int, at: int, loss_nats: float) -> bool:
        decision = self.scheduler.on_trial_result(self.trials[trial], {"loss_nats": loss_nats, "eval": at})
        return decision == SchedulerDecision.STOP

    def close(self, trial: int, complete: bool) -> None:
        self.scheduler.on_trial_remove(self.trials[trial])


CONTESTANTS = {
    "Syne Tune ASHA, factor 2": partial(SyneTuneSearch, scheduler=ASHA, factor=ETA),
    "Syne Tune ASHA, factor 3 (its default)": partial(SyneTuneSearch, scheduler=ASHA, factor=3),
    "Syne Tune BOHB, factor 2": partial(SyneTuneSearch, scheduler=BOHB, factor=ETA),
}
