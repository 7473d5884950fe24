"""K-means of the trials that survived: whether there are kinds of trials, and what curves and hyperparameters these have.

The features are the numbers of the configuration on their scales, its choices, and the eval loss at fixed shares of the steps,
each standardized over the survivors. All choices of a name together weigh as much as one number. The number of clusters is the
one with the highest mean silhouette (Rousseeuw 1987).

K-means cuts any cloud into parts. So the partition stands only if its silhouette is above the 95th percentile of those that the
same search finds in samples of a single Gaussian with the survivors' covariance: a parametric bootstrap, as of McLachlan (1987,
"On bootstrapping the likelihood ratio test statistic for the number of components in a normal mixture"). Stability is the
adjusted Rand index (Hubert and Arabie 1985) between the clusters of all survivors and those of random subsamples.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from lrsweep.analysis import settings
from lrsweep.analysis.features import features_of, magnitude
from lrsweep.analysis.words import counted
from lrsweep.search.trial import COMPLETE
from lrsweep.seeding import derive_seed, generator
from lrsweep.space import Choice, Dimension, Space, Value
from lrsweep.store.tables import space_of

Row = dict[str, Any]

SAME = 1e-9  # a feature with a standard deviation below this share of its size counts as constant
SUBSAMPLE = 0.8  # share of the survivors in a subsample


@dataclass(frozen=True)
class CurvePoint:
    """The mean eval loss of a cluster at a step."""

    step: float
    loss_nats: float


@dataclass(frozen=True)
class Cluster:
    """A cluster of survivors.

    values: its centre: the geometric mean of a number on a logarithmic scale, the mean on a linear scale, or the commonest
    choice, for which `shares` has the share of the trials. silhouette: mean, least and greatest of its trials; None where all
    trials form one cluster.
    """

    cluster: int
    size: int
    mean_final_loss_nats: float
    min_final_loss_nats: float
    values: dict[str, Value]
    shares: dict[str, float]
    silhouette: float | None
    silhouette_low: float | None
    silhouette_high: float | None
    curve: tuple[CurvePoint, ...]


@dataclass(frozen=True)
class Separation:
    """The mean silhouette of the best partition into k clusters."""

    k: int
    silhouette: float


@dataclass(frozen=True)
class Null:
    """The mean silhouettes of samples of one Gaussian, clustered in the same way: their median and their 95th percentile."""

    median: float
    high: float


@dataclass(frozen=True)
class Clusters:
    """The survivors of a study in k clusters, the one with the lowest mean final loss first.

    k is 1 where the best partition is no better separated than a sample of one Gaussian; silhouette, stability and its least
    value over the subsamples are those of that partition. `message` says why there is a single cluster.
    """

    n: int
    k: int
    silhouette: float | None
    silhouettes: tuple[Separation, ...]
    null: Null | None
    stability: float | None
    stability_low: float | None
    clusters: tuple[Cluster, ...]
    message: str | None


def find_clusters(trials: pd.DataFrame, evals: pd.DataFrame, section: settings.Cluster, seed: int) -> tuple[Clusters, list[Row]]:
    """Give the clusters of the complete trials, and the rows of the table `assignments`."""
    space = space_of(trials)
    survivors = trials[trials["state"] == COMPLETE].sort_values("trial", ignore_index=True)
    shares = np.arange(1, section.curve_points + 1) / section.curve_points
    n, curves = len(survivors), _curves(survivors, evals, shares)
    features = _features(survivors, space, curves)
    distinct = len(np.unique(features, axis=0)) if n else 0
    most = min(section.k_max, n - 1, distinct)
    cut, message = None, _why_one(len(trials), n, distinct, section)
    if most >= section.k_min:
        with threadpool_limits(limits=1):  # a sum over threads would depend on their number
            cut = partition(features, most, section, seed)
        message = _no_clusters(n, cut) if cut.silhouette <= cut.null.high else ""
    labels, values = (cut.labels, cut.values) if cut and not message else (np.zeros(n, int), np.zeros(n))
    labels = order_by_loss(labels, survivors["final_loss_nats"].to_numpy())
    numbers = sorted(set(labels.tolist()))
    found = Clusters(
        n=n,
        k=len(numbers),
        silhouette=cut.silhouette if cut else None,
        silhouettes=tuple(Separation(k, mean) for k, mean in cut.means.items()) if cut else (),
        null=cut.null if cut else None,
        stability=float(np.mean(cut.agreements)) if cut and cut.agreements else None,
        stability_low=min(cut.agreements, default=None) if cut else None,
        clusters=tuple(
            _describe(number, survivors[own], space, shares, curves[own], None if message else values[own])
            for number, own in ((number, labels == number) for number in numbers)
        ),
        message=message or None,
    )
    rows = zip(survivors["trial"].tolist(), labels.tolist(), values.tolist(), strict=True)
    return found, [{"trial": t, "cluster": c, "silhouette": round(value, 9)} for t, c, value in rows]


class Cut(NamedTuple):
    """The best partition of n survivors: labels and silhouettes of each, means by k; the null, and agreements of subsamples."""

    labels: np.ndarray
    values: np.ndarray
    means: dict[int, float]
    null: Null
    agreements: list[float]

    @property
    def silhouette(self) -> float:
        """The mean silhouette."""
        return max(self.means.values())


def partition(features: np.ndarray, most: int, section: settings.Cluster, seed: int) -> Cut:
    """Partition n survivors by their standardized features (n, features) into k_min to `most` clusters, whichever is best."""
    labels, values, means = _partition(features, most, section, seed, 0)
    return Cut(labels, values, means, _null(features, most, section, seed), _agreements(features, labels, section, seed))


def _partition(
    features: np.ndarray, most: int, section: settings.Cluster, seed: int, sample: int
) -> tuple[np.ndarray, np.ndarray, dict[int, float]]:
    """Cluster n features into k_min to `most` parts: the labels (n) and silhouettes (n) of the best k, and the mean of each k."""
    from sklearn.metrics import silhouette_samples  # only here: the page needs just the types

    fits = {k: _fit(features, k, section.restarts, seed, sample) for k in range(section.k_min, most + 1)}
    silhouettes = {k: silhouette_samples(features, labels) for k, labels in fits.items()}
    means = {k: round(float(one.mean()), 9) for k, one in silhouettes.items()}
    best = max(means, key=lambda k: (means[k], -k))
    return fits[best], silhouettes[best], means


def _null(features: np.ndarray, most: int, section: settings.Cluster, seed: int) -> Null:
    """Cluster samples of one Gaussian with the covariance of the features, each of as many points.

    With X the n centred features and Z n x n standard normal, the rows of Z X / sqrt(n - 1) have that covariance.
    """
    n, centred = len(features), features - features.mean(axis=0)
    found = []
    for sample in range(1, section.null_draws + 1):
        drawn = generator(seed, "cluster/null", sample).standard_normal((n, n)) @ centred / np.sqrt(n - 1)
        found.append(max(_partition(drawn, most, section, seed, sample)[2].values()))
    median, high = np.quantile(found, [0.5, 0.95]).tolist()
    return Null(median, high)


def _agreements(features: np.ndarray, labels: np.ndarray, section: settings.Cluster, seed: int) -> list[float]:
    """Give the adjusted Rand index of the labels with those of each subsample of the features, clustered alone."""
    from sklearn.metrics import adjusted_rand_score

    n, k = len(features), len(set(labels.tolist()))
    size, found = max(k + 1, round(SUBSAMPLE * n)), []
    for number in range(1, section.subsamples + 1):
        some = np.sort(generator(seed, "cluster/subsample", number).permutation(n)[:size])
        if len(np.unique(features[some], axis=0)) >= k:
            found.append(float(adjusted_rand_score(labels[some], _fit(features[some], k, section.restarts, seed, number))))
    return found


def _no_clusters(n: int, cut: Cut) -> str:
    return (
        f"The {n} survivors form no clusters: the best partition has a mean silhouette of {cut.silhouette:.3f}, and k-means "
        f"finds {cut.null.median:.3f} in samples of a single Gaussian (95th percentile {cut.null.high:.3f})"
    )


def _why_one(trials: int, n: int, distinct: int, section: settings.Cluster) -> str:
    if not n:
        return f"0 of the {counted(trials, 'trial')} of phase 2 survived, so there are no clusters"
    return (
        f"{counted(n, 'trial')} survived, {distinct} of them distinct, and cluster.k_min is {section.k_min}: all form one cluster"
    )


def _curves(survivors: pd.DataFrame, evals: pd.DataFrame, shares: np.ndarray) -> np.ndarray:
    """Give the eval loss in nats of each survivor at these shares of its steps, linear between evals: (survivors, shares)."""
    known = dict(iter(evals.sort_values("step").groupby("trial")))
    rows = [
        np.interp(shares * steps, known[trial]["step"], known[trial]["loss_nats"])
        for trial, steps in zip(survivors["trial"], survivors["steps"], strict=True)
    ]
    return np.array(rows).reshape(len(survivors), len(shares))


def _features(survivors: pd.DataFrame, space: Space, curves: np.ndarray) -> np.ndarray:
    """Standardize the features; k choices are divided by sqrt(k), so that together they weigh as much as one number."""
    columns = [standardize(one) / np.sqrt(one.shape[1]) for one in features_of(survivors, space).values()]
    return np.column_stack([*columns, standardize(curves)])


def standardize(features: np.ndarray) -> np.ndarray:
    """Subtract the mean of each column and divide by its standard deviation; a constant column becomes 0."""
    if not len(features):
        return features
    features = features / magnitude(features)
    spread = features.std(axis=0)
    varies = spread > SAME * np.abs(features).max(axis=0)
    return np.where(varies, (features - features.mean(axis=0)) / np.where(varies, spread, 1.0), 0.0)


def _fit(features: np.ndarray, k: int, restarts: int, seed: int, start: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    state = derive_seed(seed, f"cluster/{k}", start) % 2**32
    return KMeans(n_clusters=k, n_init=restarts, random_state=state).fit_predict(features)


def order_by_loss(labels: np.ndarray, losses_nats: np.ndarray) -> np.ndarray:
    """Renumber the labels from 0, in order of the mean final loss."""
    means = {label: losses_nats[labels == label].mean() for label in set(labels.tolist())}
    number = {label: i for i, label in enumerate(sorted(means, key=lambda label: (means[label], label)))}
    return np.array([number[label] for label in labels.tolist()], int)


def _describe(
    cluster: int, part: pd.DataFrame, space: Space, shares: np.ndarray, curves: np.ndarray, silhouettes: np.ndarray | None
) -> Cluster:
    """Describe a cluster from its trials, their curves and their silhouettes."""
    steps, values, common = float(part["steps"].max()), dict[str, Value](), dict[str, float]()
    for name in space:
        values[name], share = _centre(part[name], space[name])
        if share is not None:
            common[name] = share
    low = middle = high = None
    if silhouettes is not None:
        middle, low, high = (round(float(one), 9) for one in (silhouettes.mean(), silhouettes.min(), silhouettes.max()))
    return Cluster(
        cluster=cluster,
        size=len(part),
        mean_final_loss_nats=float(part["final_loss_nats"].mean()),
        min_final_loss_nats=float(part["final_loss_nats"].min()),
        values=values,
        shares=common,
        silhouette=middle,
        silhouette_low=low,
        silhouette_high=high,
        curve=tuple(
            CurvePoint(share * steps, loss) for share, loss in zip(shares.tolist(), curves.mean(axis=0).tolist(), strict=True)
        ),
    )


def _centre(values: pd.Series, dimension: Dimension) -> tuple[Value, float | None]:
    """Give the centre of values on their scale; for choices the commonest one (the first where several are) and its share."""
    if isinstance(dimension, Choice):
        counts = [int((values == choice).sum()) for choice in dimension.choices]
        return dimension.choices[counts.index(max(counts))], max(counts) / len(values)
    return float(np.exp(np.log(values).mean()) if dimension.is_log else values.mean()), None
