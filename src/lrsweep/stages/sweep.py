"""The tables that both phases have, from the records of their trials."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lrsweep.runner.sweeps import SweepBayes, SweepUniform
from lrsweep.runner.worker import complete
from lrsweep.search import study
from lrsweep.search.curve import STEP_COLUMNS
from lrsweep.search.evals import eval_rows
from lrsweep.search.trial import Record
from lrsweep.space import Space
from lrsweep.store import imported, records
from lrsweep.store.records import Found


def write_tables(own: SweepUniform | SweepBayes, space: Space, steering: str | None) -> list[Record]:
    """Train what is missing of a phase, write trials, evals and steps, and give the records of its trials in order.

    `steering` names the metric that steered the study, None for none.
    """
    stage, params, results = own.stage, own.params, own.results
    section, metric = getattr(params, stage), params.sweep_bayes.metric
    found = list(imported.load(stage, section) if section.imported else complete(own).found())
    results.simulated |= params.simulate
    rows = [study.trial_row(record, metric, steering) for record, _ in found]
    evals = [row for record, _ in found for row in eval_rows(record, metric)]
    results.write_rows(f"{stage}/trials.parquet", rows, space)
    results.write_rows(f"{stage}/evals.parquet", evals)
    results.write_columns(f"{stage}/steps.parquet", _step_columns(found))
    return [record for record, _ in found]


def _step_columns(found: Sequence[Found]) -> dict[str, Any]:
    """Give the columns of the table `steps`; its rows would take gigabytes in a long study."""
    loaded = [(record.trial, records.load_curve(path)) for record, path in found]
    lengths = [len(curve["lr"]) for _, curve in loaded]
    return {
        "trial": np.repeat([trial for trial, _ in loaded], lengths),
        "step": np.concatenate([np.arange(1, n + 1) for n in lengths]),
        **{name: np.concatenate([curve[name] for _, curve in loaded]) for name in STEP_COLUMNS},
    }
