"""edge: find the maximum stable LR from phase 1, and the LR range of phase 2."""

from lrsweep.analysis.edge import find_edge
from lrsweep.config.params import Params
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Write edge.json, bins.parquet and metrics.json."""
    tables = {name: results.read_table(f"sweep_uniform/{name}.parquet") for name in ("trials", "evals", "steps")}
    edge, bins = find_edge(**tables, section=params.edge, study=params.sweep_uniform, seed=params.seed)
    results.write_json("edge/edge.json", edge)
    results.write_rows("edge/bins.parquet", bins)
    ends = {name: getattr(edge, name) for name in ("edge_lr", "edge_low_lr", "edge_high_lr")}
    results.write_json("edge/metrics.json", {**ends, "diverged": edge.counts.diverged})
