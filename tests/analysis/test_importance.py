"""Importance: a planted one is found with its interval, and poor studies give none."""

import numpy as np
import pandas as pd
import pytest

from lrsweep.analysis import importance, settings
from lrsweep.analysis.importance import Share
from lrsweep.search.trial import COMPLETE, PRUNED
from lrsweep.store.results import Results
from tests.spaces import OPEN, USUAL, drawn, held

SECTION = settings.Importance(trees=16, bootstrap=20, fewest_trials=8, least_explained=0.3)


def study(n=40, weight=0.3, noise=0.01, seed=0):
    """Trials whose loss depends on LR, a little on beta2, and not on weight decay."""
    rng = np.random.default_rng(seed)
    lr, weight_decay = (np.exp(rng.uniform(np.log(1e-3), np.log(0.1), n)) for _ in range(2))
    beta2 = rng.uniform(0.95, 0.999, n)
    loss = 2 + weight * np.log(lr / 0.01) ** 2 + 4 * (0.999 - beta2) + noise * rng.normal(size=n)
    table = {"trial": range(n), "state": COMPLETE, "lr": lr, "beta2": beta2, "weight_decay": weight_decay}
    return held(pd.DataFrame({**table, "final_loss_nats": loss}), USUAL)


def rank(trials):
    return importance.rank_hyperparameters(trials, SECTION, 0)


def test_a_planted_importance_is_found(tmp_path):
    trials = study()
    content = rank(trials)
    lr, beta2, weight_decay = content.importances
    assert [row.hyperparameter for row in content.importances] == list(USUAL)
    assert lr.importance > 0.8 and lr.low > 0.5 > beta2.high and weight_decay.high < 0.3
    assert all(row.low <= row.high for row in content.importances)
    assert content.explained > 0.7 and content.message is None
    trials.loc[len(trials)] = {**trials.iloc[0].to_dict(), "trial": 99, "state": PRUNED, "final_loss_nats": np.nan}
    assert rank(trials) == content, "stopped trials have no final loss"
    results = Results(tmp_path)
    results.write_json("importance.json", content)
    assert results.read_as(importance.Importance, "importance.json") == content


@pytest.mark.parametrize("seed", range(4))
def test_noise_has_no_importances(seed):
    rng = np.random.default_rng(seed)
    content = rank(study().assign(final_loss_nats=2 + 0.01 * rng.normal(size=40)))
    assert content.explained < 0.3 and content.importances == () and content.n == 40
    assert f"with an R² of {content.explained:.2f}, and importance.least_explained is 0.3" in content.message
    anyway = importance.rank_hyperparameters(study(), SECTION.model_copy(update={"least_explained": 1.0}), 0)
    assert anyway.importances == (), "the key decides"


@pytest.mark.parametrize("trials", [study()[:0], study(1), study(7), study().assign(final_loss_nats=3.0)])
def test_poor_studies_give_no_importance(trials, tmp_path):
    content = rank(trials)
    assert content.importances == () and "too few or too alike" in content.message
    results = Results(tmp_path)
    results.write_json("importance.json", content)
    assert results.read_as(importance.Importance, "importance.json") == content


def test_a_value_that_does_not_vary_has_no_importance():
    content = rank(study().assign(beta2=0.97))
    assert content.importances[1] == Share("beta2", 0.0, 0.0, 0.0)


def test_the_importance_of_choices_and_of_whole_numbers():
    """The loss depends on the optimizer most, then on the batch, and on nothing else."""
    rows = drawn(OPEN, 60)
    loss = [2 + (one["optimizer"] == "muon") + 0.3 * np.log2(one["batch_size"] / 8) for one in rows]
    trials = pd.DataFrame(rows).assign(trial=range(60), state=COMPLETE, final_loss_nats=loss)
    content = rank(held(trials, OPEN))
    found = {one.hyperparameter: one.importance for one in content.importances}
    assert list(found) == list(OPEN) and content.explained > 0.7
    assert found["optimizer"] > found["batch_size"] > 0.1 > max(found[name] for name in ("lr", "beta1", "schedule"))
    assert content == rank(held(trials.sample(frac=1, random_state=0), OPEN))
