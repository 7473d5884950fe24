"""The edge: planted edges, spikes, catapults and outliers must be found; poor phase 1 studies must not crash."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from lrsweep.analysis import edge as edges
from lrsweep.analysis import endings, settings, spikes, valley
from lrsweep.analysis.endings import Catapult, Counts, Instability
from lrsweep.analysis.ranges import Range
from lrsweep.search.settings import SweepUniform
from lrsweep.search.trial import COMPLETE, DIVERGED
from lrsweep.space import Float
from lrsweep.store.results import Results

SECTION = settings.Edge(
    bins=10, spike_window=5, spike_factor=3.0, tolerance=0.02, near_peak=0.9, bootstrap=1000, fewest_trials=3,
    outlier_deviations=3.0, outlier_neighbours=4, under_sampled=0.5, unstable_spikes=0.02, below=16.0, above=2.0,
)  # fmt: skip
STUDY = SweepUniform(
    trials=23, steps=100, warmup_steps=10, eval_every=10, lr=Float(min=1e-4, max=0.1, scale="linear"), imported=None
)
CHANCE = 6.0


def study(lrs, finals, states=None):
    """Tables of trials whose losses fall from CHANCE to their finals, and whose gradient norm is 1 but for the LR's part."""
    states = states or [COMPLETE] * len(lrs)
    trials, evals, steps = [], [], []
    for k, (lr, final, state) in enumerate(zip(lrs, finals, states, strict=True)):
        complete = state == COMPLETE
        trials.append({"trial": k, "state": state, "steps": 100, "lr": lr, "final_loss_nats": final if complete else None})
        for step in range(0, 101 if complete else 1, 10):
            loss = CHANCE + (final - CHANCE) * min(1.0, step / 90) if complete else CHANCE
            evals.append({"trial": k, "step": step, "lr": lr * min(1, step / 10), "loss_nats": loss})
        for step in range(1, 101):
            steps.append({"trial": k, "step": step, "lr": lr * min(1, step / 10), "grad_norm": 1.0})
    return pd.DataFrame(trials).astype({"final_loss_nats": float}), pd.DataFrame(evals), pd.DataFrame(steps)


def find(lrs, finals, states=None, section=SECTION):
    return edges.find_edge(*study(lrs, finals, states), section=section, study=STUDY, seed=0)


def test_a_planted_edge_is_found(tmp_path):
    lrs = np.geomspace(1e-3, 0.1, 23)
    noise = np.random.default_rng(1).normal(0, 0.01, 23)
    finals = 3 + noise + np.where(lrs > 0.02, np.log(lrs / 0.02), 0) + np.where(lrs < 4e-3, np.log(4e-3 / lrs), 0)
    content, bins = find(lrs, finals)
    assert 0.017 < content.edge_lr < 0.026  # 0.02 · exp(0.06), the limit being 2 % of 3 nats
    assert content.edge_low_lr < content.edge_lr < content.edge_high_lr < 0.035
    assert content.bracket.stable_lr <= content.edge_lr <= content.bracket.unstable_lr
    assert content.lr_range.min == pytest.approx(content.edge_low_lr / 16, rel=0.01)
    assert content.lr_range.max == pytest.approx(content.edge_lr * 2, rel=0.01)
    assert content.message is None
    results = Results(tmp_path)
    results.write_json("edge.json", content)
    results.write_rows("bins.parquet", bins)
    assert results.read_as(edges.Edge, "edge.json") == content
    assert find(lrs, finals) == (content, bins)


def test_where_no_draw_reached_the_valley_phase_2_looks_below_them_all():
    # the best LR would be 0.015; all that is seen is a slow rise, and a lucky trial far up
    content, _ = find(np.linspace(0.05, 0.5, 10), [3.3, 3.34, 3.4, 3.44, 3.5, 3.54, 3.6, 3.2, 3.7, 3.8])
    assert content.lr_range.min == pytest.approx(content.edge_low_lr / 16, rel=0.01)
    assert content.lr_range.min < 0.015 < content.edge_lr / 16


