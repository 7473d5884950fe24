"""What captions say of the data that is drawn: planted both ways."""

import numpy as np
import pandas as pd
import pytest

from lrsweep.figures import FIGURES
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from tests.figures.test_figures import empty, prepare, tables


def says(name, rows):
    """The caption's sentence about these rows; a column that is not given has no values."""
    columns = prepare(tables())[name].columns
    return FIGURES[name].shows(pd.DataFrame(rows).reindex(columns=columns))


def run(trial, lr, loss, series=COMPLETE, runs="phase 1"):
    return {"series": series, "runs": runs, "trial": trial, "lr": lr, "final_loss_nats": loss}


def test_the_marks_of_the_losses_by_lr_are_explained_where_they_are_drawn():
    calm = [run(k, 0.01 * (k + 1), 2.0 + 0.1 * k) for k in range(4)]
    assert says("loss_by_lr", calm) == "The lowest loss of a run is 2.000 nats, at 0.01."
    marks = [{"series": series, "lr": 0.03} for series in ("band", "maximum stable")]
    broken = [run(9, 0.2, np.nan, DIVERGED), run(8, 0.1, 2.2, "broke", "refining")]
    said = says("loss_by_lr", [*calm, *broken, *marks])
    for words in (
        "Framed are the 1 runs",
        "In the shaded band",
        "Up to the dashed line",
        "Crosses are runs",
        "upper border: 1 of 6",
    ):
        assert words in said
    assert "dotted" not in said and "grey curve" not in said


def test_spikes_are_told_by_the_runs_that_have_them():
    rows = [
        {"series": "run", "trial": k, "lr": lr, "spikes": n, "spike_rate": n / 100}
        for k, (lr, n) in enumerate([(0.1, 0), (0.4, 7)])
    ]
    said = says("spikes", rows)
    assert "Here 1 of 2 runs have all 7 spikes." in said and "maximum learning rates is 0.4, so steps" in said
    assert says("spikes", rows[:1]) == "Here none of 1 runs spiked."


def test_when_the_best_was_found():
    rows = [{"trial": k, "best_nats": best} for k, best in enumerate((np.nan, 3.0, 2.005, 2.0))]
    assert says("proposals", rows) == "Here trial 3 of 4 is the best, with 2.000 nats; trial 2 is the first within 0.5 % of it."


@pytest.mark.parametrize(
    ("loss", "words"), [(3.5, "1 of 1 stopped trial was above the band"), (1.9, "0 of 1"), (1.9, "and 1 below")]
)
def test_where_stopped_trials_were_among_the_complete_ones(loss, words):
    rows = [
        {"series": COMPLETE, "step": 40, "loss_nats": 2.0, "low_nats": 1.8, "high_nats": 3.0},
        {"series": PRUNED, "trial": 1, "step": 20, "loss_nats": 9.0},
        {"series": PRUNED, "trial": 1, "step": 40, "loss_nats": loss},
    ]
    assert words in says("curves", rows)


@pytest.mark.parametrize(
    ("gains", "words"),
    [((0.2, 0.02), "1 of 2 proposals was expected to pay, the last of them trial 0"), ((0.01, 0.02), "none of 2")],
)
def test_whether_proposals_were_expected_to_pay(gains, words):
    rows = [{"series": "proposal", "trial": k, "expected_gain": gain, "threshold": 0.1} for k, gain in enumerate(gains)]
    assert words in says("ending", rows)


def test_how_the_distance_changed():
    rows = [{"sampler": "mfgp", "distance": one} for one in (0.6, 0.3, 0.1)] + [{"sampler": "sobol", "distance": 0.9}]
    said = says("exploration", rows)
    assert "is 0.60 in the first third" in said and "0.10 in the last third, of which the farthest is 0.10" in said
    assert says("exploration", rows[3:]) == ""


@pytest.mark.parametrize(("low", "words"), [(0.5, "Here maximum learning rate matters most"), (0.2, "the intervals overlap")])
def test_whether_the_order_of_importances_is_certain(low, words):
    rows = [
        {"hyperparameter": "beta2", "importance": 0.1, "low": 0.0, "high": 0.3},
        {"hyperparameter": "lr", "importance": 0.6, "low": low, "high": 0.9},
    ]
    assert words in says("importance", rows)


@pytest.mark.parametrize(("low", "words"), [(0.2, "are apart"), (0.0, "overlap")])
def test_whether_clusters_are_apart_at_the_end(low, words):
    rows = [
        {"cluster": 0, "step": 10, "low_nats": -0.1, "high_nats": 0.1},
        {"cluster": 1, "step": 10, "low_nats": low, "high_nats": 0.3},
    ]
    assert words in says("clusters", rows)


def test_how_metrics_rank_at_their_first_rung():
    rows = [
        {"metric": metric, "rung": rung, "spearman": value, "spearman_low": value - 0.2, "spearman_high": value + 0.2}
        for metric, rung, value in (("loss", 80, 0.9), ("loss", 40, 0.8), ("m_u", 80, -0.5), ("early", 40, 0.1))
    ]
    said = says("correlations", rows)
    assert "loss ranks better than chance (0.80 at step 40)" in said
    assert "M_u ranks the wrong way round (-0.50 at step 80)" in said
    assert "early shows no clear order (0.10 at step 40)" in said


