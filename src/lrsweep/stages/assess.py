"""assess: check whether the metric and the stopping rule of phase 2 work."""

import pandas as pd

from lrsweep.analysis.assessment import assess
from lrsweep.config.params import Params
from lrsweep.runner.repeats import Audit
from lrsweep.runner.trainer import trained_values
from lrsweep.runner.worker import complete
from lrsweep.search import study
from lrsweep.search.evals import eval_rows
from lrsweep.search.plan import Task
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Train what is missing of the audit; write assess.json, metrics.json and the tables."""
    trials, evals = (results.read_table(f"sweep_bayes/{name}.parquet") for name in ("trials", "evals"))
    audit, metric, rows, points = complete(Audit(params, results)), params.sweep_bayes.metric, [], []
    for place, one in enumerate(audit.sample):
        record = audit.done[Task(place, 0, audit.budget.steps)]
        row = {**study.trial_row(record, metric, metric.name), **trained_values(params, record.proposal.values, audit.budget)}
        rows.append({**row, "trial": one.trial})
        known = {"trial": one.trial, "stands_for": one.stands_for, "final_loss_nats": row["final_loss_nats"]}
        points += [{**point, **known} for point in eval_rows(record, metric)]
    audited = pd.DataFrame(rows, columns=trials.columns), pd.DataFrame(points, columns=evals.columns)
    stands_for = {one.trial: one.stands_for for one in audit.sample}
    found, correlations, replay = assess(trials, evals, *audited, stands_for, params.assess, params.sweep_bayes, params.seed)
    results.write_rows("assess/audited.parquet", points)
    results.write_rows("assess/correlations.parquet", correlations)
    results.write_rows("assess/replay.parquet", replay)
    results.write_json("assess/assess.json", found)
    first = next(row for row in correlations if (row["metric"], row["rung"]) == (found.metric, found.rungs[0]))
    audit_metrics = {name: getattr(found.audit, name) for name in ("audited", "among_best", "cost_nats", "share_saved")}
    results.write_json("assess/metrics.json", {"first_rung_spearman": first["spearman"], **audit_metrics})
