"""K-means of the trials that survived: which kinds of curve there are, and with which hyperparameters.

Features, each standardized over the survivors: log LR, beta2, log weight decay, and the eval loss at fixed shares of the steps.
The number of clusters is that of the highest mean silhouette (Rousseeuw 1987); its stability is the mean adjusted Rand index
(Hubert and Arabie 1985) between the clusters and those of other starting points.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_samples
from threadpoolctl import threadpool_limits

from lrsweep.analysis.settings import Cluster
from lrsweep.search.trial import COMPLETE
from lrsweep.seeding import derive_seed

Row = dict[str, Any]

SAME = 1e-9  # a feature that spreads by less than this share of its size says nothing


def find_clusters(trials: pd.DataFrame, evals: pd.DataFrame, section: Cluster, seed: int) -> tuple[dict[str, Any], list[Row]]:
    """What clusters.json holds, and the rows of the table `assignments`; cluster 0 has the lowest mean final loss."""
    survivors = trials[trials["state"] == COMPLETE].sort_values("trial", ignore_index=True)
    shares = np.arange(1, section.curve_points + 1) / section.curve_points
    n, curves = len(survivors), _curves(survivors, evals, shares)
    features = standardize(_features(survivors, curves))
    distinct = len(np.unique(features, axis=0)) if n else 0
    most = min(section.k_max, n - 1, distinct)
    with threadpool_limits(limits=1):  # a sum over threads would depend on their number
        fits = {k: _fit(features, k, section.restarts, seed, 0) for k in range(section.k_min, most + 1)}
        silhouettes = {k: silhouette_samples(features, labels) for k, labels in fits.items()}
        message = best = None
        agreements: list[float] = []
        labels, values = np.zeros(n, int), np.zeros(n)
        if fits:
            best = max(fits, key=lambda k: (round(float(silhouettes[k].mean()), 9), -k))
            labels, values = fits[best], silhouettes[best]
            others = [_fit(features, best, section.restarts, seed, start) for start in range(1, section.restarts + 1)]
            agreements = [float(adjusted_rand_score(labels, other)) for other in others]
        elif not n:
            message = f"0 of the {len(trials)} trials of phase 2 survived, so there are no kinds of survivors"
        else:
            message = (
                f"{n} trials survived, {distinct} of them distinct, and cluster.k_min is {section.k_min}: all form one cluster"
            )
    labels = order_by_loss(labels, survivors["final_loss_nats"].to_numpy())
    content = {
        "k": len(set(labels.tolist())),
        "n": n,
        "silhouette": round(float(values.mean()), 9) if fits else None,
        "stability": float(np.mean(agreements)) if agreements else None,
        "stability_low": min(agreements, default=None),
        "silhouettes": [{"k": k, "silhouette": round(float(one.mean()), 9)} for k, one in silhouettes.items()],
        "clusters": [
            {**_describe(survivors, shares, curves, labels, cluster), **_silhouettes(values[labels == cluster], bool(fits))}
            for cluster in sorted(set(labels.tolist()))
        ],
        "message": message,
    }
    rows = zip(survivors["trial"].tolist(), labels.tolist(), values.tolist(), strict=True)
    return content, [{"trial": t, "cluster": c, "silhouette": round(value, 9)} for t, c, value in rows]


def _curves(survivors: pd.DataFrame, evals: pd.DataFrame, shares: np.ndarray) -> np.ndarray:
    """Eval loss in nats of each survivor at these shares of its steps, linear between evals; shape (survivors, shares)."""
    known = dict(iter(evals.sort_values("step").groupby("trial")))
    rows = [
        np.interp(shares * steps, known[trial]["step"], known[trial]["loss_nats"])
        for trial, steps in zip(survivors["trial"], survivors["steps"], strict=True)
    ]
    return np.array(rows).reshape(len(survivors), len(shares))


def _features(survivors: pd.DataFrame, curves: np.ndarray) -> np.ndarray:
    names = ("lr", "beta2", "weight_decay")
    lr, beta2, weight_decay = (survivors[name].to_numpy(float) for name in names)
    return np.column_stack([np.log(lr), beta2, np.log(weight_decay), curves])


def standardize(features: np.ndarray) -> np.ndarray:
    """Each column less its mean, over its standard deviation; a column that does not vary becomes 0."""
    if not len(features):
        return features
    spread = features.std(axis=0)
    varies = spread > SAME * np.abs(features).max(axis=0)
    return np.where(varies, (features - features.mean(axis=0)) / np.where(varies, spread, 1.0), 0.0)


def _fit(features: np.ndarray, k: int, restarts: int, seed: int, start: int) -> np.ndarray:
    state = derive_seed(seed, f"cluster/{k}", start) % 2**32
    return KMeans(n_clusters=k, n_init=restarts, random_state=state).fit_predict(features)


def order_by_loss(labels: np.ndarray, losses_nats: np.ndarray) -> np.ndarray:
    """The labels renumbered from 0, in order of the mean final loss."""
    means = {label: losses_nats[labels == label].mean() for label in set(labels.tolist())}
    number = {label: i for i, label in enumerate(sorted(means, key=lambda label: (means[label], label)))}
    return np.array([number[label] for label in labels.tolist()], int)


def _silhouettes(values: np.ndarray, known: bool) -> Row:
    """The mean silhouette of a cluster's trials, and its range; below 0 a trial is nearer to another cluster."""
    numbers = (values.mean(), values.min(), values.max()) if known else (None,) * 3
    names = ("silhouette", "silhouette_low", "silhouette_high")
    return {name: None if number is None else round(float(number), 9) for name, number in zip(names, numbers, strict=True)}


def _describe(survivors: pd.DataFrame, shares: np.ndarray, curves: np.ndarray, labels: np.ndarray, cluster: int) -> Row:
    """A cluster's centre in real units: geometric means of LR and weight decay, arithmetic ones of the others."""
    part, steps = survivors[labels == cluster], float(survivors["steps"].max())
    points = zip(shares.tolist(), curves[labels == cluster].mean(axis=0).tolist(), strict=True)
    return {
        "cluster": cluster,
        "size": len(part),
        "mean_final_loss_nats": float(part["final_loss_nats"].mean()),
        "min_final_loss_nats": float(part["final_loss_nats"].min()),
        "lr": float(np.exp(np.log(part["lr"]).mean())),
        "beta2": float(part["beta2"].mean()),
        "weight_decay": float(np.exp(np.log(part["weight_decay"]).mean())),
        "curve": [{"step": share * steps, "loss_nats": loss} for share, loss in points],
    }