def test_which_rule_is_the_cheapest_that_keeps_the_best_loss():
    rows = [
        {"rule": rule, "metric": "m_u", "steps": steps, "best_loss_nats": loss, "share": steps / 1000}
        for rule, steps, loss in (("none", 1000, 2.0), ("asha", 300, 2.1), ("patient_median", 600, 2.005))
    ]
    assert (
        "Here patient median with M_u is the cheapest that gives up no more than 0.5 % of the best loss: it trains 60%"
        in says("replay", rows)
    )
    assert says("replay", rows[:2]) == "Here every rule that saves steps gives up more than 0.5 % of the best loss."


def test_how_many_candidates_overlap_with_the_selected_one():
    runs = [(0, 3.0), (0, 3.1), (1, 2.0), (1, 2.1), (2, 2.05), (3, 2.4)]
    rows = [{"series": "run", "candidate": c, "loss_nats": loss} for c, loss in runs]
    rows += [{"series": "mean", "candidate": 1, "loss_nats": 2.05}]
    assert says("choice", rows) == (
        "Here the runs of 1 of 2 other candidates overlap with those of the selected one, 1. "
        "The default's lie from 3.000 to 3.100 nats."
    )


@pytest.mark.parametrize(("stays", "words"), [(True, "no candidate was dropped"), (False, "1 of 1 candidate was dropped")])
def test_what_the_race_dropped(stays, words):
    rows = [{"candidate": 1, "round": r, "mean_nats": 2.0 + 0.02 * r, "stays": stays or r == 0} for r in (0, 1)]
    assert f"Here {words}, and a mean moved by up to 0.020 nats" in says("race", rows)


@pytest.mark.parametrize(("low", "words"), [(0.02, "so the best moves"), (0.005, "all their intervals overlap")])
def test_whether_the_best_lr_moves_between_proxies(low, words):
    rows = [
        {"series": "best", "proxy": "steps 150", "lr": 0.03, "lr_low": low, "lr_high": 0.05},
        {"series": "best", "proxy": "steps 600", "lr": 0.01, "lr_low": 0.008, "lr_high": 0.012},
    ]
    assert words in says("profiles", rows) and "0.03 for steps 150, 0.01 for steps 600" in says("profiles", rows)


def test_the_final_curve_names_the_curves_that_are_drawn():
    rows = [{"series": series, "step": 10, "loss_nats": 2.0} for series in ("train", "eval", "chosen trial")]
    whole = says("final_curve", rows)
    assert whole.startswith("Drawn: its training loss of each step (thin), its eval losses (line) and the evals of the chosen")
    assert says("final_curve", rows[1:2]) == "Drawn: its eval losses (line)." and says("final_curve", []) == ""
    assert says("final_curve", [{**rows[0], "loss_nats": np.nan}, rows[1]]) == "Drawn: its eval losses (line)."
    assert "training loss" not in FIGURES["final_curve"].caption and "chosen" not in FIGURES["final_curve"].caption


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ((3.0, 1.9, 1.5), "the final training is below that from step 20 on"),
        ((3.0, 1.9, 2.1, 1.5), "the final training is below that from step 40 on"),  # it was below that once before
        ((3.0, 1.9, 2.1), "the final training does not end below that"),
        ((3.0, 1.9, np.nan), "the final training does not end below that"),
    ],
)
def test_from_where_on_the_final_training_is_below_the_chosen_trial(losses, said):
    final = [{"series": "eval", "step": 10 * i, "loss_nats": loss} for i, loss in enumerate(losses, start=1)]
    chosen = [{"series": "chosen trial", "step": 10, "loss_nats": 2.5}, {"series": "chosen trial", "step": 20, "loss_nats": 2.0}]
    assert f"The chosen trial ends at 2.000 nats; {said}." in says("final_curve", [*final, *chosen])


def test_of_curves_without_an_eval_in_warm_up_nothing_is_said_of_it():
    rows = [{"series": "shape", "trial": k, "rank": k + 1, "steepest_step": 15.0, "convexity": 0.4} for k in range(7)]
    assert says("shapes", rows) == "Here the best 5 fall most steeply at step 15, and are convex after that (convexity 0.40)."
    known = [{**row, "warmup_flatness": 0.9} for row in rows]
    assert says("shapes", rows[:1]).startswith("Here the best one falls most steeply at step 15, and is convex")
    assert "best one is flat in warm-up, where 10% of its drop comes. It falls" in says("shapes", known[:1])
    assert "flat in warm-up, where 10% of their drop comes (10% for the others). They fall most" in says("shapes", known)


def test_of_no_data_nothing_is_said():
    """Of what comes from tables; the edge, the choice and the importance of `prepare` are values that are there."""
    data = prepare(empty())
    for name in (
        "proposals",
        "curves",
        "ending",
        "exploration",
        "isolation",
        "clusters",
        "shapes",
        "by_median",
        "replay",
        "race",
    ):
        assert FIGURES[name].shows(data[name]) == "", name
