"""Optuna's CMA-ES, with a pruner told of pruned trials too, and its GP with a pruner, which is told of whole trials alone."""

from functools import partial

import optuna

from benchmarks.peers.optuna_studies import OptunaSearch


def _none(evals: int):
    return optuna.pruners.NopPruner()


def _halving(evals: int):
    return optuna.pruners.SuccessiveHalvingPruner(min_resource=4)


_CMA, _GP = optuna.samplers.CmaEsSampler, optuna.samplers.GPSampler
_PAIRS = {
    "Optuna CMA-ES": (_CMA, _none),
    "Optuna CMA-ES, successive halving, factor 4": (partial(_CMA, consider_pruned_trials=True), _halving),
    "Optuna GP, successive halving, factor 4": (_GP, _halving),
}
CONTESTANTS = {name: partial(OptunaSearch, sampler=sampler, pruner=pruner) for name, (sampler, pruner) in _PAIRS.items()}
