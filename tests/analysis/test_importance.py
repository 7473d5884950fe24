"""Importance: a planted one is found with its interval, and poor studies give none."""

import numpy as np
import pandas as pd
import pytest

from lrsweep.analysis import importance
from lrsweep.config import params
from lrsweep.search.trial import COMPLETE, PRUNED
from lrsweep.store import artifacts
from tests.test_selection import SWEEP

SECTION = params.Importance(trees=16, bootstrap=20, fewest_trials=8)


def study(n=40, weight=0.3, noise=0.01, seed=0):
    """Trials whose loss depends on LR, a little on beta2, and not on weight decay."""
    rng = np.random.default_rng(seed)
    lr, weight_decay = (np.exp(rng.uniform(np.log(1e-3), np.log(0.1), n)) for _ in range(2))
    beta2 = rng.uniform(0.95, 0.999, n)
    loss = 2 + weight * np.log(lr / 0.01) ** 2 + 4 * (0.999 - beta2) + noise * rng.normal(size=n)
    table = {"trial": range(n), "state": COMPLETE, "lr": lr, "beta2": beta2, "weight_decay": weight_decay}
    return pd.DataFrame({**table, "final_loss_nats": loss})


def rank(trials):
    return importance.rank_hyperparameters(trials, SECTION, SWEEP, 0)


def test_a_planted_importance_is_found(tmp_path):
    trials = study()
    content = rank(trials)
    lr, beta2, weight_decay = content["importances"]
    assert [row["hyperparameter"] for row in content["importances"]] == list(params.VARIED)
    assert lr["importance"] > 0.8 and lr["low"] > 0.5 > beta2["high"] and weight_decay["high"] < 0.3
    assert all(row["low"] <= row["high"] for row in content["importances"])
    assert content["explained"] > 0.7 and content["message"] is None
    trials.loc[len(trials)] = {**trials.iloc[0].to_dict(), "trial": 99, "state": PRUNED, "final_loss_nats": np.nan}
    assert rank(trials) == content, "stopped trials have no final loss"
    artifacts.write_json(tmp_path / "importance.json", content)


def test_noise_is_not_explained():
    rng = np.random.default_rng(1)
    content = rank(study().assign(final_loss_nats=2 + 0.01 * rng.normal(size=40)))
    assert content["explained"] < 0.1
    assert content["explained"] > 0 or "trust no importance" in content["message"]


@pytest.mark.parametrize("trials", [study()[:0], study(1), study(7), study().assign(final_loss_nats=3.0)])
def test_poor_studies_give_no_importance(trials, tmp_path):
    content = rank(trials)
    assert content["importances"] == [] and "do not tell" in content["message"]
    artifacts.write_json(tmp_path / "importance.json", content)


def test_a_value_that_does_not_vary_has_no_importance():
    content = rank(study().assign(beta2=0.97))
    assert content["importances"][1] == {"hyperparameter": "beta2", "importance": 0.0, "low": 0.0, "high": 0.0}
