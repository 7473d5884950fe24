"""Importance of hyperparameters: functional ANOVA of the final loss.

Importance is the share of the variance of a random forest's prediction that one hyperparameter alone explains, over the range
tried (Hutter, Hoos and Leyton-Brown 2014, fANOVA, as Optuna has it). Intervals are percentiles over resamples of the trials. A
study that closes in on its best trials sees little of the rest of its range. `explained`, the out-of-bag R² of a forest, says
whether a forest predicts the loss of trials that it has not seen. Where it does not, its importances describe noise, and none are
given.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lrsweep.analysis import settings
from lrsweep.analysis.features import features_of, magnitude
from lrsweep.search.trial import COMPLETE
from lrsweep.seeding import derive_seed, generator
from lrsweep.space import Choice, Dimension, Int, Space
from lrsweep.store.tables import space_of


@dataclass(frozen=True)
class Share:
    """The importance of a hyperparameter with its 95 % interval; None where no resample gave one."""

    hyperparameter: str
    importance: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Importance:
    """The importances in the order of the space, from n complete trials; empty where `message` says why there are none."""

    n: int
    explained: float | None
    importances: tuple[Share, ...]
    message: str | None


def rank_hyperparameters(trials: pd.DataFrame, section: settings.Importance, seed: int) -> Importance:
    """Rank the names of the space of the trials, from the complete ones of phase 2."""
    space = space_of(trials)
    complete = trials[trials["state"] == COMPLETE].sort_values("trial", ignore_index=True)
    n, losses = len(complete), complete["final_loss_nats"].to_numpy(float)
    varied = [name for name in space if complete[name].nunique() > 1]
    if n < section.fewest_trials or not varied or losses.min() == losses.max():
        why = f"{n} complete trials are too few or too alike to rank the hyperparameters: give sweep_bayes more trials"
        return Importance(n, None, (), why)
    losses = losses / magnitude(losses)
    values, forest = complete[varied], derive_seed(seed, "importance/forest")
    features = features_of(complete, space)
    explained = _explained(np.column_stack([features[name] for name in varied]), losses, section.trees, forest)
    if explained < section.least_explained:
        return Importance(n, explained, (), _why_none(n, explained, section.least_explained))
    point = _fanova(values, losses, space, section.trees, forest)
    draws = generator(seed, "importance/bootstrap").integers(0, n, (section.bootstrap, n))
    again = [
        _fanova(values.iloc[draw], losses[draw], space, section.trees, derive_seed(seed, "importance/resample", number))
        for number, draw in enumerate(draws)
        if losses[draw].min() < losses[draw].max()
    ]
    shares = []
    for name in space:
        low, high = np.quantile([one.get(name, 0.0) for one in again], [0.025, 0.975]).tolist() if again else (None, None)
        shares.append(Share(name, point.get(name, 0.0), low, high))
    return Importance(n, explained, tuple(shares), None)


def _why_none(n: int, explained: float, least: float) -> str:
    return (
        f"Which hyperparameter matters most cannot be told from these {n} complete trials: a random forest predicts the final "
        f"loss of trials that it has not seen with an R² of {explained:.2f}, and importance.least_explained is {least:g}"
    )


def _distribution(values: pd.Series, dimension: Dimension) -> Any:
    """Give the range or the choices that the values cover."""
    from optuna import distributions

    if isinstance(dimension, Choice):
        return distributions.CategoricalDistribution([one for one in dimension.choices if (values == one).any()])
    low, high = values.min(), values.max()
    if isinstance(dimension, Int):
        return distributions.IntDistribution(int(low), int(high), log=dimension.is_log)
    return distributions.FloatDistribution(float(low), float(high), log=dimension.is_log)


def _fanova(values: pd.DataFrame, losses: np.ndarray, space: Space, trees: int, seed: int) -> dict[str, float]:
    """Give the importance of each column of values, except constant ones."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    ranges = {name: _distribution(values[name], space[name]) for name in values if values[name].nunique() > 1}
    if not ranges:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study()
        study.add_trials(
            [
                optuna.trial.create_trial(params=row, distributions=ranges, value=float(loss))
                for row, loss in zip(values[list(ranges)].to_dict("records"), losses, strict=True)
            ]
        )
        evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=trees, seed=seed % 2**32)
        try:
            found = evaluator.evaluate(study)
        except RuntimeError:  # no tree could split the losses
            return {}
    return {name: round(float(found[name]), 9) for name in found}


def _explained(features: np.ndarray, losses: np.ndarray, trees: int, seed: int) -> float:
    """Give the out-of-bag R² of a forest on the same values."""
    from sklearn.ensemble import RandomForestRegressor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a trial that every tree has seen
        forest = RandomForestRegressor(trees, oob_score=True, random_state=seed % 2**32).fit(features, losses)
    return round(float(forest.oob_score_), 9) if np.isfinite(forest.oob_score_) else 0.0