def test_the_valley_fit_is_the_least_squares_one():
    rng = np.random.default_rng(0)
    losses, weights = rng.normal(size=7), rng.integers(1, 4, 7).astype(float)
    fit = np.array(valley.valley_fit(losses.tolist(), weights.tolist()))
    split = int(np.argmin(fit))
    assert (np.diff(fit[: split + 1]) <= 0).all() and (np.diff(fit[split:]) >= 0).all()
    error = (weights * (fit - losses) ** 2).sum()
    from scipy.optimize import isotonic_regression

    def part(values, some, increasing):
        return isotonic_regression(values, weights=some, increasing=increasing).x if len(values) else values

    for i in range(8):
        other = np.concatenate([part(losses[:i], weights[:i], False), part(losses[i:], weights[i:], True)])
        assert error <= (weights * (other - losses) ** 2).sum() + 1e-12


def test_crossing_is_interpolated_by_hand():
    assert valley.crossing([0.0, 1.0, 3.0], [2.0, 1.0, 2.0], 1.5) == 2.0
    assert valley.crossing([0.0, 1.0], [2.0, 1.0], 1.5) == 1.0
    assert valley.valley_fit([3, 1, 2, 2, 1, 4], [1] * 6) == pytest.approx([3, 1, 5 / 3, 5 / 3, 5 / 3, 4])


def test_the_lucky_trial_among_bad_ones_does_not_move_the_edge():
    finals = [3.0, 3.0, 3.0, 3.0, 5.0, 5.0, 3.02, 5.0, 5.0]
    content, _ = find(np.geomspace(1e-3, 1e-1, 9), finals)
    assert content.bracket.stable_lr == pytest.approx(np.geomspace(1e-3, 1e-1, 9)[3])


def test_run_4_of_the_write_up_is_named_and_the_low_decades_are_under_sampled():
    lrs = np.concatenate([[4e-3], np.linspace(0.012, 0.1, 22)])
    finals = np.concatenate([[3.2], 4.5 + 0.02 * np.sin(np.arange(22))])
    content, _ = find(lrs, finals)
    (outlier,) = content.outliers
    assert (outlier.trial, outlier.trials_at_lower_lr) == (0, 0)
    assert outlier.below_neighbours_nats == pytest.approx(1.3, abs=0.05)
    assert outlier.against == ("median", "neighbours")
    assert [(row.trials, row.under_sampled) for row in content.sampling] == [(0, True), (1, True), (22, False)]
    assert sum(row.log_uniform_share for row in content.sampling) == pytest.approx(1)
    assert vars(content.bracket) == pytest.approx({"stable_lr": 4e-3, "unstable_lr": 0.012})


def test_alike_trials_have_no_outlier_and_no_edge_inside_the_range():
    content, _ = find(np.geomspace(1e-3, 1e-1, 9), [3.0] * 9)
    assert content.outliers == ()
    assert content.at_border and "raise sweep_uniform.lr.max" in content.message
    assert content.edge_lr == pytest.approx(0.1) and content.edge_low_lr < 0.1 and content.edge_high_lr is None
    assert content.lr_sensitivity.value_nats == 0


@pytest.mark.parametrize("n", [1, 2, 8])
def test_all_diverged(tmp_path, n):
    content, bins = find(np.geomspace(0.016, 0.1, n), [None] * n, [DIVERGED] * n)
    assert content.edge_lr is None and content.edge_low_lr is None
    assert content.lr_range == Range(0.001, 0.016, "log")
    assert "lower sweep_uniform.lr.min" in content.message
    assert content.counts == Counts(trials=n, diverged=n, never_recovered=0, catapults=0)
    results = Results(tmp_path)
    results.write_json("edge.json", content)
    results.write_rows("bins.parquet", bins)
    assert results.read_as(edges.Edge, "edge.json") == content


def test_trials_that_learn_nothing_give_no_edge():
    content, _ = find([0.01, 0.02], [CHANCE, CHANCE + 1])
    assert content.edge_lr is None and content.counts.never_recovered == 2


def test_one_trial_and_ties():
    one, _ = find([0.01], [3.0])
    assert one.edge_lr == pytest.approx(0.01) and one.edge_low_lr is None and one.lr_sensitivity is None
    assert one.lr_range == Range(0.000625, 0.02, "log")
    same, _ = find([0.01, 0.01, 0.01], [3.0, 3.0, 3.2])
    assert same.edge_lr == pytest.approx(0.01) and len(same.fit) == 1
    assert same.fit[0].loss_nats == pytest.approx(9.2 / 3)


