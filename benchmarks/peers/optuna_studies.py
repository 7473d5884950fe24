"""Optuna's samplers and pruners, as its documentation has them used: ask, report at every eval, should_prune, tell."""

from functools import partial

import numpy as np
import optuna

from benchmarks.world import NAMES, World

FIRST, ETA = 4, 2  # the first eval at which a trial may be pruned, and the reduction factor, as in our study
optuna.logging.set_verbosity(optuna.logging.ERROR)


class OptunaSearch:
    """A live study."""

    def __init__(self, world: World, seed: int, sampler, pruner) -> None:
        self.world, self.trials = world, []
        parts = {"sampler": sampler(seed=seed), "pruner": pruner(len(world.steps_E) - 1)}
        self.study = optuna.create_study(**parts, study_name=str(seed))  # Hyperband draws a trial's bracket from the name
        ends = zip(NAMES, world.least_D.tolist(), world.most_D.tolist(), world.log_scale_D.tolist(), strict=True)
        self.spaces = {name: optuna.distributions.FloatDistribution(low, high, log=log) for name, low, high, log in ends}
        self.last: dict[int, float] = {}

    def ask(self) -> np.ndarray:
        trial = self.study.ask(self.spaces)
        self.trials.append(trial)
        return self.world.place(trial.params)

    def tell(self, trial: int, at: int, loss_nats: float) -> bool:
        self.last[trial] = loss_nats
        self.trials[trial].report(loss_nats, at)
        return self.trials[trial].should_prune()

    def close(self, trial: int, complete: bool) -> None:
        state = optuna.trial.TrialState.COMPLETE if complete else optuna.trial.TrialState.PRUNED
        self.study.tell(self.trials[trial], self.last[trial] if complete else None, state=state)


def _none(evals: int):
    return optuna.pruners.NopPruner()


def _halving(evals: int, factor: int):
    return optuna.pruners.SuccessiveHalvingPruner(min_resource=FIRST, reduction_factor=factor)


def _hyperband(evals: int, factor: int):
    return optuna.pruners.HyperbandPruner(min_resource=FIRST, max_resource=evals, reduction_factor=factor)


_TPE, _GP = optuna.samplers.TPESampler, optuna.samplers.GPSampler
_PAIRS = {
    "Optuna TPE": (_TPE, _none),
    "Optuna TPE, successive halving, factor 2": (_TPE, partial(_halving, factor=ETA)),
    "Optuna TPE, successive halving, factor 4 (its default)": (_TPE, partial(_halving, factor=4)),
    "Optuna TPE, Hyperband, factor 2": (_TPE, partial(_hyperband, factor=ETA)),
    "Optuna TPE, Hyperband, factor 3 (its default)": (_TPE, partial(_hyperband, factor=3)),
    "Optuna GP": (_GP, _none),
}
CONTESTANTS = {name: partial(OptunaSearch, sampler=sampler, pruner=pruner) for name, (sampler, pruner) in _PAIRS.items()}
