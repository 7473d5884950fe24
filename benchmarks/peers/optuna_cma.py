"""Optuna's CMA-ES, with a pruner told of pruned trials too, and its GP with a pruner, which is told of whole trials alone."""

from functools import partial

import optuna

from benchmarks.peers.optuna_studies import OptunaSearch, _halving, _none

_CMA, _GP, _BY_FOUR = optuna.samplers.CmaEsSampler, optuna.samplers.GPSampler, partial(_halving, factor=4)
_PAIRS = {
    "Optuna CMA-ES": (_CMA, _none),
    "Optuna CMA-ES, successive halving, factor 4": (partial(_CMA, consider_pruned_trials=True), _BY_FOUR),
    "Optuna GP, successive halving, factor 4": (_GP, _BY_FOUR),
}
CONTESTANTS = {name: partial(OptunaSearch, sampler=sampler, pruner=pruner) for name, (sampler, pruner) in _PAIRS.items()}
