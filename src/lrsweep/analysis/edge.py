"""The edge of stability, from phase 1: which maximum LR still trains well, and what the gradient norm does up to there.

The edge is the largest LR whose smoothed final loss is within `tolerance` of the floor. valley.py does the smoothing. A diverged
trial counts as one that learned nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lrsweep.analysis import settings
from lrsweep.analysis.endings import Counts, Ending, Instability, count_endings, describe_endings, find_instability
from lrsweep.analysis.outliers import Decade, Outlier, find_outliers, sampling
from lrsweep.analysis.ranges import Range
from lrsweep.analysis.spikes import Spikes, bin_steps, count_spikes, mark_spikes
from lrsweep.analysis.valley import fit_edge, means_by_lr
from lrsweep.search.settings import SweepUniform
from lrsweep.search.trial import DIVERGED
from lrsweep.seeding import generator

Row = dict[str, Any]


@dataclass(frozen=True)
class Bracket:
    """The highest stable LR that was tried, and the lowest one beyond the edge; None where all are stable."""

    stable_lr: float
    unstable_lr: float | None


@dataclass(frozen=True)
class Best:
    """The trial with the lowest final loss."""

    trial: int
    lr: float
    final_loss_nats: float | None


@dataclass(frozen=True)
class FitPoint:
    """A distinct LR: the mean final loss there, and the fitted one."""

    lr: float
    loss_nats: float
    fit_nats: float


@dataclass(frozen=True)
class Estimate:
    """The edge with its 95 % interval, and the fit behind it.

    edge_high_lr is None where the interval is open above. All values are None where no trial learned. A fitted loss up to
    limit_nats is stable.
    """

    edge_lr: float | None
    edge_low_lr: float | None
    edge_high_lr: float | None
    resamples: int
    at_border: bool
    bracket: Bracket | None
    best: Best | None
    limit_nats: float | None
    fit: tuple[FitPoint, ...]
    message: str | None


@dataclass(frozen=True)
class Sensitivity:
    """The LR sensitivity between two LRs, with its 95 % interval."""

    value_nats: float
    low_nats: float | None
    high_nats: float | None
    lr_min: float
    lr_max: float


@dataclass(frozen=True)
class Edge(Estimate):
    """What phase 1 shows. LRs are maximum learning rates; lr_range is the LR range of phase 2."""

    lr_range: Range
    initial_loss_nats: float | None
    counts: Counts
    instability: Instability
    lr_sensitivity: Sensitivity | None
    spikes: Spikes
    outliers: tuple[Outlier, ...]
    sampling: tuple[Decade, ...]
    trials: tuple[Ending, ...]


def find_edge(
    trials: pd.DataFrame, evals: pd.DataFrame, steps: pd.DataFrame, section: settings.Edge, study: SweepUniform, seed: int
) -> tuple[Edge, list[Row]]:
    """Find the edge, and give the rows of the table `bins`."""
    marked = mark_spikes(steps, section)
    initial = _initial_loss(evals)
    endings = describe_endings(trials, evals, marked, study.warmup_steps, section, initial)
    losses = np.array([_capped(row, initial) for row in endings])
    log_lrs = np.log([row.lr for row in endings])
    found = _estimate(log_lrs, losses, endings, section, seed)
    edge = Edge(
        **vars(found),
        lr_range=_range(found, min((row.lr for row in endings), default=study.lr.min), section),
        initial_loss_nats=initial,
        counts=count_endings(endings, section.tolerance),
        instability=find_instability(endings),
        lr_sensitivity=lr_sensitivity(log_lrs, losses, section, seed),
        spikes=count_spikes(marked, found.edge_lr),
        outliers=find_outliers(endings, losses, section),
        sampling=sampling(np.exp(log_lrs), study.lr, section.under_sampled),
        trials=endings,
    )
    return edge, bin_steps(marked, section, study.warmup_steps)


def _initial_loss(evals: pd.DataFrame) -> float | None:
    """Give the median over the trials of the first eval, at step 0: the loss of the untrained model."""
    firsts = evals.sort_values("step").groupby("trial")["loss_nats"].first()
    return float(firsts.median()) if len(firsts) else None


def _capped(row: Ending, initial: float | None) -> float:
    """Give min(final loss, initial loss), since no trial counts as worse than one that learned nothing, as a diverged one did."""
    return min((value for value in (row.final_loss_nats, initial) if value is not None), default=float("inf"))


def _estimate(log_lrs: np.ndarray, losses: np.ndarray, endings: Sequence[Ending], section: settings.Edge, seed: int) -> Estimate:
    """Find the edge with its interval.

    The interval is a percentile bootstrap over trials, widened to the bracket, since nothing is known between the last stable
    trial and the first unstable one. Where no trial was unstable it is open above. In simulations (23 or 60 trials, noise of
    0.02 nats) it contained the true edge in 87 to 100 % of the studies whose draws reached the valley, in about 70 % of those
    with 60 draws on a narrow valley, and in half of those whose 23 uniform draws all lay above the valley.
    """
    learned = np.array([row.learned for row in endings], bool)
    if not learned.any():
        return Estimate(None, None, None, 0, False, None, None, None, (), _no_edge(endings))
    n = len(losses)
    valley = fit_edge(log_lrs, losses, np.ones(n), section.tolerance)
    points, edge, edges = valley.log_lrs, valley.edge_log_lr, []
    draws = generator(seed, "edge/bootstrap").integers(0, n, (section.bootstrap if n >= section.fewest_trials else 0, n))
    for weights in (np.bincount(draw, minlength=n) for draw in draws):
        if learned[weights > 0].any():
            edges.append(fit_edge(log_lrs, losses, weights, section.tolerance).edge_log_lr)
    low, high = np.exp(np.quantile(edges, [0.025, 0.975])).tolist() if edges else (None, None)
    stable, beyond = [float(np.exp(x)) for x in points if x <= edge][-1], [float(np.exp(x)) for x in points if x > edge]
    best = min((row for row in endings if row.learned), key=lambda row: row.final_loss_nats or 0.0)
    return Estimate(
        edge_lr=float(np.exp(edge)),
        edge_low_lr=None if low is None else min(low, stable),
        edge_high_lr=max(high, beyond[0]) if beyond and high is not None else None,
        resamples=len(edges),
        at_border=not beyond,
        bracket=Bracket(stable, beyond[0] if beyond else None),
        best=Best(best.trial, best.lr, best.final_loss_nats),
        limit_nats=valley.limit_nats,
        fit=tuple(
            FitPoint(float(np.exp(x)), mean, fitted)
            for x, mean, fitted in zip(points, valley.losses_nats, valley.fit_nats, strict=True)
        ),
        message=None if beyond else "The highest LR tried is still stable: raise sweep_uniform.lr.max to find the edge",
    )


def _no_edge(endings: Sequence[Ending]) -> str:
    diverged, n = sum(row.state == DIVERGED for row in endings), len(endings)
    tried = f" (the lowest LR tried is {min(row.lr for row in endings):.3g})" if n else ""
    return (
        "No trial of phase 1 trained to its end below the loss at the end of warm-up, so no edge is known:"
        f" {diverged} of {n} diverged; lower sweep_uniform.lr.min{tried}"
    )


def _range(found: Estimate, lowest: float, section: settings.Edge) -> Range:
    """Give phase 2's range: around the edge or, where no trial was stable, below the lowest LR tried.

    It starts below the lower end of the edge's interval, since the edge is found too high where no draw reached the valley.
    """
    edge, low = found.edge_lr, found.edge_low_lr or found.edge_lr
    if edge is None or low is None:
        low, high = lowest / section.below, lowest
    else:
        low, high = low / section.below, edge * section.above
    return Range(float(f"{low:.3g}"), float(f"{high:.3g}"), "log")


def lr_sensitivity(log_lrs: np.ndarray, losses: np.ndarray, section: settings.Edge, seed: int) -> Sensitivity | None:
    """Average min(final loss, initial loss) - best loss over log LR, in nats (Wortsman et al. 2023, arXiv 2309.14322).

    The average covers the LRs tried, linear between the trials, and has a 95 % bootstrap interval. It is None for a single LR.
    Compare two values only where their studies cover the same range.
    """
    if len(losses) == 0 or log_lrs.min() == log_lrs.max() or not np.isfinite(losses).all():
        return None
    ends = log_lrs.min(), log_lrs.max()

    def mean_excess(weights: np.ndarray) -> float:
        points, means, _ = means_by_lr(log_lrs, losses, weights)
        corners = np.concatenate([ends[:1], points, ends[1:]])  # a resample may lack the trials at the ends
        mean = float(np.trapezoid(np.interp(corners, points, means), corners) / (ends[1] - ends[0]))
        return max(0.0, mean - float(means.min()))

    n = len(losses)
    draws = generator(seed, "edge/sensitivity").integers(0, n, (section.bootstrap if n >= section.fewest_trials else 0, n))
    values = [mean_excess(np.bincount(draw, minlength=n)) for draw in draws]
    low, high = np.quantile(values, [0.025, 0.975]).tolist() if values else (None, None)
    return Sensitivity(mean_excess(np.ones(n)), low, high, float(np.exp(ends[0])), float(np.exp(ends[1])))
