"""gather: the tables of a study (phase 1: sweep_uniform, phase 2: sweep_bayes) from the records of its trials."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lrsweep.search import curves, study
from lrsweep.search.trial import Record
from lrsweep.stages.job import Job
from lrsweep.stages.trials import block_curve_path, block_records
from lrsweep.store import artifacts, imported, records
from lrsweep.store.records import STEP_COLUMNS
from lrsweep.trainers.simulated import is_simulated

Found = tuple[Record, Path]


def sweep_uniform(job: Job) -> None:
    """Writes the tables of phase 1."""
    _write_tables(job, list(found(job)), None)


def sweep_bayes(job: Job) -> None:
    """Writes the tables of phase 2, with its comparisons at the rungs and its proposals."""
    trials = list(found(job))
    _write_tables(job, trials, job.params.sweep_bayes.metric.name)
    folder = artifacts.folder(job.stage)
    rungs = [row for record, _ in trials for row in study.rung_rows(record)]
    artifacts.write_table(folder / "rungs.parquet", "rungs", rungs)
    artifacts.write_table(folder / "proposals.parquet", "proposals", [asdict(record.proposal) for record, _ in trials])
    artifacts.write_json(folder / "summary.json", summary(record for record, _ in trials))


def found(job: Job) -> Iterator[Found]:
    """The records of a study in trial order, each with the path that its curve is found by."""
    section = getattr(job.params, job.stage)
    if section.imported:
        yield from imported.load(job.stage, section)
        return
    first = 0
    if job.stage == "sweep_bayes":
        first = section.first_block
        yield from ((record, block_curve_path(job, record.trial)) for record in block_records(job))
    for trial in range(first, section.trials):
        yield records.load(job.path(trial), job.context), job.path(trial)


def summary(trials: Iterable[Record]) -> Mapping[str, int]:
    """The study in a few numbers, for `dvc metrics`."""
    trials = list(trials)
    states = [record.state for record in trials]
    counts = {
        f"trials_{state.lower()}": states.count(state) for state in (artifacts.COMPLETE, artifacts.PRUNED, artifacts.DIVERGED)
    }
    return {**counts, "steps_trained": sum(record.steps for record in trials)}


def independent(job: Job, n: int) -> Iterator[Record]:
    """The records of a stage whose trials are independent, as far as there are any."""
    for trial in range(n):
        if records.exists(job.path(trial)):
            yield records.load(job.path(trial), job.context)


def _write_tables(job: Job, trials: list[Found], steering: str | None) -> None:
    folder, metric = artifacts.folder(job.stage), job.params.sweep_bayes.metric
    if is_simulated(job.params):
        artifacts.mark_simulated()
    rows: dict[str, list[dict[str, Any]]] = {
        "trials": [study.trial_row(record, metric, steering) for record, _ in trials],
        "evals": [row for record, _ in trials for row in curves.eval_rows(record, metric)],
    }
    for name, table in rows.items():
        artifacts.write_table(folder / f"{name}.parquet", name, table)
    artifacts.write_columns(folder / "steps.parquet", "steps", _step_columns(trials))


def _step_columns(trials: list[Found]) -> dict[str, np.ndarray]:
    """The table `steps` by columns: as rows it would take gigabytes in a long study."""
    loaded = [(record.trial, records.load_curve(path)) for record, path in trials]
    lengths = [len(curve["lr"]) for _, curve in loaded]
    return {
        "trial": np.repeat([trial for trial, _ in loaded], lengths),
        "step": np.concatenate([np.arange(1, n + 1) for n in lengths]),
        **{name: np.concatenate([curve[name] for _, curve in loaded]) for name in STEP_COLUMNS},
    }
