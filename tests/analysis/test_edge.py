"""The edge: planted edges, spikes, catapults and outliers must be found; poor phase 1 studies must not crash."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from lrsweep.analysis import edge as edges
from lrsweep.analysis import endings, settings, spikes, valley
from lrsweep.analysis.endings import Catapult, Counts, Instability
from lrsweep.analysis.profile import Run
from lrsweep.analysis.ranges import Bounded, Range
from lrsweep.search.settings import SweepUniform
from lrsweep.search.trial import COMPLETE, DIVERGED
from lrsweep.space import Float
from lrsweep.store.results import Results

SECTION = settings.Edge(
    bins=10, spike_window=5, spike_factor=3.0, tolerance=0.02, near_peak=0.9, bootstrap=1000, fewest_trials=3,
    outlier_deviations=3.0, outlier_neighbours=4, under_sampled=0.5, unstable_spikes=0.02, unstable_rise=0.1, stable_to=0.1,
    below=16.0, above=2.0, refine=None,
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
    return edges.find_edge(*study(lrs, finals, states), section=section, study=STUDY, seed=0, refining=edges.NOT_REFINED)


def test_a_planted_edge_is_found(tmp_path):
    lrs = np.geomspace(1e-3, 0.1, 23)
    noise = np.random.default_rng(1).normal(0, 0.01, 23)
    finals = 3 + noise + np.where(lrs > 0.02, np.log(lrs / 0.02), 0) + np.where(lrs < 4e-3, np.log(4e-3 / lrs), 0)
    content, bins = find(lrs, finals)
    near, valley = content.near_optimal_lr, content.valley
    assert 0.017 < near.lr < 0.026  # 0.02 · exp(0.06), the limit being 2 % of 3 nats
    assert near.low < near.lr < near.high < 0.035
    assert valley.near_optimal_lr == near and valley.bracket.near_lr <= near.lr <= valley.bracket.beyond_lr
    assert content.lr_range.min == pytest.approx(near.low / 16, rel=0.01)
    assert content.lr_range.max == pytest.approx(near.lr * 2, rel=0.01)
    assert valley.message is None
    results = Results(tmp_path)
    results.write_json("edge.json", content)
    results.write_rows("bins.parquet", bins)
    assert results.read_as(edges.Edge, "edge.json") == content
    assert find(lrs, finals) == (content, bins)


def test_where_no_draw_reached_the_valley_phase_2_looks_below_them_all():
    # the best LR would be 0.015; all that is seen is a slow rise, and a lucky trial far up
    content, _ = find(np.linspace(0.05, 0.5, 10), [3.3, 3.34, 3.4, 3.44, 3.5, 3.54, 3.6, 3.2, 3.7, 3.8])
    assert content.lr_range.min == pytest.approx(content.near_optimal_lr.low / 16, rel=0.01)
    assert content.lr_range.min < 0.015 < content.near_optimal_lr.lr / 16


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
    assert content.valley.bracket.near_lr == pytest.approx(np.geomspace(1e-3, 1e-1, 9)[3])


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
    assert vars(content.valley.bracket) == pytest.approx({"near_lr": 4e-3, "beyond_lr": 0.012})


def test_alike_trials_have_no_outlier_and_no_edge_inside_the_range():
    content, _ = find(np.geomspace(1e-3, 1e-1, 9), [3.0] * 9)
    assert content.outliers == ()
    assert content.valley.at_border and "raise sweep_uniform.lr.max" in content.valley.message
    near = content.near_optimal_lr
    assert near.lr == pytest.approx(0.1) and near.low < 0.1 and near.high is None
    assert content.lr_sensitivity.value_nats == 0


@pytest.mark.parametrize("n", [1, 2, 8])
def test_all_diverged(tmp_path, n):
    content, bins = find(np.geomspace(0.016, 0.1, n), [None] * n, [DIVERGED] * n)
    assert content.near_optimal_lr is None and content.best_lr is None
    assert content.lr_sensitivity is None, "no loss at all is no insensitive one"
    assert content.max_stable_lr.lr is None, "below all that was tried"
    assert content.lr_range == Range(0.001, 0.016, "log")
    assert "lower sweep_uniform.lr.min" in content.valley.message
    assert content.counts == Counts(trials=n, diverged=n, never_recovered=0, catapults=0)
    results = Results(tmp_path)
    results.write_json("edge.json", content)
    results.write_rows("bins.parquet", bins)
    assert results.read_as(edges.Edge, "edge.json") == content


def test_trials_that_learn_nothing_give_no_edge():
    content, _ = find([0.01, 0.02], [CHANCE, CHANCE + 1])
    assert content.near_optimal_lr is None and content.counts.never_recovered == 2


def test_one_trial_and_ties():
    one, _ = find([0.01], [3.0])
    assert one.near_optimal_lr == Bounded(pytest.approx(0.01), None, None) and one.lr_sensitivity is None
    assert one.lr_range == Range(0.000625, 0.02, "log")
    same, _ = find([0.01, 0.01, 0.01], [3.0, 3.0, 3.2])
    assert same.near_optimal_lr.lr == pytest.approx(0.01) and len(same.valley.points) == 1
    assert same.valley.points[0].loss_nats == pytest.approx(9.2 / 3)


def test_a_diverged_trial_counts_as_chance():
    content, _ = find([0.01, 0.02, 0.04], [3.0, 3.0, None], [COMPLETE, COMPLETE, DIVERGED])
    assert content.valley.points[-1].loss_nats == CHANCE
    share = 3.0 * 0.02 / (CHANCE - 3.0)  # of the way, in log LR, from the last stable trial to the diverged one
    assert content.near_optimal_lr.lr == pytest.approx(0.02 * 2**share)


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
    content, bins = edges.find_edge(trials, evals, steps, SECTION, STUDY, 0, edges.NOT_REFINED)
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
    content, _ = edges.find_edge(trials, evals, steps, SECTION, STUDY, 0, edges.NOT_REFINED)
    assert [row.unstable for row in content.trials] == [False, False, False, True, False, True]
    assert content.trials[3].spike_rate == 5 / 95
    assert content.instability == Instability(trials=2, first_lr=0.1, calm_below_lr=0.05, last_calm_lr=0.2, unknown=0)
    assert content.near_optimal_lr.lr < 0.05


def test_without_norms_it_is_not_known_whether_a_trial_spiked():
    """What was not logged is unknown, not calm; a loss far over that of the untrained model is instability all the same."""
    trials, evals, steps = study([0.01, 0.02, 0.05, 0.1], [3.0, 3.0, 3.2, None], [COMPLETE] * 3 + [DIVERGED])
    evals.loc[(evals["trial"] == 2) & (evals["step"] == 40), "loss_nats"] = 1.2 * CHANCE
    content, _ = edges.find_edge(trials, evals, steps.assign(grad_norm=np.nan), SECTION, STUDY, 0, edges.NOT_REFINED)
    assert [row.unstable for row in content.trials] == [None, None, True, True]
    assert content.instability == Instability(trials=2, first_lr=0.05, calm_below_lr=None, last_calm_lr=None, unknown=2)


@pytest.mark.parametrize("logged", ["nowhere", "in one trial", "at every fiftieth step"])
def test_where_spikes_are_not_known_of_all_runs_losses_alone_say_where_training_breaks(logged):
    """The calm runs count too: with those that broke alone, training would seem to break wherever it was tried."""
    lrs, ends = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6], [3.0, 2.9, 3.1, 3.2, 3.3, None, None]
    trials, evals, steps = study(lrs, ends, [COMPLETE] * 5 + [DIVERGED] * 2)
    kept = {"nowhere": steps["step"] < 0, "in one trial": steps["trial"] == 4, "at every fiftieth step": steps["step"] % 50 == 0}
    steps = steps.assign(grad_norm=steps["grad_norm"].where(kept[logged]))
    content, _ = edges.find_edge(trials, evals, steps, SECTION, STUDY, 0, edges.NOT_REFINED)
    chances = {point.lr: point.probability for point in content.break_curve}
    assert not content.spikes_count and 0.2 < content.half_break_lr.lr < 0.4 and chances[min(chances)] < 0.05
    assert len(content.missing) == (logged != "in one trial")
    whole, _ = edges.find_edge(*study(lrs, ends, [COMPLETE] * 5 + [DIVERGED] * 2), SECTION, STUDY, 0, edges.NOT_REFINED)
    assert whole.spikes_count and whole.half_break_lr == content.half_break_lr


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
    content, _ = edges.find_edge(trials, evals, steps, SECTION, STUDY, 0, edges.NOT_REFINED)
    assert [row.never_recovered for row in content.trials] == [False, True]
    assert content.valley.best.trial == 0 and json.dumps(asdict(content), allow_nan=False)


def test_the_runs_that_refine_phase_1_give_the_best_lr_with_its_band():
    """A parabola in log LR with its floor of 3 nats at 0.02: within 0.5 % for |x| < 0.39, within 2 % for |x| < 0.77."""
    lrs = [0.004, 0.01, 0.02, 0.03, 0.05, 0.2]
    losses = [3 + 0.1 * np.log(lr / 0.02) ** 2 for lr in lrs]
    tables = study([0.05, 0.1, 0.2], [3.1, 3.3, 3.6])
    refining = edges.Refining(tuple(Run(lr, i, loss) for i, (lr, loss) in enumerate(zip(lrs, losses, strict=True))), ())
    content, _ = edges.find_edge(*tables, SECTION, STUDY, 0, refining)
    assert content.best_lr.low < 0.02 < content.best_lr.high and content.best_lr.high / content.best_lr.low < 2
    for one, distance in ((content.band_low_lr, -0.387), (content.band_high_lr, 0.387), (content.near_optimal_lr, 0.775)):
        assert one.low < 0.02 * np.exp(distance) < one.high
    assert content.best_loss_nats.low < 3 < content.best_loss_nats.high
    assert content.valley.best.lr == 0.05, "what phase 1 alone says stands beside it"


def test_a_run_that_breaks_far_below_the_others_widens_what_is_stable():
    lrs, finals = [0.01, 0.02, 0.04, 0.08, 0.16], [3.0, 3.0, 3.1, 3.2, None]
    states = [COMPLETE] * 4 + [DIVERGED]
    calm, _ = find(lrs, finals, states)
    broke, _ = find(lrs, [3.0, None, 3.1, 3.2, None], [COMPLETE, DIVERGED, COMPLETE, COMPLETE, DIVERGED])
    assert broke.max_stable_lr.low is None or broke.max_stable_lr.low < calm.max_stable_lr.low
    assert calm.max_stable_lr.low < 0.16 and [point.lr for point in calm.break_curve][::59] == pytest.approx([0.01, 0.16])
    assert (np.diff([point.probability for point in calm.break_curve]) > 0).all()


def test_a_spike_of_a_decaying_trial_is_told_by_its_maximum_lr():
    trials, evals, steps = study([0.01, 0.02, 0.05, 0.1], [3.0, 3.0, 4.5, 5.0])
    decayed = (steps["trial"] == 3) & (steps["step"] > 50)
    steps.loc[decayed, "lr"] = 0.005
    steps.loc[decayed & (steps["step"] == 80), "grad_norm"] = 9.0
    steps.loc[(steps["trial"] == 0) & (steps["step"] == 80), "grad_norm"] = 9.0
    content, _ = edges.find_edge(trials, evals, steps, SECTION, STUDY, 0, edges.NOT_REFINED)
    assert content.near_optimal_lr.lr < 0.05
    assert (content.spikes.total, content.spikes.from_above) == (2, 1)