def test_a_diverged_trial_counts_as_chance():
    content, _ = find([0.01, 0.02, 0.04], [3.0, 3.0, None], [COMPLETE, COMPLETE, DIVERGED])
    assert content.fit[-1].loss_nats == CHANCE
    share = 3.0 * 0.02 / (CHANCE - 3.0)  # of the way, in log LR, from the last stable trial to the diverged one
    assert content.edge_lr == pytest.approx(0.02 * 2**share)


def test_lr_sensitivity_by_hand():
    log_lrs, losses = np.array([0.0, 1.0, 2.0]), np.array([3.0, 3.0, 6.0])
    assert edges.lr_sensitivity(log_lrs, losses, SECTION, 0).value_nats == pytest.approx(
        0.75, abs=1e-3
    )  # a triangle, 3 · 1 / 2, over 2


def test_planted_spikes_are_found_and_binned():
    trials, evals, steps = study([0.01, 0.1], [3.0, 3.0])
    steps.loc[(steps["trial"] == 1) & steps["step"].isin([20, 50]), "grad_norm"] = 3.5
    steps.loc[(steps["trial"] == 1) & (steps["step"] == 80), "grad_norm"] = np.inf
    steps.loc[(steps["trial"] == 0) & (steps["step"] == 40), "grad_norm"] = 2.9
    marked = spikes.mark_spikes(steps, SECTION)
    assert marked.loc[marked["spike"], ["trial", "step"]].values.tolist() == [[1, 20], [1, 50], [1, 80]]
    # the first window of each trial, and the window after a norm that is not finite, have no median
    assert int((~marked["judged"]).sum()) == 2 * 5 + 5
    content, bins = edges.find_edge(trials, evals, steps, SECTION, STUDY, 0)
    assert content.spikes.total == 3 and [row.spikes for row in content.trials] == [0, 3]
    assert sum(row["n_steps"] for row in bins) == 200 and len(bins) == 20
    top = [row for row in bins if row["stage"] == "decay"][-1]
    assert top["n_steps"] == 90 and top["spike_rate"] == 3 / 85 and top["grad_norm_p50"] == 1.0
    empty = next(row for row in bins if not row["n_steps"])
    assert empty["spike_rate"] is None and empty["grad_norm_p05"] is None


def test_training_that_breaks_is_told_from_a_loss_that_gets_worse():
    lrs = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4]
    trials, evals, steps = study(lrs, [3.0, 3.0, 4.0, 4.2, 4.3, None], [COMPLETE] * 5 + [DIVERGED])
    many = steps["step"].isin(range(20, 90, 15))
    steps.loc[many & steps["trial"].isin([3]), "grad_norm"] = 9.0  # 5 of 95 judged steps: 5 %
    steps.loc[(steps["step"] == 50) & (steps["trial"] == 2), "grad_norm"] = 9.0  # 1 %
    content, _ = edges.find_edge(trials, evals, steps, SECTION, STUDY, 0)
    assert [row.unstable for row in content.trials] == [False, False, False, True, False, True]
    assert content.trials[3].spike_rate == 5 / 95
    assert content.instability == Instability(trials=2, first_lr=0.1, calm_below_lr=0.05, last_calm_lr=0.2)
    assert content.edge_lr < 0.05


def test_spikes_are_not_carried_from_one_trial_to_the_next():
    _, _, steps = study([0.01, 0.02], [3.0, 3.0])
    steps.loc[steps["trial"] == 1, "grad_norm"] = 10.0
    assert not spikes.mark_spikes(steps, SECTION)["spike"].any()


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([6, 4, 5, 3], Catapult(1.0, True)),
        ([6, 4, 5, 4], Catapult(1.0, False)),
        ([6, 5, 4, 3], Catapult(0.0, None)),
        ([6, 4, 3, 5], Catapult(0.0, None)),  # it rises only after the peak
        ([6], Catapult(0.0, None)),
    ],
)
def test_the_catapult_by_hand(losses, expected):
    lrs = np.array([0.0, 1.0, 0.95, 0.5])[: len(losses)]
    assert endings.catapult(lrs, np.array(losses, float), 1.0, 0.9) == expected


def test_never_recovered_is_marked():
    trials, evals, steps = study([0.01, 0.05], [3.0, 5.5])
    evals.loc[(evals["trial"] == 1) & (evals["step"] == 10), "loss_nats"] = 5.0
    content, _ = edges.find_edge(trials, evals, steps, SECTION, STUDY, 0)
    assert [row.never_recovered for row in content.trials] == [False, True]
    assert content.best.trial == 0 and json.dumps(asdict(content), allow_nan=False)
