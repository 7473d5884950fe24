"""assess: whether the metric and the rule of phase 2 did what they are for."""

import pandas as pd

from lrsweep import artifacts, assessment, study
from lrsweep.stages.gather import independent
from lrsweep.stages.trials import Job


def run(job: Job) -> None:
    """Writes assess.json, correlations.parquet and replay.parquet."""
    p, source = job.params, artifacts.RESULTS / "sweep_bayes"
    section, sweep = p.assess, p.sweep_bayes
    trials = artifacts.read_table(source / "trials.parquet", "trials")
    evals = artifacts.read_table(source / "evals.parquet", "evals")
    sample = assessment.audit_sample(trials, section, p.seed)
    records = list(independent(job, len(sample)))
    audited = pd.DataFrame(
        [{**study.trial_row(r, sweep.metric, sweep.metric.name), "trial": sample[r.trial]} for r in records],
        columns=list(trials.columns),
    )
    whole = pd.DataFrame(
        [{**row, "trial": sample[r.trial]} for r in records for row in study.eval_rows(r, sweep.metric)],
        columns=list(evals.columns),
    )
    complete = trials[trials["state"] == artifacts.COMPLETE]
    finals = pd.concat([frame.set_index("trial")["final_loss_nats"].astype(float) for frame in (complete, audited) if len(frame)])
    finals = finals.dropna().sort_index()
    curves = pd.concat([frame for frame in (evals[evals["trial"].isin(complete["trial"])], whole) if len(frame)])
    rows = assessment.correlations(finals, curves, sweep, section, p.seed)
    folder = artifacts.folder("assess")
    artifacts.write_table(folder / "correlations.parquet", "correlations", rows)
    artifacts.write_table(folder / "replay.parquet", "replay", assessment.replay(finals, curves, sweep, section, p.seed))
    artifacts.write_json(
        folder / "assess.json",
        {
            "audit": assessment.audit(trials, audited, sweep),
            "halves": assessment.halves(trials, evals, sweep),
            "steering_metric": sweep.metric.name,
            "negative_rungs": assessment.negative_rungs(rows, sweep.metric.name),
        },
    )
