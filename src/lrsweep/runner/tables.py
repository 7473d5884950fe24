"""The tables of trained trials, as the analyses read them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lrsweep.search import study
from lrsweep.search.curve import STEP_COLUMNS
from lrsweep.search.evals import eval_rows
from lrsweep.search.settings import Metric
from lrsweep.store import records
from lrsweep.store.columns import TABLES
from lrsweep.store.records import Found


class Tables(NamedTuple):
    """The tables `trials`, `evals` and `steps` of a study."""

    trials: pd.DataFrame
    evals: pd.DataFrame
    steps: pd.DataFrame


def tables_of(found: Sequence[Found], metric: Metric) -> Tables:
    """Give the tables of trials that no metric steered; there is at least one."""
    trials = pd.DataFrame([study.trial_row(record, metric, None) for record, _ in found])
    numbers = dict.fromkeys(("last_loss_nats", "final_loss_nats"), float)  # None where a trial diverged
    return Tables(trials.astype(numbers), evals_of(found, metric), pd.DataFrame(step_columns(found)))


def evals_of(found: Iterable[Found], metric: Metric) -> pd.DataFrame:
    """Give the table `evals`, which has its columns also where no eval is finite."""
    rows = [row for record, _ in found for row in eval_rows(record, metric)]
    return pd.DataFrame(rows, columns=[column.rstrip("?") for column in TABLES["evals"]])


def step_columns(found: Sequence[Found]) -> dict[str, Any]:
    """Give the columns of the table `steps`; its rows would take gigabytes in a long study."""
    loaded = [(record.trial, records.load_curve(path)) for record, path in found]
    lengths = [len(curve["lr"]) for _, curve in loaded]
    return {
        "trial": np.repeat([trial for trial, _ in loaded], lengths),
        "step": np.concatenate([np.arange(1, n + 1) for n in lengths]),
        **{name: np.concatenate([curve[name] for _, curve in loaded]) for name in STEP_COLUMNS},
    }
