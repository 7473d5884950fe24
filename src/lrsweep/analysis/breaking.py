"""Where training of a variant breaks: which of its runs are broken, by a loss that is the same for all variants."""

from collections.abc import Sequence

import numpy as np

from lrsweep.analysis.profile import Run
from lrsweep.analysis.ranges import Bounded
from lrsweep.analysis.stability import Breaks

HALF = 0.5  # probability of a break at the LR that training is said to break from: few runs say more of it than of a rare break


def limit_nats(baseline: Sequence[Run], untrained_nats: float | None, share: float) -> float | None:
    """Give the loss above which a run is broken: it has learned less than a share of what the baseline's best run has.

    untrained_nats: the loss of the baseline before its first step. None where no run of the baseline has learned.
    """
    best = min((run.loss_nats for run in baseline if run.loss_nats is not None), default=None)
    if best is None or untrained_nats is None or untrained_nats <= best:
        return None
    return untrained_nats - share * (untrained_nats - best)


def is_broken(run: Run, limit: float | None) -> bool:
    """Say whether a run is broken: it diverged, or its loss is above the limit, where there is one."""
    return run.loss_nats is None or (limit is not None and run.loss_nats > limit)


def without_loss(runs: Sequence[Run], limit: float | None) -> list[Run]:
    """Give runs as a profile takes them: a broken one as one that diverged."""
    return [Run(run.lr, run.seed, None if is_broken(run, limit) else run.loss_nats) for run in runs]


def breaks(runs: Sequence[Run], limit: float | None) -> Breaks:
    """Give what runs say of the LRs at which training breaks."""
    return Breaks(np.log([run.lr for run in runs]), np.array([is_broken(run, limit) for run in runs]))


def breaking(runs: Sequence[Run], limit: float | None, seed: int) -> Bounded:
    """Find the LR at which half of the runs break; an end beyond the LRs tried is None. seed: of the posterior's draws."""
    return breaks(runs, limit).lr_at(HALF, seed)


def next_lr(runs: Sequence[Run], limit: float | None, factor: float) -> float:
    """Place the next run where it tells most of where training breaks, up to a factor beyond the LRs tried."""
    lrs = [run.lr for run in runs]
    return breaks(runs, limit).next_lr(HALF, min(lrs) / factor, max(lrs) * factor)
