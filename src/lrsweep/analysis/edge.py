"""The edge of stability: the best, the largest near-optimal and the maximum stable LR, from phase 1 and the runs that refine it.

- The best LR has the lowest loss, and stands with the band of LRs that are as good to within 0.5 %.
- Up to the largest near-optimal LR the loss is within 2 % of the best.
- Up to the maximum stable LR training breaks with at most a stated probability. It may lie far above the two others.

The first two come from the profile of the refining runs (profile.py) or, where there are none, from the valley through phase 1's
trials (valley.py); the third comes from whether each run broke (stability.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lrsweep.analysis import settings
from lrsweep.analysis.endings import Counts, Ending, Instability, count_endings, describe_endings, find_instability, judge
from lrsweep.analysis.features import means_by_lr
from lrsweep.analysis.outliers import Decade, Outlier, find_outliers, sampling
from lrsweep.analysis.profile import Interval, Run, are_enough, profile_of
from lrsweep.analysis.ranges import Bounded, Range
from lrsweep.analysis.rising import Rise, rise_of
from lrsweep.analysis.spikes import Spikes, bin_steps, count_spikes, mark_spikes
from lrsweep.analysis.stability import Breaks, breaks_of
from lrsweep.analysis.valley import Valley, valley_of
from lrsweep.search.settings import SweepUniform
from lrsweep.seeding import generator

Row = dict[str, Any]
CURVE_POINTS = 60  # of the probability that training breaks


@dataclass(frozen=True)
class Sensitivity:
    """The LR sensitivity between two LRs, with its 95 % interval."""

    value_nats: float
    low_nats: float | None
    high_nats: float | None
    lr_min: float
    lr_max: float


@dataclass(frozen=True)
class BreakPoint:
    """The probability that training breaks at an LR."""

    lr: float
    probability: float


@dataclass(frozen=True)
class Answers:
    """The three LRs, each with its 95 % interval; None where nothing is known.

    band_low_lr, band_high_lr: the ends of the LRs that are as good as the best one to within 0.5 %. best_loss_nats: the loss
    there. near_optimal_lr: the highest LR whose loss is within the share `tolerance` of the lowest. max_stable_lr: the highest LR
    at which training breaks with at most the probability `stable_to`. spikes_count: whether a run that spikes counts as broken
    there, or losses alone do. half_break_lr: the LR at which half of the runs break.
    """

    best_lr: Bounded | None
    band_low_lr: Bounded | None
    band_high_lr: Bounded | None
    best_loss_nats: Interval | None
    near_optimal_lr: Bounded | None
    tolerance: float
    max_stable_lr: Bounded | None
    stable_to: float
    spikes_count: bool
    half_break_lr: Bounded | None
    break_curve: tuple[BreakPoint, ...]


@dataclass(frozen=True)
class Edge(Answers):
    """What phase 1 and the runs that refine it show. LRs are maximum learning rates; lr_range is the LR range of phase 2.

    refined: the number of these runs. initial_loss_nats: of the untrained model, or rather of the first eval, which is at
    initial_step. norm_rise: where the gradient norm begins to rise in warm-up. missing: what the trainer
    does not say, what is not known for that reason, and what to do.
    """

    refined: int
    valley: Valley
    lr_range: Range
    initial_loss_nats: float | None
    initial_step: int | None
    counts: Counts
    instability: Instability
    lr_sensitivity: Sensitivity | None
    spikes: Spikes
    norm_rise: Rise | None
    missing: tuple[str, ...]
    outliers: tuple[Outlier, ...]
    sampling: tuple[Decade, ...]
    trials: tuple[Ending, ...]


@dataclass(frozen=True)
class Trials:
    """The trials of phase 1 in order of LR: how each ended, and the loss of the untrained model in nats."""

    endings: tuple[Ending, ...]
    initial_loss_nats: float | None


@dataclass(frozen=True)
class Refining:
    """The runs that refine phase 1: those of the profile, and how all of them ended."""

    profile: tuple[Run, ...]
    endings: tuple[Ending, ...]


NOT_REFINED = Refining((), ())


def trials_of(
    trials: pd.DataFrame, evals: pd.DataFrame, marked: pd.DataFrame, section: settings.Edge, study: SweepUniform
) -> Trials:
    """Describe how trials ended. marked: the steps with their spikes."""
    initial = _initial_loss(evals)
    return Trials(describe_endings(trials, evals, marked, study.warmup_steps, section, initial), initial)


def find_edge(
    trials: pd.DataFrame,
    evals: pd.DataFrame,
    steps: pd.DataFrame,
    section: settings.Edge,
    study: SweepUniform,
    seed: int,
    refining: Refining,
) -> tuple[Edge, list[Row]]:
    """Find the three LRs, and give the rows of the table `bins`."""
    marked = mark_spikes(steps, section)
    known = trials_of(trials, evals, marked, section, study)
    endings, initial = known.endings, known.initial_loss_nats
    losses = np.array([_capped(row, initial) for row in endings])
    log_lrs = np.log([row.lr for row in endings])
    valley = valley_of(endings, losses, section, seed)
    found = answers(valley, endings, refining, section, seed)
    near = found.near_optimal_lr
    edge = Edge(
        **vars(found),
        refined=len(refining.endings),
        valley=valley,
        lr_range=_range(found, min((row.lr for row in endings), default=study.lr.min), section),
        initial_loss_nats=initial,
        initial_step=int(evals["step"].min()) if len(evals) else None,
        counts=count_endings(endings, section.tolerance),
        instability=find_instability((*endings, *refining.endings)),
        lr_sensitivity=lr_sensitivity(log_lrs, losses, section, seed) if valley.best else None,
        spikes=count_spikes(marked, near.lr if near else None, {row.trial: row.lr for row in endings}),
        norm_rise=rise_of(steps, study.warmup_steps, seed),
        missing=missing(steps, evals, bool(marked["judged"].any())),
        outliers=find_outliers(endings, losses, section),
        sampling=sampling(np.exp(log_lrs), study.lr, section.under_sampled),
        trials=endings,
    )
    return edge, bin_steps(marked, section, study.warmup_steps)


def answers(valley: Valley, endings: Sequence[Ending], refining: Refining, section: settings.Edge, seed: int) -> Answers:
    """Give the three LRs. The first two are the profile's or, where too few of its runs came to an end, the valley's."""
    every = (*endings, *refining.endings)
    runs, spikes_count = judge(every)
    breaks = breaks_of(runs)
    profile = profile_of(refining.profile, seed, section.tolerance) if are_enough(refining.profile) else None
    best = Bounded(valley.best.lr, None, None) if valley.best else None
    return Answers(
        best_lr=bounded(profile.lr) if profile else best,
        band_low_lr=bounded(profile.band_low) if profile else None,
        band_high_lr=bounded(profile.band_high) if profile else None,
        best_loss_nats=profile.loss_nats if profile else None,
        near_optimal_lr=bounded(profile.near_optimal_lr) if profile else valley.near_optimal_lr,
        tolerance=section.tolerance,
        max_stable_lr=breaks.lr_at(section.stable_to, seed) if breaks else None,
        stable_to=section.stable_to,
        spikes_count=spikes_count,
        half_break_lr=breaks.lr_at(0.5, seed) if breaks else None,
        break_curve=_break_curve(breaks, [row.lr for row in every]) if breaks else (),
    )


def _break_curve(breaks: Breaks, lrs: Sequence[float]) -> tuple[BreakPoint, ...]:
    grid = np.geomspace(min(lrs), max(lrs), CURVE_POINTS).tolist()
    return tuple(BreakPoint(lr, breaks.probability(float(np.log(lr)))) for lr in grid)


def bounded(interval: Interval) -> Bounded:
    """Give the interval of an LR."""
    return Bounded(interval.value, interval.low, interval.high)


def missing(steps: pd.DataFrame, evals: pd.DataFrame, judged: bool) -> tuple[str, ...]:
    """Say what a script does not log, what stays unknown for that reason, and which line to add.

    judged: whether spikes are known of any step.
    """
    found = []
    adding = "log it at each step under a name of your choice, and set trainer.curve.grad_norm to that name"
    if not steps["grad_norm"].notna().any():
        found.append(
            f"The gradient norm is not logged, so spikes are not known, and losses alone say where training breaks: {adding}"
        )
    elif not judged:
        few = "The gradient norm is logged at too few steps, so losses alone say where training breaks, not spikes"
        found.append(f"{few}: log it at each step")
    if not steps["lr"].notna().any() and not evals["lr"].notna().any():
        adding = "log it at each step under a name of your choice, and set trainer.curve.lr to that name"
        found.append(f"The learning rate is not logged, so catapults and norms by learning rate are not known: {adding}")
    return tuple(found)


def _initial_loss(evals: pd.DataFrame) -> float | None:
    """Give the median over the trials of the first eval, at step 0: the loss of the untrained model."""
    firsts = evals.sort_values("step").groupby("trial")["loss_nats"].first()
    return float(firsts.median()) if len(firsts) else None


def _capped(row: Ending, initial: float | None) -> float:
    """Give min(final loss, initial loss), since no trial counts as worse than one that learned nothing, as a diverged one did."""
    return min((value for value in (row.final_loss_nats, initial) if value is not None), default=float("inf"))


def _range(found: Answers, lowest: float, section: settings.Edge) -> Range:
    """Give phase 2's range: around the largest near-optimal LR or, where no trial learned, below the lowest LR tried.

    It starts below the lower end of the interval, since phase 1 alone finds that LR too high where no draw reached the valley.
    """
    near = found.near_optimal_lr
    if near is None or near.lr is None:
        low, high = lowest / section.below, lowest
    else:
        low, high = (near.low or near.lr) / section.below, near.lr * section.above
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
