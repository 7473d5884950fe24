"""The shape of a curve, by hand."""

import numpy as np
import pandas as pd
import pytest

from lrsweep.analysis import shapes
from lrsweep.search.trial import COMPLETE, PRUNED
from lrsweep.space import Budget
from lrsweep.store.results import Results

STEPS = np.array([0.0, 10, 20, 30, 40])
BUDGET = Budget(steps=40, warmup_steps=10, eval_every=10)


def shape(losses, warmup=10):
    return shapes.shape(STEPS, np.array(losses, float), warmup)


def test_the_write_ups_shape():
    """Flat in warm-up, then a steep drop, then slightly convex."""
    found = shape([6, 5.8, 3.8, 2.6, 2.0])
    assert found["warmup_flatness"] == pytest.approx(1 - 0.2 / 4)
    assert (found["steepest_nats_per_step"], found["steepest_step"]) == (pytest.approx(0.2), 15)
    # from step 20: chord area 20 · 2.9, curve area 10 · (3.2 + 2.3), box 20 · 1.8
    assert found["convexity"] == pytest.approx(2 * (58 - 55) / 36)


@pytest.mark.parametrize(("tail", "convexity"), [([3, 2.5, 2], 0.0), ([3, 2, 2], 0.5), ([3, 3, 2], -0.5)])
def test_convexity_is_0_on_a_line(tail, convexity):
    assert shape([6, 5, *tail])["convexity"] == pytest.approx(convexity)


def test_where_it_is_not_defined():
    late = shape([6, 5.9, 5.8, 5.7, 2])
    assert late["convexity"] is None and late["steepest_step"] == 35
    rising = shape([2, 3, 4, 5, 6])
    assert rising["warmup_flatness"] is None and rising["steepest_nats_per_step"] == pytest.approx(-0.1)
    assert shapes.shape(np.array([0.0]), np.array([6.0]), 10)["steepest_step"] is None


def test_without_an_eval_in_warm_up_its_flatness_is_unknown():
    curve = [6, 5.8, 3.8, 2.6, 2.0]
    assert [shape(curve, warmup)["warmup_flatness"] is None for warmup in (0, 5, 10)] == [True, True, False]
    late = shapes.shape(STEPS[1:], np.array(curve[1:]), 10)
    assert late["warmup_flatness"] is None and late["convexity"] == shape(curve)["convexity"]


@pytest.mark.parametrize("tail", [[3, 1, 2.9], [3, 5, 2.9]])
def test_a_curve_far_outside_of_its_box_has_no_convexity(tail):
    found = shape([9, 8, *tail])
    assert found["convexity"] is None and found["steepest_step"] == 15
    assert shape([9, 8, 3, 2, 2])["convexity"] == pytest.approx(0.5)


def test_the_best_come_first_and_the_stopped_are_left_out(tmp_path):
    finals = {0: 2.0, 1: 1.5, 2: None, 3: 1.7}
    trials = pd.DataFrame(
        [{"trial": k, "state": PRUNED if v is None else COMPLETE, "final_loss_nats": v} for k, v in finals.items()]
    ).astype({"final_loss_nats": float})
    curve = [6, 5, 4, 3]
    evals = pd.DataFrame(
        [
            {"trial": k, "step": s, "loss_nats": loss}
            for k, v in finals.items()
            for s, loss in zip(STEPS.astype(int), [*curve, v or 3.0], strict=True)
        ]
    )
    rows = shapes.describe_shapes(trials, evals, BUDGET)
    assert [(row["rank"], row["trial"]) for row in rows] == [(1, 1), (2, 3), (3, 0)]
    assert rows[0]["warmup_flatness"] == pytest.approx(1 - 1 / 4.5)
    Results(tmp_path).write_rows("shapes.parquet", rows)
    assert shapes.describe_shapes(trials[:0], evals[:0], BUDGET) == []


def test_a_trials_own_warm_up_counts_where_the_study_varies_it():
    trials = pd.DataFrame({"trial": [0, 1], "state": COMPLETE, "final_loss_nats": [2.0, 2.0], "warmup_steps": [10, 20]})
    curve = [6, 5.8, 3.8, 2.6, 2.0]
    evals = pd.DataFrame(
        [
            {"trial": k, "step": step, "loss_nats": loss}
            for k in (0, 1)
            for step, loss in zip(STEPS.astype(int), curve, strict=True)
        ]
    )
    flatness = [row["warmup_flatness"] for row in shapes.describe_shapes(trials, evals, BUDGET)]
    assert flatness == pytest.approx([1 - 0.2 / 4, 1 - 2.2 / 4])
