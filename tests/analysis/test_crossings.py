"""Crossings on planted curvature: what exceeds is told by any probe of a run, in its own part of the training."""

import numpy as np
import pandas as pd
import pytest

from lrsweep.analysis.crossings import AFTER, CURVATURE, STEP, WARM_UP, measured
from lrsweep.analysis.ranges import Bounded, agreement

LRS = np.geomspace(0.01, 1.0, 9)


def probes(crossing, part=AFTER):
    """Runs whose curvature, at their second of two probes, exceeds its threshold of 10 above this LR."""
    rows = [
        {"trial": k, "part": part, "max_lr": lr, "lr": lr, "eigenvalue": 11.0 if lr > crossing and probe else 1.0,
         "threshold": 10.0, "critical_low_lr": None, "critical_lr": None, "critical_high_lr": None}
        for k, lr in enumerate(LRS) for probe in range(2)
    ]  # fmt: skip
    return pd.DataFrame(rows).astype(dict.fromkeys(["critical_low_lr", "critical_lr", "critical_high_lr"], float))


def test_a_planted_crossing_is_found():
    (found,) = measured(probes(0.08), 0).crossings
    assert (found.quantity, found.part, found.runs) == (CURVATURE, AFTER, 9)
    assert found.lr.low < 0.08 < found.lr.high and found.lr.high / found.lr.low < 6, "two steps between the LRs"


def test_warm_up_and_what_follows_are_apart():
    both = pd.concat([probes(0.03, WARM_UP), probes(0.3, AFTER)], ignore_index=True)
    early, late = measured(both, 0).crossings
    assert early.lr.lr < 0.1 < late.lr.lr


def test_a_step_is_too_long_where_no_step_lowers_the_loss_and_never_where_each_does():
    table = probes(2.0).assign(eigenvalue=np.nan)
    low, high = table["max_lr"] < 0.1, table["max_lr"] >= 0.1
    table.loc[low, "critical_low_lr"] = 99.0  # each step up to here lowers it
    table.loc[high, "critical_high_lr"] = 1e-4  # none down to here lowers it
    (found,) = measured(table, 0).crossings
    assert found.quantity == STEP and found.lr.low < 0.1 < found.lr.high


def test_what_was_not_measured_is_left_out():
    assert measured(probes(0.1).assign(eigenvalue=np.nan), 0).crossings == ()
    assert measured(probes(0.1).iloc[:0], 0).crossings == ()


@pytest.mark.parametrize(
    ("crossing", "said"), [((0.1, 0.05, 0.2), "below"), ((3.0, 2.0, None), "above"), ((0.9, 0.3, 2.0), "within")]
)
def test_it_is_compared_by_intervals(crossing, said):
    assert agreement(Bounded(*crossing), Bounded(1.0, 0.5, 1.5)) == said
    assert agreement(Bounded(None, None, None), Bounded(1.0, 0.5, 1.5)) is None
