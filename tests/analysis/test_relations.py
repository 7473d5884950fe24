"""The write-up's questions, each with its answer planted: M_u against the loss, rises against survival, LR against loss."""

import numpy as np
import pandas as pd
import pytest

from lrsweep.analysis import relations
from lrsweep.analysis.relations import Known
from lrsweep.analysis.settings import Assess
from lrsweep.search.trial import COMPLETE, PRUNED

SECTION = Assess(audit_trials=3, bootstrap=300, orders=5, best_share=0.1, fewest_trials=3)


def study(n=40, m_u_noise=1.0, seed=0):
    """Trials whose loss at step 60 tells their end. The worse half rose at step 20, near the peak LR, and has a low M_u."""
    rng = np.random.default_rng(seed)
    finals, rows = rng.permutation(np.linspace(2, 3, n)), []
    rose = np.argsort(np.argsort(finals)) >= n // 2
    for k, final in enumerate(finals):
        losses = {0: 6.0, 10: 5.0, 20: 5.5 if rose[k] else 4.5, 60: 1 + final, 120: final}
        m_u = (-1.0 if rose[k] else 1.0) + m_u_noise * rng.normal()
        lrs = {10: 0.02, 20: 0.02}
        rows += [
            {"trial": k, "step": step, "lr": lrs.get(step, 0.01), "loss_nats": loss, "m_u": m_u if step >= 60 else None}
            for step, loss in losses.items()
        ]
    state = [PRUNED if end > 2.75 else COMPLETE for end in finals]
    trials = {"trial": range(n), "state": state, "lr": 0.02, "final_loss_nats": np.where(finals > 2.75, np.nan, finals)}
    whole = pd.DataFrame({**trials, "state": COMPLETE, "final_loss_nats": finals})
    return pd.DataFrame(trials), whole, pd.DataFrame(rows).astype({"m_u": float})


def test_a_metric_that_favours_runs_that_rise_is_found():
    trials, whole, evals = study()
    found = relations.rises(Known(whole, {}, SECTION, 0), trials, evals, (10, 60), 0.9)
    assert (found.rung, found.risen, found.calm, found.calm_survived, found.risen_survived) == (60, 20, 20, 20, 10)
    assert found.with_m_u.high < 0 < found.with_loss.low and found.with_final.low > 0.5
    assert relations.rises(Known(whole, {}, SECTION, 0), trials, evals.assign(m_u=np.nan), (10, 60), 0.9) is None


def test_a_rise_away_from_the_peak_does_not_count():
    trials, whole, evals = study()
    found = relations.rises(Known(whole, {}, SECTION, 0), trials, evals.assign(lr=0.01), (10, 60), 0.9)
    assert (found.risen, found.calm) == (0, 40) and found.with_m_u.value is None


def test_m_u_is_tested_against_the_loss():
    _, whole, evals = study()
    (found,) = relations.against_loss(Known(whole, {}, SECTION, 0), evals, (10, 60))
    assert found.rung == 60 and found.difference.high < -0.5, "the loss ranks perfectly here"
    same = evals.assign(m_u=evals["loss_nats"])
    assert relations.against_loss(Known(whole, {}, SECTION, 0), same, (60,))[0].difference.value == 0.0
    chance = [
        relations.against_loss(Known(whole, {}, SECTION, seed), _both_noisy(evals, seed), (60,))[0].difference
        for seed in range(40)
    ]
    assert np.mean([one.low <= 0 <= one.high for one in chance]) > 0.85, "two metrics that are equally good"


def _both_noisy(evals, seed):
    rng = np.random.default_rng(seed)
    noisy = {name: evals["loss_nats"] + 0.4 * rng.normal(size=len(evals)) for name in ("loss_nats", "m_u")}
    return evals.assign(**noisy)


@pytest.mark.parametrize(("slope", "sign"), [(1.0, 1), (-1.0, -1)])
def test_the_sign_of_lr_against_loss(slope, sign):
    lrs = np.geomspace(0.001, 0.1, 30)
    trials = pd.DataFrame({"trial": range(30), "state": COMPLETE, "lr": lrs, "final_loss_nats": 3 + slope * np.log(lrs)})
    found = relations.of_lr(Known(trials, {}, SECTION, 0), trials)
    assert found.over_all.value == pytest.approx(sign) and found.over_all.n == 30


def test_lr_against_loss_on_the_two_sides_of_a_valley():
    lrs = np.geomspace(0.001, 0.1, 31)
    trials = pd.DataFrame({"trial": range(31), "state": COMPLETE, "lr": lrs, "final_loss_nats": 3 + np.log(lrs / 0.01) ** 2})
    found = relations.of_lr(Known(trials, {}, SECTION, 0), trials)
    assert found.best_lr == pytest.approx(0.01) and abs(found.over_all.value) < 0.1
    assert (found.up_to_best.value, found.from_best.value) == (pytest.approx(-1), pytest.approx(1))
    assert relations.of_lr(Known(trials[:0], {}, SECTION, 0), trials[:0]).best_lr is None
