"""edge: find the best, the largest near-optimal and the maximum stable LR, and the LR range of phase 2."""

from lrsweep.analysis.edge import Edge, find_edge
from lrsweep.config.params import Params
from lrsweep.runner.refining import Refine
from lrsweep.runner.worker import complete
from lrsweep.store.results import Results

METRICS = ("best_lr", "near_optimal_lr", "max_stable_lr")


def run(params: Params, results: Results) -> None:
    """Train what is missing; write edge.json, bins.parquet, refined.parquet and metrics.json."""
    study = complete(Refine(params, results))
    results.simulated |= params.simulate
    refining = study.refining()
    edge, bins = find_edge(*study.tables, section=params.edge, study=params.sweep_uniform, seed=params.seed, refining=refining)
    unstable = {row.trial: row.unstable for row in refining.endings}
    rows = [
        {
            "run": place,
            "about": study.about(entry),
            "lr": record.proposal.lr,
            "seed": record.seed,
            "state": record.state,
            "final_loss_nats": record.final_loss_nats,
            "unstable": unstable[record.trial],
        }
        for place, (entry, record) in enumerate((entry, study.record(entry)) for entry in study.entries)
    ]
    results.write_json("edge/edge.json", edge)
    results.write_rows("edge/bins.parquet", bins)
    results.write_rows("edge/refined.parquet", rows)
    results.write_json("edge/metrics.json", _metrics(edge))


def _metrics(edge: Edge) -> dict[str, float | int | None]:
    found = {name: getattr(edge, name) for name in METRICS}
    return {**{name: one and one.lr for name, one in found.items()}, "diverged": edge.counts.diverged}
