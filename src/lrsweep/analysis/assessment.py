"""Whether the metric works: a controlled assessment of the metrics at the rungs, and of the trials that were stopped there.

A random sample of the pruned trials, the audit, is trained to its end. `known` below means the tables of the study with the
audited trials on their whole curves (`merged`). Losses are in nats, resources in steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lrsweep.analysis.settings import Assess
from lrsweep.search import metric
from lrsweep.search.replaying import finals, replay, summarize_replay, values_at
from lrsweep.search.settings import SweepBayes
from lrsweep.search.trial import PRUNED
from lrsweep.seeding import generator

Row = dict[str, Any]


@dataclass(frozen=True)
class Audit:
    """What stopping cost and saved, from the audited sample of the pruned trials; see `audit`.

    share: of the audited trials, the share that is among the best, with its 95 % interval. Unknown numbers are None.
    """

    pruned: int
    audited: int
    among_best: int
    share: float | None
    share_low: float | None
    share_high: float | None
    best_nats: float | None
    best_audited_nats: float | None
    cost_nats: float | None
    steps_saved: int
    share_saved: float | None
    audit_steps: int


@dataclass(frozen=True)
class Split:
    """The number of trials up to the median of a metric at a rung and above it, and how many of each survived."""

    metric: str
    rung: int
    median: float
    below: int
    below_survived: int
    above: int
    above_survived: int


@dataclass(frozen=True)
class Replayed:
    """A stopping rule with a metric, over random orders of the trials; a cost is the loss given up against no stopping."""

    rule: str
    metric: str
    orders: int
    median_steps: float
    median_stopped: float
    median_best_loss_nats: float
    median_cost_nats: float
    mean_cost_nats: float
    kept_best_share: float


@dataclass(frozen=True)
class Assessment:
    """The assessment of the steering metric and of the stopping rule of a study."""

    metric: str
    rungs: tuple[int, ...]
    warnings: tuple[str, ...]
    audit: Audit
    by_median: tuple[Split, ...]
    replay: tuple[Replayed, ...]


def merged(study: pd.DataFrame, audited: pd.DataFrame) -> pd.DataFrame:
    """Replace the rows of the audited trials in a table of the study (trials or evals)."""
    if audited.empty:
        return study
    kept = study[~study["trial"].isin(audited["trial"])]
    return pd.concat([kept, audited[study.columns].astype(study.dtypes)]).sort_values("trial", kind="stable", ignore_index=True)


def assess(
    trials: pd.DataFrame,
    evals: pd.DataFrame,
    audited_trials: pd.DataFrame,
    audited_evals: pd.DataFrame,
    section: Assess,
    sweep: SweepBayes,
    seed: int,
) -> tuple[Assessment, list[Row], list[Row]]:
    """Assess a study, and give the rows of `correlations` and `replay`; audited tables carry the study's trial numbers."""
    known, curves = merged(trials, audited_trials), merged(evals, audited_evals)
    pairs = correlations(known, curves, sweep.rungs, section, seed)
    runs = replay(known, curves, sweep.rungs, sweep.stopping, section.orders, seed)
    found = Assessment(
        metric=sweep.metric.name,
        rungs=sweep.rungs,
        warnings=steering_warnings(pairs, sweep.metric.name),
        audit=audit(trials, audited_trials, sweep.steps, section.best_share),
        by_median=by_median(trials, evals, sweep.rungs),
        replay=tuple(Replayed(**row) for row in summarize_replay(runs)),
    )
    return found, pairs, runs


def steering_warnings(pairs: list[Row], steering: str) -> tuple[str, ...]:
    """Warn of each rung at which the steering metric ranks good trials below bad ones."""
    return tuple(
        f"{steering} steers the study, but at step {row['rung']} it ranks the trials the wrong way round: Spearman correlation "
        f"with the final loss {row['spearman']:.2f}; choose another sweep_bayes.metric.name or a later first_rung"
        for row in pairs
        if row["metric"] == steering and row["spearman"] is not None and row["spearman"] < 0
    )


