"""Whether the metric works: a controlled assessment of the metrics at the rungs, and of the trials that were stopped there.

A sample of the pruned trials, the audit, is trained to its end; those that came near to going on are more likely in it. So each
audited trial stands for the pruned trials that it was sampled from (`search/repeats.py`), and each complete one for itself.
`known` below means the tables of the study with the audited trials on their whole curves (`merged`). Losses are in nats,
resources in steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lrsweep.analysis.ranks import Correlation, kendall_within, spearman_within
from lrsweep.analysis.relations import AgainstLoss, Known, OfLr, Rises, against_loss, of_lr, rises
from lrsweep.analysis.settings import Assess
from lrsweep.search import metric
from lrsweep.search.replaying import finals, replay, summarize_replay, values_at
from lrsweep.search.settings import SweepBayes
from lrsweep.search.trial import PRUNED

Row = dict[str, Any]


@dataclass(frozen=True)
class Audit:
    """What stopping cost and saved, from the audited sample of the pruned trials; see `audit`.

    share: of the pruned trials, the share that is among the best, as the audited ones that stand for them say, with its 95 %
    interval. among_best counts audited trials. Unknown numbers are None.
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
    against_loss: tuple[AgainstLoss, ...]
    rises: Rises | None
    lr: OfLr
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
    stands_for: Mapping[int, float],
    section: Assess,
    sweep: SweepBayes,
    seed: int,
) -> tuple[Assessment, list[Row], list[Row]]:
    """Assess a study, and give the rows of `correlations` and `replay`.

    Audited tables carry the study's trial numbers; stands_for: for each of these, the number of pruned trials that it stands for.
    """
    known, curves = merged(trials, audited_trials), merged(evals, audited_evals)
    pairs = correlations(known, curves, sweep.rungs, stands_for, section)
    ends = Known(known, stands_for, section, seed)
    runs = replay(known, curves, sweep.rungs, sweep.stopping, section.orders, seed)
    found = Assessment(
        metric=sweep.metric.name,
        rungs=sweep.rungs,
        warnings=steering_warnings(pairs, sweep.metric.name),
        audit=audit(trials, audited_trials, stands_for, sweep.steps, section.best_share),
        by_median=by_median(trials, evals, sweep.rungs),
        against_loss=against_loss(ends, curves, sweep.rungs),
        rises=rises(ends, trials, evals, sweep.rungs, sweep.metric.rho),
        lr=of_lr(ends, trials),
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


def correlations(
    known: pd.DataFrame, curves: pd.DataFrame, rungs: Sequence[int], stands_for: Mapping[int, float], section: Assess
) -> list[Row]:
    """Give the rows of `correlations`: rank correlation of each metric at each rung with the final loss, over whole curves.

    Each audited trial has the weight of the pruned trials that it stands for. A correlation that is undefined (too few trials, or
    all the same) is None.
    """
    ends, rows = finals(known), []
    for name in metric.NAMES:
        for rung in rungs:
            values = {trial: value for trial, value in values_at(curves, name, rung).items() if trial in ends}
            x, y = np.array([[value, ends[trial]] for trial, value in sorted(values.items())]).reshape(-1, 2).T
            weights_N = np.array([stands_for.get(trial, 1.0) for trial in sorted(values)])
            row = {"metric": name, "rung": int(rung), "n": len(x)}
            for coefficient, within in (("spearman", spearman_within), ("kendall", kendall_within)):
                found = within(x, y, weights_N) if len(x) >= section.fewest_trials else Correlation(len(x), None, None, None)
                row |= {coefficient: found.value, f"{coefficient}_low": found.low, f"{coefficient}_high": found.high}
            rows.append(row)
    return rows


def audit(trials: pd.DataFrame, audited: pd.DataFrame, stands_for: Mapping[int, float], steps: int, best_share: float) -> Audit:
    """Find what stopping cost and saved, from the audited sample of the pruned trials.

    A trial is among the best if less than best_share of all complete and pruned trials end better, where the audited trials
    stand for all pruned ones. Interval: that of Clopper and Pearson (1934) for a weighted sample (Korn and Graubard 1998), with
    (sum of weights)² / sum of squared weights as its size. The cost is a lower bound, since a trial outside the sample may have
    been better still.
    """
    complete, pruned = np.array(list(finals(trials).values())), trials[trials["state"] == PRUNED]
    ends = audited["final_loss_nats"].astype(float).fillna(np.inf).to_numpy()  # an audited trial can still diverge
    weights, total = np.array([stands_for[trial] for trial in audited["trial"].tolist()]), len(complete) + len(pruned)
    better = [int((complete < end).sum()) + float(weights[ends < end].sum()) for end in ends]
    good = np.array([bool(np.isfinite(end)) and n < best_share * total for end, n in zip(ends, better, strict=True)], bool)
    part, low, high = _share(good, weights)
    best, best_audited = (float(values.min()) if np.isfinite(values).any() else None for values in (complete, ends))
    saved, actual = int((steps - pruned["steps"]).sum()), int(trials["steps"].sum())
    return Audit(
        pruned=len(pruned),
        audited=len(ends),
        among_best=int(good.sum()),
        share=part,
        share_low=low,
        share_high=high,
        best_nats=best,
        best_audited_nats=best_audited,
        cost_nats=None if best is None or best_audited is None else max(0.0, best - best_audited),
        steps_saved=saved,
        share_saved=saved / (actual + saved) if actual + saved else None,
        audit_steps=int(audited["steps"].sum()),
    )


def _share(good: np.ndarray, weights: np.ndarray) -> tuple[float | None, float | None, float | None]:
    """Give the weighted share of what is good, with its 95 % interval."""
    from scipy.special import betaincinv  # only here: the page needs just the types

    if not len(good):
        return None, None, None
    part, size = float(weights[good].sum() / weights.sum()), float(weights.sum() ** 2 / (weights**2).sum())
    low = float(betaincinv(part * size, size - part * size + 1, 0.025)) if part > 0 else 0.0
    high = float(betaincinv(part * size + 1, size - part * size, 0.975)) if part < 1 else 1.0
    return part, low, high


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
