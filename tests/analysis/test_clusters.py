"""Clusters of the survivors: planted ones are found, too few survivors and identical ones do not crash."""

import numpy as np
import pandas as pd
import pytest

from lrsweep.analysis import clusters, settings
from lrsweep.analysis.clusters import CurvePoint
from lrsweep.search.trial import COMPLETE, PRUNED
from lrsweep.store.results import Results
from tests.spaces import OPEN, USUAL, held

SECTION = settings.Cluster(k_min=2, k_max=6, restarts=3, null_draws=40, subsamples=10, curve_points=6)


def study(groups, size=8, spread=0.03, seed=0):
    """Trials in groups of (lr, beta2, weight decay, final loss), in mixed order, and their curves."""
    rng = np.random.default_rng(seed)
    trials, evals = [], []
    for k in range(size * len(groups)):
        lr, beta2, weight_decay, final = groups[k % len(groups)]
        factor = np.exp(spread * rng.normal(size=4))
        final = final * factor[3]
        hyper = {"lr": lr * factor[0], "beta2": beta2 + 0.001 * spread * rng.normal(), "weight_decay": weight_decay * factor[1]}
        trials.append({"trial": k, "state": COMPLETE, "steps": 120, **hyper, "final_loss_nats": final})
        evals += [{"trial": k, "step": s, "loss_nats": final + (6 - final) * np.exp(-s / 30)} for s in range(0, 121, 10)]
    return held(pd.DataFrame(trials), USUAL), pd.DataFrame(evals)


GROUPS = [(0.03, 0.95, 0.1, 4.0), (0.003, 0.999, 0.001, 3.0), (0.0003, 0.97, 0.01, 5.0)]


def test_planted_clusters_are_found_and_ordered_by_loss(tmp_path):
    trials, evals = study(GROUPS)
    trials.loc[len(trials)] = {**trials.iloc[0].to_dict(), "trial": 99, "state": PRUNED, "final_loss_nats": np.nan}
    content, rows = clusters.find_clusters(trials, evals, SECTION, 0)
    assert (content.k, content.n, content.stability, content.message) == (3, 24, 1.0, None)
    assert content.stability_low == 1.0 and content.silhouette > content.null.high > content.null.median > 0
    for row in content.clusters:
        own = [one["silhouette"] for one in rows if one["cluster"] == row.cluster]
        assert (row.silhouette_low, row.silhouette_high) == (min(own), max(own))
        assert row.silhouette == pytest.approx(np.mean(own))
    assert content.silhouette > 0.8 and [row.k for row in content.silhouettes] == [2, 3, 4, 5, 6]
    assert [row["cluster"] for row in rows] == [1, 0, 2] * 8
    assert [row.size for row in content.clusters] == [8, 8, 8]
    assert [row.values["lr"] for row in content.clusters] == pytest.approx([0.003, 0.03, 0.0003], rel=0.05)
    means = [row.mean_final_loss_nats for row in content.clusters]
    assert means == sorted(means) == pytest.approx([3, 4, 5], rel=0.05)
    results = Results(tmp_path)
    results.write_json("clusters.json", content)
    results.write_rows("assignments.parquet", rows)
    assert results.read_as(clusters.Clusters, "clusters.json") == content
    assert clusters.find_clusters(trials, evals, SECTION, 0) == (content, rows)


def test_the_centre_of_a_log_value_is_its_geometric_mean():
    trials, evals = study([(0.01, 0.95, 0.01, 3.0)], size=2, spread=0)
    trials["lr"], trials["weight_decay"] = [0.001, 0.1], [0.1, 0.4]
    content, rows = clusters.find_clusters(trials, evals, SECTION, 0)
    (only,) = content.clusters
    assert (only.values["lr"], only.values["weight_decay"], only.values["beta2"]) == pytest.approx((0.01, 0.2, 0.95))
    assert only.curve[2] == CurvePoint(60.0, pytest.approx(3 + 3 * np.exp(-2)))
    assert only.curve[-1].loss_nats == pytest.approx(trials["final_loss_nats"].iloc[0], abs=0.1)
    assert "2 trials survived" in content.message and [row["cluster"] for row in rows] == [0, 0]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_survivors_form_one_cluster(n, tmp_path):
    trials, evals = study(GROUPS)
    trials.loc[n:, ["state", "final_loss_nats"]] = [PRUNED, np.nan]
    content, rows = clusters.find_clusters(trials, evals, SECTION, 0)
    assert content.k == min(n, 1) and len(rows) == n and content.silhouette is content.null is None
    assert ("all form one cluster" if n else "0 of the 24 trials of phase 2 survived") in content.message
    results = Results(tmp_path)
    results.write_json("clusters.json", content)
    results.write_rows("assignments.parquet", rows)
    assert results.read_as(clusters.Clusters, "clusters.json") == content


