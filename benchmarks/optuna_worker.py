"""A worker of the study's peer: Optuna as its documentation spreads a study over processes, a journal file as their storage.

    python -m benchmarks.optuna_worker JOURNAL TRIALS SEED

Run in a project whose tokens and edge are there. It trains what the pipeline's phase 2 trains: model, budget, evals, ranges and
reduction factor of params.yaml; proposals come from Optuna's TPE where that is the sampler there, else from its GP. Each worker
stops when the study has its trials, and prints what it trained. As with ours, what is decided at an eval counts as training,
proposals do not.
"""

import json
import sys
import time
from pathlib import Path

import optuna
from lrsweep.stages.data import load
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

from lrsweep.config import checking
from lrsweep.config.params import Hyperparameters, Params
from lrsweep.seeding import derive_seed
from lrsweep.store import artifacts
from lrsweep.trainers.builtin import training

ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def hyperparameters(trial: optuna.Trial, p: Params) -> Hyperparameters:
    """A point of phase 2's space."""
    section = p.sweep_bayes
    edge = artifacts.read_json(artifacts.RESULTS / "edge/edge.json")["lr_range"]
    ranges = {"lr": Range.model_validate(edge), "beta2": section.beta2, "weight_decay": section.weight_decay}
    return Hyperparameters(**{name: trial.suggest_float(name, r.min, r.max, log=r.scale == "log") for name, r in ranges.items()})


def main() -> None:
    journal, trials, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    training.use_one_thread()
    p = checking.load(Path("params.yaml"))
    section, data = p.sweep_bayes, load(p)
    spent = {"training_s": 0.0, "steps": 0, "runs": 0}

    def objective(trial: optuna.Trial) -> float:
        hyper, trial_seed = hyperparameters(trial, p), derive_seed(p.seed, "peer/trial", trial.number)
        began = time.monotonic()
        state = training.start(p.model, p.tokenize.vocab_size, p.optimizer, hyper, trial_seed)
        run = training.Run(p.optimizer, section, hyper.lr, trial_seed, p.model.context_length)
        try:
            for seen in training.observe(state, run, *data, section.steps):
                if not seen.finite:
                    raise optuna.TrialPruned
                if isinstance(seen, training.Eval) and seen.step:
                    trial.report(seen.loss_nats, seen.step)
                    if trial.should_prune():
                        raise optuna.TrialPruned
        finally:
            spent["training_s"] += time.monotonic() - began
            spent["steps"] += state.step
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
