"""report: one self-contained page with the answer first and the evidence after it."""

import json

import pandas as pd
from plotly.offline import get_plotlyjs

from lrsweep import figures, files, report
from lrsweep.config.params import Params
from lrsweep.figures.drawing import LABELS
from lrsweep.report import plots
from lrsweep.store import artifacts

# The parameters that the page shows, as dvc.yaml lists them for this stage: no other may change it.
SHOWN = {"seed", "corpus", "tokenize", "model", "optimizer", "evaluation", "sweep_uniform", "sweep_bayes", "train", "generate"}

SHAPES_SHOWN = 10  # of the best trials


def run(params: Params) -> None:
    """Writes index.html."""
    results, bayes = artifacts.RESULTS, params.sweep_bayes
    names = {"edge": "edge/edge", "clusters": "cluster/clusters", "assess": "assess/assess", "choice": "select/choice"}
    found = {name: artifacts.read_json(results / f"{path}.json") for name, path in names.items()}
    final = artifacts.read_json(results / "train/metrics.json")
    importance = artifacts.read_json(results / "importance/importance.json")
    lines = (results / "generate/completions.jsonl").read_text(encoding="utf-8").split("\n")
    drawn = {name: pd.read_csv(results / f"figures/{name}.csv") for name in ("exploration", "isolation")}
    svgs, pngs = ({name: (results / f"figures/{name}.{kind}").read_bytes() for name in figures.NAMES} for kind in ("svg", "png"))
    terms = bayes.steps // bayes.eval_every - bayes.metric.window
    content = {
        "simulated": artifacts.is_marked(),
        **found,
        "setting": params.model_dump(mode="json", include=SHOWN),
        "labels": LABELS,
        "final": final,
        "importance": importance,
        "importances": report.importance_rows(importance, LABELS),
        "shapes": artifacts.read(results / "cluster/shapes.parquet").head(SHAPES_SHOWN).to_dict("records"),
        "candidates": report.candidate_rows(found["choice"]),
        "completions": [json.loads(line) for line in lines if line],
        "warnings": report.final_messages(final, found["choice"]) + report.messages(**{name: found[name] for name in names}),
        "states": artifacts.read(results / "sweep_bayes/trials.parquet")["state"].value_counts().sort_index().to_dict(),
        "rungs": report.rung_rows(artifacts.read(results / "sweep_bayes/rungs.parquet")),
        "kappas": report.kappa_rows(terms, bayes.metric.window),
        "terms": terms,
        "correlations": artifacts.read(results / "assess/correlations.parquet").to_dict("records"),
        "figures": report.inline(svgs, pngs),
        "plots": plots.make(**drawn),
        "plotly_js": get_plotlyjs(),
    }
    files.write_text(artifacts.folder("report") / "index.html", report.render(content))
