"""The controlled assessment: planted good and bad metrics, hand-computed audits, and replayed rules against their definitions."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lrsweep.analysis import assessment
from lrsweep.analysis.settings import Assess
from lrsweep.search import repeats, replaying
from lrsweep.search import stopping as pruning
from lrsweep.search.settings import Metric, Stopping, SweepBayes
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from lrsweep.store.results import Results

SECTION = Assess(audit_trials=3, bootstrap=200, orders=5, best_share=0.1, fewest_trials=3)
RUNGS = (40, 80)
STOPPING = Stopping(first_rung=40, eta=2, slack=0.0)
SWEEP = SweepBayes(
    trials=24, prior=None, first_block=4, lag=2, steps=120, warmup_steps=10, eval_every=20,
    sampler="gp", cap_quantile=0.7, most_told=256, imported=None, space={"lr": "auto"},
    metric=Metric(name="loss", window=5, kappa=1.1, rho=0.9, rise_weight=1.0),
    stopping=STOPPING, ending=None,
)  # fmt: skip


def study(n=24, noise=0.05, seed=0):
    """Complete trials whose loss keeps their order, and whose M_u turns it round at the first rung."""
    rng = np.random.default_rng(seed)
    finals = rng.permutation(np.linspace(3, 4, n))
    trials = [
        {"trial": k, "state": COMPLETE, "steps": 120, "lr": 0.01 * final, "final_loss_nats": final, "last_loss_nats": final}
        for k, final in enumerate(finals.tolist())
    ]
    evals = []
    for k, final in enumerate(finals):
        for step in range(0, 121, 20):
            loss = final + 3 * np.exp(-step / 30) + (noise * rng.normal() if step < 120 else 0)
            m_u = None if step == 0 else -loss if step == 40 else loss
            more = {"trailing_mean_nats": loss + 0.1, "minimum_nats": loss}
            evals.append({"trial": k, "step": step, "lr": 0.01 * final, "loss_nats": loss, "m_u": m_u, **more})
    return pd.DataFrame(trials), pd.DataFrame(evals)


def prune(trials, evals, which, step=40):
    """The study as it would have been, had some trials been stopped; with the audited tables that hold their whole curves."""
    stopped = trials["trial"].isin(which)
    short = trials.copy()
    short.loc[stopped, ["state", "steps", "final_loss_nats"]] = [PRUNED, step, np.nan]
    gone = evals["trial"].isin(which) & (evals["step"] > step)
    return short, evals[~gone], trials[stopped], evals[evals["trial"].isin(which)]


def test_planted_good_and_bad_metrics_are_found(tmp_path):
    trials, evals = study()
    which = trials.nlargest(12, "final_loss_nats")["trial"].tolist()
    tables = prune(trials, evals, which)
    content, pairs, runs = assessment.assess(*tables, equal(which), SECTION, SWEEP, 0)
    found = {(row["metric"], row["rung"]): row for row in pairs}
    assert all(row["n"] == 24 for row in pairs) and len(pairs) == 8
    assert found["loss", 40]["spearman_low"] > 0.8 and found["m_u", 40]["spearman_high"] < -0.8
    assert found["m_u", 80]["kendall"] > 0.7 and content.warnings == ()
    assert content.audit.among_best == 0 and content.audit.cost_nats == 0.0
    half = content.by_median[0]
    assert (half.metric, half.rung, half.below, half.above) == ("loss", 40, 12, 12)
    assert half.below_survived >= 11 and half.above_survived == 12 - half.below_survived
    results = Results(tmp_path)
    results.write_json("assess.json", content)
    results.write_rows("correlations.parquet", pairs)
    results.write_rows("replay.parquet", runs)
    assert results.read_as(assessment.Assessment, "assess.json") == content
    assert assessment.assess(*tables, equal(which), SECTION, SWEEP, 0) == (content, pairs, runs)


def test_a_steering_metric_that_ranks_the_wrong_way_round_is_warned_of():
    trials, evals = study()
    steered = SWEEP.model_copy(update={"metric": SWEEP.metric.model_copy(update={"name": "m_u"})})
    content, _, _ = assessment.assess(trials, evals, trials[:0], evals[:0], {}, SECTION, steered, 0)
    (warning,) = content.warnings
    assert "at step 40" in warning and "m_u" in warning


def equal(audited):
    """Audited trials that each stand for themselves alone."""
    return dict.fromkeys(audited, 1.0)


def test_the_correlations_are_those_of_all_trials_and_not_of_the_sample():
    """Of 60 trials the worse 40 were pruned, and 4 of these audited: each stands for 10, so that all 60 count as they are."""
    trials, evals = study(n=60, noise=0.6)
    pruned = trials.nlargest(40, "final_loss_nats")["trial"].tolist()
    some = pruned[::10]
    short, short_evals, *_ = prune(trials, evals, pruned)
    audited = trials[trials["trial"].isin(some)], evals[evals["trial"].isin(some)]
    found = {}
    for name, weights in (("weighted", dict.fromkeys(some, 10.0)), ("as drawn", equal(some))):
        _, pairs, _ = assessment.assess(short, short_evals, *audited, weights, SECTION, SWEEP, 0)
        found[name] = next(row for row in pairs if (row["metric"], row["rung"]) == ("loss", 80))
    (whole,) = (row for row in assessment.correlations(trials, evals, (80,), {}, SECTION) if row["metric"] == "loss")
    errors = {name: abs(row["spearman"] - whole["spearman"]) for name, row in found.items()}
    assert errors["weighted"] < 0.1 < errors["as drawn"], (errors, whole["spearman"])
    assert found["weighted"]["spearman_low"] <= whole["spearman"] <= found["weighted"]["spearman_high"]
    assert found["weighted"]["n"] == 24


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_trials_have_no_correlation(n):
    trials, evals = study(n=max(n, 1))
    rows = assessment.correlations(trials[:n], evals, RUNGS, {}, SECTION)
    assert all(row["spearman"] is None and row["kendall_high"] is None and row["n"] == n for row in rows)


def test_equal_final_losses_have_no_correlation():
    trials, evals = study()
    rows = assessment.correlations(trials.assign(final_loss_nats=3.0), evals, RUNGS, {}, SECTION)
    assert all(row["spearman"] is None for row in rows)


def test_the_audit_by_hand():
    states = [COMPLETE] * 4 + [PRUNED] * 6 + [DIVERGED]
    steps = [100] * 4 + [40] * 6 + [30]
    trials = pd.DataFrame({"trial": range(11), "state": states, "steps": steps, "final_loss_nats": [1.0, 2, 3, 4] + [np.nan] * 7})
    audited = pd.DataFrame({"trial": [4, 6, 9], "steps": [100, 100, 70], "final_loss_nats": [0.5, 2.5, np.nan]})
    found = assessment.audit(trials, audited, {4: 2.0, 6: 2.0, 9: 2.0}, 100, 0.1)
    # one of the three is the best of all; the other has two complete and two pruned trials before it, of ten
    assert (found.pruned, found.audited, found.among_best, found.cost_nats) == (6, 3, 1, 0.5)
    assert (found.share_low, found.share_high) == pytest.approx((0.00840, 0.90570), abs=1e-5)
    assert (found.steps_saved, found.audit_steps) == (360, 270)
    assert found.share_saved == pytest.approx(360 / 1030)


def test_nothing_pruned_or_nothing_complete():
    trials, evals = study(n=6)
    none = assessment.audit(trials, trials[:0], {}, 120, 0.1)
    assert (none.share, none.share_low, none.cost_nats, none.steps_saved) == (None, None, None, 0)
    lost = trials.assign(state=DIVERGED, final_loss_nats=np.nan)
    content, pairs, runs = assessment.assess(lost, evals, trials[:0], evals[:0], {}, SECTION, SWEEP, 0)
    assert content.replay == () and runs == [] and content.audit.best_nats is None and pairs[0]["n"] == 0


def test_an_audit_that_stands_for_other_numbers_by_hand():
    """The best of all stands for 1 pruned trial, two bad ones for 4 and 5: a share of 1 / 10, of 100 / 42 independent trials."""
    trials = pd.DataFrame(
        {"trial": range(12), "state": [COMPLETE] * 2 + [PRUNED] * 10, "steps": 40, "final_loss_nats": [1.0, 2.0] + [np.nan] * 10}
    )
    audited = pd.DataFrame({"trial": [2, 3, 4], "steps": 100, "final_loss_nats": [0.5, 7.0, 8.0]})
    found = assessment.audit(trials, audited, {2: 1.0, 3: 4.0, 4: 5.0}, 100, 0.1)
    n = 100 / 42
    assert (found.among_best, found.share) == (1, pytest.approx(0.1))
    assert found.share_low == pytest.approx(stats.beta.ppf(0.025, 0.1 * n, 0.9 * n + 1))
    assert found.share_high == pytest.approx(stats.beta.ppf(0.975, 0.1 * n + 1, 0.9 * n))


def test_the_sample_is_where_stopping_may_have_been_wrong():
    """Six pruned trials at each of two rungs; of eight places, six go to the three of each rung with the lower losses."""
    trials = prune(*study(), which=range(5, 17))[0]
    trials.loc[trials["trial"] > 10, "steps"] = 80
    trials["last_loss_nats"] = trials["trial"].astype(float)
    rows = trials.to_dict("records")
    found = repeats.audit_sample(rows, 8, 0)
    near = [one for one in found if one.trial in (5, 6, 7, 11, 12, 13)]
    assert len(found) == 8 and len(near) == 6 and {one.stands_for for one in near} == {1.0}
    assert {one.stands_for for one in found if one not in near} == {3.0}
    assert sum(one.stands_for for one in found) == 12 and type(found[0].trial) is int
    few = repeats.audit_sample(rows, 4, 0)
    assert {one.trial for one in few} <= {one.trial for one in found} and sum(one.stands_for for one in few) == 12
    assert repeats.audit_sample(rows, 4, 1) != few
    assert sorted(one.trial for one in repeats.audit_sample(rows, 99, 0)) == list(range(5, 17))
    assert repeats.audit_sample(study()[0].to_dict("records"), 3, 0) == []


def test_merged_takes_the_whole_curves():
    trials, evals = study()
    short, short_evals, audited, audited_evals = prune(trials, evals, [3, 7])
    pd.testing.assert_frame_equal(assessment.merged(short, audited), trials, check_dtype=False)
    pd.testing.assert_frame_equal(assessment.merged(short_evals, audited_evals), evals, check_dtype=False)
    assert assessment.merged(short, audited[:0]) is short


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("ours", [False, False, False, False, False]),  # with a slack of a quarter of 4
        # trials come as 4, 3, 5, 2, 5: of 4 3 the second largest is 4, of 3 4 5 it is 4 (index 1), of 2 3 4 5 it is 4 (index 2)
        ("strict", [False, False, True, False, True]),
        ("not_strict", [False, False, False, False, True]),  # the third was at 1 before
        ("successive_halving", [False, False, True, False, True]),  # best 1, 1, 1, 2, 2
        ("median", [False, False, True, False, True]),  # medians of the earlier: none, 4, 3.5, 4, 3.5
    ],
)
def test_each_rule_by_hand(rule, expected):
    values, least, earlier = [4.0, 3.0, 5.0, 2.0, 5.0], [4.0, 3.0, 1.0, 2.0, 5.0], []
    found = []
    for value, low in zip(values, least, strict=True):
        found.append(replaying.RULES[rule](value, low, sorted(earlier), 2, 0.25))
        earlier.append(value)
    assert found == expected


def test_strict_is_the_rule_of_the_study_and_halving_that_of_optuna():
    from optuna.pruners._successive_halving import _is_trial_promotable_to_next_rung
    from optuna.study import StudyDirection

    rng = np.random.default_rng(0)
    for eta in (2, 3):
        for n in range(12):
            values = rng.integers(0, 8, n + 1).astype(float).tolist()
            *earlier, value = values
            verdict = pruning.judge(value, earlier, eta).stopped
            assert replaying.RULES["strict"](value, value, sorted(earlier), eta, 0.5) == verdict
            assert replaying.RULES["ours"](value, value, sorted(earlier), eta, 0.0) == verdict
            promoted = _is_trial_promotable_to_next_rung(value, list(values), eta, StudyDirection.MINIMIZE)
            assert replaying.RULES["successive_halving"](value, value, sorted(earlier), eta, 0.5) == (not promoted)


def test_replay_by_hand():
    """Three trials, one rung: whoever comes after a better one by the median rule is stopped."""
    trials = pd.DataFrame({"trial": [5, 6], "state": COMPLETE, "steps": 120, "final_loss_nats": [3.0, 4.0]})
    rows = [
        {"trial": t, "step": s, "loss_nats": v, "trailing_mean_nats": v, "minimum_nats": v, "m_u": None}
        for t, v in ((5, 1.0), (6, 2.0))
        for s in (0, 40, 120)
    ]
    runs = replaying.replay(trials, pd.DataFrame(rows).astype({"m_u": float}), (40,), STOPPING, 20, 0)
    assert {row["metric"] for row in runs} == {"none", "loss", "trailing_mean", "minimum"}  # M_u is not defined
    found = {(row["steps"], row["stopped"], row["best_loss_nats"]) for row in runs if row["rule"] == "median"}
    assert found == {(240, 0, 3.0), (160, 1, 3.0)}  # 6 before 5, and 5 before 6
    assert {row["stopped"] for row in runs if row["rule"] in ("none", "strict")} == {0}


def test_a_replayed_reversed_metric_costs_loss():
    trials, evals = study(n=40, noise=0.0)
    rows = replaying.summarize_replay(replaying.replay(trials, evals, RUNGS, STOPPING, 30, 0))
    found = {(row["rule"], row["metric"]): row for row in rows}
    assert len(found) == 1 + 5 * 4
    assert found["strict", "loss"]["kept_best_share"] == 1.0 and found["strict", "loss"]["median_steps"] < 40 * 120 * 0.8
    assert found["strict", "m_u"]["kept_best_share"] < 0.3 and found["strict", "m_u"]["mean_cost_nats"] > 0.05
    none = found["none", "none"]
    assert (none["orders"], none["median_steps"], none["median_stopped"]) == (30, 4800.0, 0.0)
    assert (none["median_best_loss_nats"], none["mean_cost_nats"], none["kept_best_share"]) == (3.0, 0.0, 1.0)


def test_replay_of_60_curves_in_200_orders():
    rows = replaying.replay(*study(n=60), (20, 40, 80), STOPPING, 200, 0)
    assert len(rows) == 200 * 21


def test_audited_trials_that_all_diverged():
    trials, evals = study()
    short, short_evals, audited, audited_evals = prune(trials, evals, [3, 7])
    audited = audited.assign(state=DIVERGED, final_loss_nats=[None, None])
    content, pairs, _ = assessment.assess(
        short, short_evals, audited, audited_evals.assign(m_u=None), equal([3, 7]), SECTION, SWEEP, 0
    )
    assert content.audit.among_best == 0 and content.audit.best_audited_nats is None
    assert {row["n"] for row in pairs} == {22}
