"""The tables that both phases have, from the records of their trials."""

from lrsweep.runner.sweeps import SweepBayes, SweepUniform
from lrsweep.runner.tables import step_columns
from lrsweep.runner.trainer import trained_values
from lrsweep.runner.worker import complete
from lrsweep.search import study
from lrsweep.search.evals import eval_rows
from lrsweep.search.trial import Record
from lrsweep.space import Space
from lrsweep.store import imported


def write_tables(own: SweepUniform | SweepBayes, space: Space, steering: str | None) -> list[Record]:
    """Train what is missing of a phase, write trials, evals and steps, and give the records of its trials in order.

    `steering` names the metric that steered the study, None for none.
    """
    stage, params, results = own.stage, own.params, own.results
    section, metric = getattr(params, stage), params.sweep_bayes.metric
    found = list(imported.load(stage, section) if section.imported else complete(own).found())
    results.simulated |= params.simulate
    plain = [trained_values(params, record.proposal.values, section) for record, _ in found]
    rows = [{**study.trial_row(record, metric, steering), **trained} for (record, _), trained in zip(found, plain, strict=True)]
    evals = [row for record, _ in found for row in eval_rows(record, metric)]
    results.write_rows(f"{stage}/trials.parquet", rows, space)
    results.write_rows(f"{stage}/evals.parquet", evals)
    results.write_columns(f"{stage}/steps.parquet", step_columns(found))
    return [record for record, _ in found]
