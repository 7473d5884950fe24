"""Numbers at their ends: whatever losses a study has, each analysis ends with finite numbers or says that there are none."""

import json
import warnings
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lrsweep.analysis import clusters, edge, importance
from lrsweep.search.trial import COMPLETE, DIVERGED
from tests.analysis import test_clusters as of_clusters
from tests.analysis import test_edge as of_edge
from tests.analysis import test_importance as of_importance
from tests.spaces import USUAL, drawn, held

# None: diverged. Negative losses and those over 709 nats, whose exponential is no float, do come.
LOSSES = st.sampled_from([None, 0.0, -1e200, 1e200, 1e-300, 710.0, 2.0, 2.0, 2.0000000000000004, -3.0, 1e8])
STUDIES = st.lists(LOSSES, min_size=1, max_size=12)


def finite(found):
    json.dumps(found, allow_nan=False)


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


def states(losses):
    return [DIVERGED if loss is None else COMPLETE for loss in losses]


def plain(losses):
    return [np.nan if loss is None else loss for loss in losses]


@settings(max_examples=60)
@given(STUDIES, st.booleans())
@example([None] * 6, False)
@example([2.0] * 6, True)
def test_the_edge(losses, one_lr):
    lrs = np.full(len(losses), 0.01) if one_lr else np.geomspace(1e-4, 0.1, len(losses))
    section = of_edge.SECTION.model_copy(update={"bootstrap": 100})
    tables = of_edge.study(lrs.tolist(), plain(losses), states(losses))
    found, bins = edge.find_edge(*tables, section=section, study=of_edge.STUDY, seed=0, refining=edge.NOT_REFINED)
    finite(asdict(found))
    finite(bins)
    assert found.lr_range.min < found.lr_range.max


@settings(max_examples=40)
@given(STUDIES)
@example([2.0] * 8)
def test_clusters(losses):
    rows = [
        {"trial": k, "state": state, "steps": 120, **values, "final_loss_nats": loss}
        for k, (values, loss, state) in enumerate(zip(drawn(USUAL, len(losses)), plain(losses), states(losses), strict=True))
    ]
    evals = [{"trial": row["trial"], "step": s, "loss_nats": row["final_loss_nats"]} for row in rows for s in range(0, 121, 10)]
    trials = held(pd.DataFrame(rows), USUAL)
    found, assigned = clusters.find_clusters(trials, pd.DataFrame(evals).dropna(), of_clusters.SECTION, 0)
    finite(asdict(found))
    finite(assigned)


@settings(max_examples=30)
@given(STUDIES, st.sampled_from([1, 4]))
@example([2.0] * 12, 1)
def test_importance(losses, trees):
    table = of_importance.study(n=len(losses))
    table["final_loss_nats"] = plain(losses)
    table["state"] = states(losses)
    section = of_importance.SECTION.model_copy(update={"trees": trees, "fewest_trials": 4})
    found = importance.rank_hyperparameters(held(table, USUAL), section, 0)
    finite(asdict(found))
