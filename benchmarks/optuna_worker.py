"""A worker of the study's peer: Optuna as its documentation spreads a study over processes, a journal file as their storage.

    python -m benchmarks.optuna_worker JOURNAL TRIALS SEED

Run it in a project whose tokens and edge are there. It trains what phase 2 trains: trainer, budget, evals, space and reduction
factor of params.yaml. Proposals come from Optuna's TPE where that is the sampler there, else from its GP. A worker stops when
the study has its trials, and prints what it trained. As with ours, making the model and what is decided at an eval count as
training, proposals do not.
"""

import json
import sys
import time
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

from lrsweep.config import checking
from lrsweep.runner.sweeps import SweepBayes
from lrsweep.runner.trainer import make_trainer
from lrsweep.seeding import derive_seed
from lrsweep.space import Choice, Dimension, Int, Value
from lrsweep.store.results import Results
from lrsweep.trainers.trainer import Eval

ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def suggest(trial: optuna.Trial, name: str, one: Dimension) -> Value:
    """Ask for a value of a dimension."""
    if isinstance(one, Choice):
        return trial.suggest_categorical(name, one.choices)
    ask = trial.suggest_int if isinstance(one, Int) else trial.suggest_float
    return ask(name, one.min, one.max, log=one.is_log)


def main() -> None:
    """Train trials until the study has as many as it should."""
    journal, trials, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    params, results = checking.load(Path("params.yaml")), Results(Path("results"))
    section, space = params.sweep_bayes, SweepBayes(params, results).space
    trainer = make_trainer(params, results, "peer")
    spent = {"training_s": 0.0, "steps": 0, "runs": 0}

    def objective(trial: optuna.Trial) -> float:
        values = {name: suggest(trial, name, space[name]) for name in space}
        began_s, seen = time.monotonic(), None
        run = trainer.start(values, derive_seed(params.seed, "peer/trial", trial.number), section)
        try:
            for seen in run.observe(section.steps):
                if not seen.finite:
                    raise optuna.TrialPruned
                if isinstance(seen, Eval) and seen.step:
                    trial.report(seen.loss_nats, seen.step)
                    if trial.should_prune():
                        raise optuna.TrialPruned
        finally:
            spent["training_s"] += time.monotonic() - began_s
            spent["steps"] += seen.step if seen else 0
            spent["runs"] += 1
        return seen.loss_nats

    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(journal)),
        study_name="peer",
        load_if_exists=True,
        sampler=(optuna.samplers.TPESampler if section.sampler == "tpe" else optuna.samplers.GPSampler)(seed=seed),
        pruner=optuna.pruners.SuccessiveHalvingPruner(
            min_resource=section.stopping.first_rung, reduction_factor=section.stopping.eta
        ),
    )
    study.optimize(objective, callbacks=[MaxTrialsCallback(trials, states=ENDED)])
    print(json.dumps(spent))


if __name__ == "__main__":
    main()
