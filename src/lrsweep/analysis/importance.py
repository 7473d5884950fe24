"""Which hyperparameter matters: functional ANOVA of the final loss.

Importance is the share of the variance of a random forest's prediction that one hyperparameter alone explains, over the range
tried (Hutter, Hoos and Leyton-Brown 2014, fANOVA, as Optuna has it). Intervals are percentiles over resamples of the trials. A
study that closes in on its best trials sees little of the rest of its range: `explained`, the forest's R² on trials left out of
its trees, says how far the forest is to be trusted.
"""

import warnings
from typing import Any

import numpy as np
import pandas as pd

from lrsweep.analysis.settings import Importance
from lrsweep.config.params import VARIED
from lrsweep.search.settings import SweepBayes
from lrsweep.search.trial import COMPLETE
from lrsweep.seeding import derive_seed, generator

Row = dict[str, Any]


def rank_hyperparameters(trials: pd.DataFrame, section: Importance, sweep: SweepBayes, seed: int) -> Row:
    """What importance.json holds, from the complete trials of phase 2."""
    complete = trials[trials["state"] == COMPLETE].sort_values("trial", ignore_index=True)
    scales, losses = _scales(sweep), complete["final_loss_nats"].to_numpy(float)
    varied = [name for name in VARIED if complete[name].nunique() > 1]
    content: Row = {"n": len(complete), "explained": None, "importances": [], "message": None}
    if len(complete) < section.fewest_trials or not varied or losses.min() == losses.max():
        content["message"] = (
            f"{len(complete)} complete trials do not tell the hyperparameters apart: give sweep_bayes more trials"
        )
        return content
    values = complete[varied].to_numpy(float)
    point = _fanova(values, losses, varied, scales, section.trees, derive_seed(seed, "importance/forest"))
    draws = generator(seed, "importance/bootstrap").integers(0, len(losses), (section.bootstrap, len(losses)))
    again = []
    for number, draw in enumerate(draws):
        if losses[draw].min() < losses[draw].max():
            forest = derive_seed(seed, "importance/resample", number)
            again.append(_fanova(values[draw], losses[draw], varied, scales, section.trees, forest))
    for name in VARIED:
        low, high = np.quantile([one.get(name, 0.0) for one in again], [0.025, 0.975]).tolist() if again else (None, None)
        content["importances"].append({"hyperparameter": name, "importance": point.get(name, 0.0), "low": low, "high": high})
    content["explained"] = _explained(values, losses, varied, scales, section.trees, derive_seed(seed, "importance/forest"))
    if content["explained"] <= 0:
        content["message"] = "The final loss of a trial left out is not foreseen from its hyperparameters: trust no importance"
    return content


def _scales(sweep: SweepBayes) -> dict[str, str]:
    lr = sweep.lr.scale if isinstance(sweep.lr, Range) else "log"
    return {"lr": lr, "beta2": sweep.beta2.scale, "weight_decay": sweep.weight_decay.scale}


def _fanova(
    values: np.ndarray, losses: np.ndarray, names: list[str], scales: dict[str, str], trees: int, seed: int
) -> dict[str, float]:
    """The importance of each of the names, from rows of their values; one that does not vary has none."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    kept = [i for i in range(len(names)) if values[:, i].min() < values[:, i].max()]
    if not kept:
        return {}
    spaces = {
        names[i]: optuna.distributions.FloatDistribution(
            float(values[:, i].min()), float(values[:, i].max()), log=scales[names[i]] == "log"
        )
        for i in kept
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study()
        study.add_trials(
            [
                optuna.trial.create_trial(params={names[i]: float(row[i]) for i in kept}, distributions=spaces, value=float(loss))
                for row, loss in zip(values, losses, strict=True)
            ]
        )
        evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=trees, seed=seed % 2**32)
        found = evaluator.evaluate(study)
    return {name: round(float(found[name]), 9) for name in found}


def _explained(values: np.ndarray, losses: np.ndarray, names: list[str], scales: dict[str, str], trees: int, seed: int) -> float:
    """The out-of-bag R² of a forest on the same values."""
    from sklearn.ensemble import RandomForestRegressor

    columns = [np.log(values[:, i]) if scales[name] == "log" else values[:, i] for i, name in enumerate(names)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some trial may be in every tree
        forest = RandomForestRegressor(trees, oob_score=True, random_state=seed % 2**32).fit(np.column_stack(columns), losses)
    return round(float(forest.oob_score_), 9)
