"""Crossings: the maximum LR from which on the measured curvature, or the step that is taken, exceeds what is stable.

A run exceeds where one of its probes does: the greatest eigenvalue of the preconditioned Hessian its threshold (Cohen et al.
2022, arXiv 2207.14484), or the LR the critical LR along the update. Near a crossing some runs do and some do not, so the crossing
is the LR at which half of them do, with the interval of stability.py.
"""

from dataclasses import dataclass

import pandas as pd

from lrsweep.analysis.ranges import Bounded
from lrsweep.analysis.stability import breaks_of

CURVATURE, STEP = "curvature over its threshold", "learning rate over the critical one"
WARM_UP, AFTER = "in warm-up", "after warm-up"


@dataclass(frozen=True)
class Crossing:
    """The maximum LR at which half of the runs exceed, in one part of the training. runs: those that were measured there."""

    quantity: str
    part: str
    lr: Bounded
    runs: int


@dataclass(frozen=True)
class Measured:
    """The crossings that were measured."""

    crossings: tuple[Crossing, ...]


def measured(probes: pd.DataFrame, seed: int) -> Measured:
    """Find the crossing of each quantity in each part of the training; those of which nothing was measured are left out.

    probes: the table of that name.
    """
    curvature = (probes["eigenvalue"] > probes["threshold"]).where(probes["eigenvalue"].notna())
    known = probes["critical_low_lr"].notna() | probes["critical_high_lr"].notna()
    # no lower end: no step along the update lowers the loss; no upper end: each does
    step = (probes["critical_low_lr"].isna() | (probes["lr"] > probes["critical_lr"])).where(known)
    found = []
    for quantity, exceeds in ((CURVATURE, curvature), (STEP, step)):
        for part in (WARM_UP, AFTER):
            there = exceeds[probes["part"] == part].dropna().astype(bool).groupby([probes["max_lr"], probes["trial"]]).any()
            breaks = breaks_of([(float(lr), bool(one)) for (lr, _), one in there.items()])
            if breaks:
                found.append(Crossing(quantity, part, breaks.lr_at(0.5, seed), len(there)))
    return Measured(tuple(found))
