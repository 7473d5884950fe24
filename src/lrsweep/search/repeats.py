"""Which trials of phase 2 are trained again: the candidates of the choice, and the audit of the pruned ones.

Apart from the analysis of both, so that a change there trains nothing again.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from lrsweep.analysis.settings import Assess
from lrsweep.config.params import VARIED
from lrsweep.search.settings import Select
from lrsweep.search.trial import COMPLETE, PRUNED
from lrsweep.seeding import generator

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]


def candidates(trials: "pd.DataFrame", section: Select) -> list[Row]:
    """Candidate 0 is the default; 1, 2, … are the best complete trials, by final loss and then by trial number."""
    best = trials[trials["state"] == COMPLETE].sort_values(["final_loss_nats", "trial"]).head(section.candidates)
    rows = [{"candidate": 0, "trial": None, **section.default.model_dump()}]
    for number, row in enumerate(best.itertuples(), start=1):
        rows.append({"candidate": number, "trial": int(row.trial), **{name: float(getattr(row, name)) for name in VARIED}})
    return rows


def audit_sample(trials: "pd.DataFrame", section: Assess, seed: int) -> list[int]:
    """Numbers of the pruned trials to train to their end; a larger sample begins with the smaller one."""
    pruned = sorted(trials.loc[trials["state"] == PRUNED, "trial"].tolist())
    return generator(seed, "assess/audit").permutation(np.array(pruned, int))[: section.audit_trials].tolist()
