"""The tables of a study, from the records of its trials."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrsweep.config.params import Params
from lrsweep.search import study
from lrsweep.search.curve import STEP_COLUMNS
from lrsweep.search.evals import eval_rows
from lrsweep.search.trial import Record
from lrsweep.space import Space
from lrsweep.store import records
from lrsweep.store.results import Results

Found = tuple[Record, Path]  # a record and its path, beside which its curve lies


def write_tables(
    stage: str, params: Params, results: Results, found: Sequence[Found], space: Space, steering: str | None
) -> None:
    """Write trials, evals and steps; `steering` names the metric that steered the study, None for none."""
    metric = params.sweep_bayes.metric
    results.simulated |= params.simulate
    rows = [study.trial_row(record, metric, steering) for record, _ in found]
    evals = [row for record, _ in found for row in eval_rows(record, metric)]
    results.write_rows(f"{stage}/trials.parquet", rows, space)
    results.write_rows(f"{stage}/evals.parquet", evals)
    results.write_columns(f"{stage}/steps.parquet", _step_columns(found))


def _step_columns(found: Sequence[Found]) -> dict[str, Any]:
    """Give the columns of the table `steps`; its rows would take gigabytes in a long study."""
    loaded = [(record.trial, records.load_curve(path)) for record, path in found]
    lengths = [len(curve["lr"]) for _, curve in loaded]
    return {
        "trial": np.repeat([trial for trial, _ in loaded], lengths),
        "step": np.concatenate([np.arange(1, n + 1) for n in lengths]),
        **{name: np.concatenate([curve[name] for _, curve in loaded]) for name in STEP_COLUMNS},
    }