def correlations(known: pd.DataFrame, curves: pd.DataFrame, rungs: Sequence[int], section: Assess, seed: int) -> list[Row]:
    """Give the rows of `correlations`: rank correlation of each metric at each rung with the final loss, over whole curves.

    Intervals: percentile bootstrap over trials, with the same resamples for all metrics of the same trials. A correlation that
    is undefined (too few trials, or all the same) is None. Complete trials are a larger share here than in the study, and they
    are alike, so that over all trials the correlation is usually higher.
    """
    ends, rows = finals(known), []
    for name in metric.NAMES:
        for rung in rungs:
            values = {trial: value for trial, value in values_at(curves, name, rung).items() if trial in ends}
            x, y = np.array([[value, ends[trial]] for trial, value in sorted(values.items())]).reshape(-1, 2).T
            n = len(x)
            draws = generator(seed, "assess/bootstrap", rung).integers(0, max(1, n), (section.bootstrap, n))
            row = {"metric": name, "rung": int(rung), "n": n}
            for coefficient, function in (("spearman", spearman), ("kendall", kendall)):
                point = low = high = None
                if n >= section.fewest_trials and np.isfinite(whole := function(x, y, np.arange(n)[None])[0]):
                    again = function(x, y, draws)
                    point, (low, high) = float(whole), np.quantile(again[np.isfinite(again)], [0.025, 0.975]).tolist()
                row |= {coefficient: point, f"{coefficient}_low": low, f"{coefficient}_high": high}
            rows.append(row)
    return rows


def spearman(x: np.ndarray, y: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Give Spearman's rho in each resample (a row of indices): Pearson's correlation of mid-ranks; NaN where one is constant."""
    from scipy.stats import rankdata

    a, b = (rankdata(values[draws], axis=1) - (draws.shape[1] + 1) / 2 for values in (x, y))
    with np.errstate(invalid="ignore"):
        return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


def kendall(x: np.ndarray, y: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Give Kendall's tau-b in each resample: sum of s_ij t_ij / sqrt(sum of s_ij² · sum of t_ij²), with signs of differences.

    A pair counts as often as its two trials were drawn together, so the signs are computed once and not for each resample.
    """
    weights = np.array([np.bincount(draw, minlength=len(x)) for draw in draws], float)
    s, t = (np.sign(values[:, None] - values[None]) for values in (x, y))
    both, first, second = (((weights @ signs) * weights).sum(1) for signs in (s * t, s * s, t * t))
    with np.errstate(invalid="ignore"):
        return both / np.sqrt(first * second)


def audit(trials: pd.DataFrame, audited: pd.DataFrame, steps: int, best_share: float) -> Audit:
    """Find what stopping cost and saved, from the audited sample of the pruned trials.

    A trial is among the best if less than best_share of all complete and pruned trials end better, where the audited trials
    stand for all pruned ones. Interval: Clopper and Pearson (1934), exact for sampling with replacement and so a little wide
    here. The cost is a lower bound, since a trial outside the sample may have been better still.
    """
    from scipy.stats import binomtest  # only here: the page needs just the types

    complete, pruned = np.array(list(finals(trials).values())), trials[trials["state"] == PRUNED]
    ends = audited["final_loss_nats"].astype(float).fillna(np.inf).to_numpy()  # an audited trial can still diverge
    weight, total = len(pruned) / len(ends) if len(ends) else 0.0, len(complete) + len(pruned)
    better = [int((complete < end).sum()) + weight * int((ends < end).sum()) for end in ends]
    good = sum(bool(np.isfinite(end)) and count < best_share * total for end, count in zip(ends, better, strict=True))
    interval = binomtest(good, len(ends)).proportion_ci(0.95, method="exact") if len(ends) else None
    best, best_audited = (float(values.min()) if np.isfinite(values).any() else None for values in (complete, ends))
    saved, actual = int((steps - pruned["steps"]).sum()), int(trials["steps"].sum())
    return Audit(
        pruned=len(pruned),
        audited=len(ends),
        among_best=good,
        share=good / len(ends) if len(ends) else None,
        share_low=float(interval.low) if interval else None,
        share_high=float(interval.high) if interval else None,
        best_nats=best,
        best_audited_nats=best_audited,
        cost_nats=None if best is None or best_audited is None else max(0.0, best - best_audited),
        steps_saved=saved,
        share_saved=saved / (actual + saved) if actual + saved else None,
        audit_steps=int(audited["steps"].sum()),
    )


def by_median(trials: pd.DataFrame, evals: pd.DataFrame, rungs: Sequence[int]) -> tuple[Split, ...]:
    """Split the trials at the median of each metric at each rung, as the write-up does."""
    survivors, found = set(finals(trials)), []
    for name in metric.NAMES:
        for rung in rungs:
            values = values_at(evals, name, rung)
            if not values:
                continue
            median = float(np.median(list(values.values())))
            below = {trial for trial, value in values.items() if value <= median}
            above = set(values) - below
            counts = len(below), len(below & survivors), len(above), len(above & survivors)
            found.append(Split(name, int(rung), median, *counts))
    return tuple(found)
