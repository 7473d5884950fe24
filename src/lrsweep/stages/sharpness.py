"""sharpness: measure critical LR and curvature in a few trials of phase 1, below and above the edge."""

import sys

from lrsweep.config.params import Params
from lrsweep.runner.probing import Probes
from lrsweep.runner.worker import complete
from lrsweep.search.plan import Task
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Measure what is missing; write probes.parquet, which is empty where nothing is measured."""
    study, rows = Probes(params, results), []
    for place, trial in enumerate(complete(study).chosen):
        about = {"trial": int(trial["trial"]), "side": trial["side"], "max_lr": float(trial["lr"])}
        rows += [{**about, **row} for row in study.done[Task(place, 0, study.budget.steps)]]
    results.simulated |= params.simulate
    results.write_rows("sharpness/probes.parquet", rows)
    said = params.unmeasured or f"{len(rows)} probes in {len(study.chosen)} trials"
    print(f"sharpness: {said}", file=sys.stderr)
