"""report: one self-contained page with the answer first and the evidence after it."""

import json

from lrsweep import artifacts, figures, report
from lrsweep.params import Params


def run(params: Params) -> None:
    """Writes index.html."""
    results, bayes = artifacts.RESULTS, params.sweep_bayes
    trials = artifacts.read_table(results / "sweep_bayes/trials.parquet", "trials")
    rungs = artifacts.read_table(results / "sweep_bayes/rungs.parquet", "rungs")
    correlations = artifacts.read_table(results / "assess/correlations.parquet", "correlations")
    names = {"edge": "edge/edge", "clusters": "cluster/clusters", "assess": "assess/assess", "choice": "select/choice"}
    found = {name: artifacts.read_json(results / f"{path}.json") for name, path in names.items()}
    lines = (results / "generate/completions.jsonl").read_text(encoding="utf-8").split("\n")
    content = {
        "simulated": artifacts.is_marked(),
        **found,
        "final": artifacts.read_json(results / "train/metrics.json"),
        "candidates": report.candidate_rows(found["choice"]),
        "completions": [json.loads(line) for line in lines if line],
        "warnings": report.messages(**{name: found[name] for name in names}),
        "states": trials["state"].value_counts().sort_index().to_dict(),
        "rungs": report.rung_rows(rungs),
        "kappas": report.kappa_rows(bayes.steps // bayes.eval_every - bayes.metric.window, bayes.metric.window),
        "terms": bayes.steps // bayes.eval_every - bayes.metric.window,
        "correlations": correlations.to_dict("records"),
        "figures": report.inline({name: (results / f"figures/{name}.svg").read_bytes() for name in figures.NAMES}),
    }
    artifacts.write_text(artifacts.folder("report") / "index.html", report.render(content))
