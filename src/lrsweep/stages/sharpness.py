"""sharpness: critical LR and curvature in a few trials of phase 1, under and over the edge."""

import sys

from lrsweep.config.params import Params
from lrsweep.runner.extent import why_unmeasured
from lrsweep.runner.probing import Probes
from lrsweep.runner.worker import complete
from lrsweep.search.plan import Task
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Write probes.parquet, without a row where nothing is measured; measure what is missing."""
    study, rows = Probes(params, results), []
    for place, trial in enumerate(complete(study).chosen):
        about = {"trial": int(trial["trial"]), "side": trial["side"], "max_lr": float(trial["lr"])}
        rows += [{**about, **row} for row in study.done[Task(place, 0, study.budget.steps)]]
    results.write_rows("sharpness/probes.parquet", rows)
    said = why_unmeasured(params) or f"{len(rows)} probes in {len(study.chosen)} trials"
    print(f"sharpness: {said}", file=sys.stderr)
