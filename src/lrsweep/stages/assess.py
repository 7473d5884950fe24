"""assess: whether the metric and the rule of phase 2 did what they are for."""

from typing import Any

import pandas as pd

from lrsweep.analysis.assessment import assess
from lrsweep.search import curves, study
from lrsweep.search.repeats import audit_sample
from lrsweep.stages.gather import independent
from lrsweep.stages.job import Job
from lrsweep.store import artifacts


def run(job: Job) -> None:
    """Writes assess.json, correlations.parquet, replay.parquet and metrics.json."""
    p, source = job.params, artifacts.RESULTS / "sweep_bayes"
    trials = artifacts.read_table(source / "trials.parquet", "trials")
    evals = artifacts.read_table(source / "evals.parquet", "evals")
    sample = audit_sample(trials, p.assess, p.seed)
    records = list(independent(job, len(sample)))
    metric = p.sweep_bayes.metric
    rows = [{**study.trial_row(r, metric, metric.name), "trial": sample[r.trial]} for r in records]
    points = [{**row, "trial": sample[r.trial]} for r in records for row in curves.eval_rows(r, metric)]
    audited = pd.DataFrame(rows, columns=trials.columns), pd.DataFrame(points, columns=evals.columns)
    content, correlations, replay = assess(trials, evals, *audited, p.assess, p.sweep_bayes, p.seed)
    folder = artifacts.folder("assess")
    artifacts.write_table(folder / "correlations.parquet", "correlations", correlations)
    artifacts.write_table(folder / "replay.parquet", "replay", replay)
    artifacts.write_json(folder / "assess.json", content)
    artifacts.write_json(folder / "metrics.json", _metrics(content, correlations))


def _metrics(content: dict[str, Any], correlations: list[dict[str, Any]]) -> dict[str, Any]:
    """How well the steering metric ranks at the first rung, what the rule saved, and what it cost."""
    first = next(row for row in correlations if (row["metric"], row["rung"]) == (content["metric"], content["rungs"][0]))
    audit = {name: content["audit"][name] for name in ("audited", "among_best", "cost_nats", "share_saved")}
    return {"first_rung_spearman": first["spearman"], **audit}
