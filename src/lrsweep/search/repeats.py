"""The trials that are trained again: the candidates of the race, the audit of the pruned trials, the probes of sharpness.

They are chosen here and analysed elsewhere, so that a change of the analysis trains nothing again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrsweep.search.trial import COMPLETE, PRUNED
from lrsweep.seeding import generator
from lrsweep.space import Values

Row = Mapping[str, Any]  # of the table `trials`


@dataclass(frozen=True)
class Candidate:
    """A configuration in the race; `trial` is its trial in phase 2, None for the default."""

    number: int
    trial: int | None
    values: Values


def candidates(trials: Sequence[Row], names: Sequence[str], most: int, default: Values) -> list[Candidate]:
    """Give the default as candidate 0, then up to `most` complete trials, by final loss and then by trial number.

    `names` are what phase 2 varies; the default has a value for each.
    """
    complete = [row for row in trials if row["state"] == COMPLETE]
    best = sorted(complete, key=lambda row: (row["final_loss_nats"], row["trial"]))[:most]
    found = [Candidate(i, row["trial"], {name: row[name] for name in names}) for i, row in enumerate(best, start=1)]
    return [Candidate(0, None, {name: default[name] for name in names}), *found]


def audit_sample(trials: Sequence[Row], most: int, seed: int) -> list[int]:
    """Draw up to `most` pruned trials to train to their end; a larger sample begins with the smaller one."""
    pruned = sorted(row["trial"] for row in trials if row["state"] == PRUNED)
    return generator(seed, "assess/audit").permutation(pruned).tolist()[:most]


def probed(lrs: Sequence[float], edge_lr: float | None, per_side: int) -> list[int]:
    """Choose the trials whose curvature is measured, by index: up to per_side on each side of the edge, even in rank of LR."""
    ranked = sorted(range(len(lrs)), key=lambda i: (lrs[i], i))
    under = [i for i in ranked if edge_lr is not None and lrs[i] <= edge_lr]
    over = [i for i in ranked if i not in under]
    chosen = []
    for side in (under, over):
        places = np.linspace(len(side) - 1, 0, min(per_side, len(side))).round().astype(int).tolist()
        chosen += [side[place] for place in sorted(places)]
    return chosen