@pytest.mark.parametrize("seed", range(3))
def test_one_cloud_has_no_clusters(seed):
    """Log LR, weight decay and final loss of one Gaussian: k-means cuts it, and the null says that this is nothing."""
    content, rows = clusters.find_clusters(*study([(0.01, 0.97, 0.01, 3.0)], size=40, spread=0.1, seed=seed), SECTION, 0)
    assert content.k == 1 and {row["cluster"] for row in rows} == {0}
    assert 0 < content.silhouette <= content.null.high and "The 40 survivors form no clusters" in content.message
    (only,) = content.clusters
    assert (only.size, only.silhouette) == (40, None)


def test_the_null_has_the_covariance_of_the_features(monkeypatch):
    """Of two features, the first is twice the second: all samples lie on that line, with its variance."""
    drawn = []

    def keep(features, *_):
        drawn.append(features)
        return None, None, {2: 0.5}

    monkeypatch.setattr(clusters, "_partition", keep)
    x = np.random.default_rng(0).normal(size=200)
    clusters._null(np.column_stack([2 * x, x]) + 7, 3, SECTION, 0)
    both = np.vstack(drawn)
    assert len(drawn) == SECTION.null_draws and drawn[0].shape == (200, 2)
    assert both[:, 0] == pytest.approx(2 * both[:, 1]) and both[:, 1].std() == pytest.approx(x.std(), rel=0.05)


def test_unstable_clusters_are_seen_in_subsamples():
    """Two far groups are the same in each subsample; a cut through one cloud is not."""
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(40, 2))
    apart = cloud + 20 * (np.arange(40) % 2)[:, None]
    halves = np.arange(40) % 2
    assert clusters._agreements(apart, halves, SECTION, 0) == [1.0] * SECTION.subsamples
    found = clusters._agreements(cloud, clusters._fit(cloud, 4, 3, 0, 0), SECTION, 0)
    assert np.mean(found) < 0.9


def test_identical_survivors_form_one_cluster():
    content, rows = clusters.find_clusters(*study([GROUPS[0]], spread=0), SECTION, 0)
    assert content.k == 1 and "1 of them distinct" in content.message and len(rows) == 8


@pytest.mark.filterwarnings("error")
def test_two_kinds_of_identical_survivors():
    content, rows = clusters.find_clusters(*study(GROUPS[:2], spread=0), SECTION, 0)
    assert content.k == 2 and content.silhouette == 1.0
    assert [row["cluster"] for row in rows] == [1, 0] * 8


def test_a_feature_that_does_not_vary_is_left_out():
    features = clusters.standardize(np.array([[1.0, 0.1 + 1e-17], [3.0, 0.1]]))
    assert features.tolist() == [[-1.0, 0.0], [1.0, 0.0]]


def test_order_by_loss():
    assert clusters.order_by_loss(np.array([0, 0, 1, 2]), np.array([3.0, 5.0, 1.0, 9.0])).tolist() == [1, 1, 0, 2]


def test_choices_and_whole_numbers_make_kinds_too():
    """Optimizer, batch and curve go together and nothing else does: two clusters, whose centres name the choice and its share."""
    rng = np.random.default_rng(0)
    trials, evals = [], []
    for k in range(24):
        muon = k % 2
        values = {"lr": 0.01 * np.exp(0.03 * rng.normal()), "beta1": 0.9 + 0.001 * rng.normal(), "warmup_steps": 20 + k % 3}
        values |= {"batch_size": (16, 64)[muon], "optimizer": ("adamw", "muon")[muon], "schedule": "wsd" if k < 3 else "cosine"}
        trials.append({"trial": k, "state": COMPLETE, "steps": 120, **values, "final_loss_nats": 3.0 - muon})
        evals += [{"trial": k, "step": s, "loss_nats": 3.0 - muon} for s in range(0, 121, 10)]
    content, rows = clusters.find_clusters(held(pd.DataFrame(trials), OPEN), pd.DataFrame(evals), SECTION, 0)
    assert content.k == 2 and [row["cluster"] for row in rows] == [1, 0] * 12
    first = content.clusters[0]
    assert list(first.values) == list(OPEN)
    assert (first.values["optimizer"], first.shares["optimizer"]) == ("muon", 1.0)
    assert (first.values["schedule"], first.shares["schedule"]) == ("cosine", 11 / 12)
    assert first.values["batch_size"] == pytest.approx(64) and first.values["warmup_steps"] == pytest.approx(21, abs=0.1)
    assert first.shares.keys() == {"optimizer", "schedule"}
