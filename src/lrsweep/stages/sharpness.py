"""sharpness: measure critical LR and curvature in runs across the LRs where training becomes unstable."""

from lrsweep.analysis.crossings import AFTER, WARM_UP, measured
from lrsweep.config.params import Params
from lrsweep.runner.probing import Probes
from lrsweep.runner.worker import complete
from lrsweep.search.plan import Task
from lrsweep.store.results import Results
from lrsweep.terminal import note


def run(params: Params, results: Results) -> None:
    """Measure what is missing; write probes.parquet and crossings.json, which are empty where nothing is measured."""
    study, rows = complete(Probes(params, results)), []
    for place, lr in enumerate(study.lrs):
        for row in study.done[Task(place, 0, study.budget.steps)]:
            part = WARM_UP if row["step"] <= study.budget.warmup_steps else AFTER
            rows.append({"trial": place, "part": part, "max_lr": lr, **row})
    results.simulated |= params.simulate
    results.write_rows("sharpness/probes.parquet", rows)
    probes = results.read_table("sharpness/probes.parquet")
    results.write_json("sharpness/crossings.json", measured(probes, params.seed))
    said = params.unmeasured or f"{len(rows)} probes in {len(study.lrs)} runs"
    note(f"sharpness: {said}")
