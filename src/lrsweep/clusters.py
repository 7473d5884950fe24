"""k-means of the trials that survived, on standardized hyperparameters and points of their curves."""

from typing import Any

import numpy as np
import pandas as pd

from lrsweep import artifacts
from lrsweep.params import Cluster
from lrsweep.seeding import derive_seed

Row = dict[str, Any]
CURVE_SHARES = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0)  # of the steps, where the curve is read
STABILITY_SEEDS = 10


def find_clusters(trials: pd.DataFrame, evals: pd.DataFrame, section: Cluster, seed: int) -> tuple[Row, list[Row]]:
    """What clusters.json says, and the rows of the table `assignments`. Cluster 0 has the lowest mean final loss.

    The number of clusters has the best mean silhouette (Rousseeuw 1987); stability is the mean adjusted Rand index (Hubert
    and Arabie 1985) between the chosen partition and those of other seeds.
    """
    survivors = trials[trials["state"] == artifacts.COMPLETE].sort_values("trial", ignore_index=True)
    features = feature_table(survivors, evals)
    most = min(section.k_max, len(np.unique(features, axis=0)) - 1 if len(features) else 0)
    if most < section.k_min:
        note = f"{len(survivors)} survivors are too few for {section.k_min} clusters: raise sweep_bayes.trials."
        labels, silhouettes, stability = np.zeros(len(survivors), dtype=int), np.zeros(len(survivors)), None
    else:
        note = None
        labels, silhouettes, stability = _partition(features, range(section.k_min, most + 1), section, seed)
        labels = _by_loss(labels, survivors["final_loss_nats"].to_numpy())
    rows = [
        {"trial": int(t), "cluster": int(c), "silhouette": float(s)}
        for t, c, s in zip(survivors["trial"], labels, silhouettes, strict=True)
    ]
    return {
        "survivors": len(survivors),
        "k": len(set(labels.tolist())),
        "silhouette": float(silhouettes.mean()) if len(survivors) else None,
        "stability_rand_index": stability,
        "clusters": [_centre(int(c), survivors[labels == c]) for c in sorted(set(labels.tolist()))],
        "message": note,
    }, rows


def feature_table(survivors: pd.DataFrame, evals: pd.DataFrame) -> np.ndarray:
    """Standardized features, trials x features: log LR, beta2, log weight decay, and the loss at CURVE_SHARES."""
    rows = []
    for row in survivors.to_dict("records"):
        curve = evals[evals["trial"] == row["trial"]]
        points = np.interp(np.array(CURVE_SHARES) * row["steps"], curve["step"], curve["loss_nats"])
        rows.append([np.log(row["lr"]), row["beta2"], np.log(max(row["weight_decay"], 1e-12)), *points])
    table = np.array(rows, dtype=float).reshape(len(rows), 3 + len(CURVE_SHARES))
    spread = table.std(axis=0) if len(table) else np.ones(table.shape[1])
    return (table - (table.mean(axis=0) if len(table) else 0.0)) / np.where(spread > 1e-12, spread, 1.0)


def _partition(features: np.ndarray, ks: range, section: Cluster, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score, silhouette_samples

    def fit(k: int, number: int) -> np.ndarray:
        state = derive_seed(seed, "cluster", number) % 2**32
        return KMeans(k, n_init=section.restarts, random_state=state).fit_predict(features)

    found = {k: fit(k, 0) for k in ks}
    best = max(ks, key=lambda k: silhouette_samples(features, found[k]).mean())
    others = [adjusted_rand_score(found[best], fit(best, number)) for number in range(1, STABILITY_SEEDS)]
    return found[best], silhouette_samples(features, found[best]), float(np.mean(others))


def _by_loss(labels: np.ndarray, losses: np.ndarray) -> np.ndarray:
    order = sorted(set(labels.tolist()), key=lambda c: losses[labels == c].mean())
    return np.array([order.index(c) for c in labels.tolist()])


def _centre(number: int, members: pd.DataFrame) -> Row:
    return {
        "cluster": number,
        "trials": len(members),
        "lr": float(np.exp(np.log(members["lr"]).mean())),
        "beta2": float(members["beta2"].mean()),
        "weight_decay": float(np.exp(np.log(members["weight_decay"]).mean())),
        "final_loss_nats": float(members["final_loss_nats"].mean()),
    }
