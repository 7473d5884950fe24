"""sweep_bayes: train phase 2, trials that a sampler proposes and a rule stops at rungs."""

from dataclasses import asdict
from typing import Any

from lrsweep.config.params import Params
from lrsweep.runner.sweeps import SweepBayes
from lrsweep.runner.trainer import trained_values
from lrsweep.search import study
from lrsweep.search.trial import Proposal
from lrsweep.stages.sweep import write_tables
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Train what is missing; write the tables of phase 2, with its proposals and its comparisons at rungs."""
    own = SweepBayes(params, results)
    trials = write_tables(own, own.space, params.sweep_bayes.metric.name)
    results.write_rows("sweep_bayes/rungs.parquet", [row for record in trials for row in study.rung_rows(record)])
    results.write_rows("sweep_bayes/proposals.parquet", [_row(record.proposal, params) for record in trials], own.space)
    results.write_json("sweep_bayes/summary.json", study.Summary.of(trials, params.sweep_bayes))


def _row(proposal: Proposal, params: Params) -> dict[str, Any]:
    row = asdict(proposal)
    return {**row.pop("values"), **trained_values(params, proposal.values, params.sweep_bayes), **row}
