"""edge: the maximum stable LR from phase 1, and the LR range of phase 2."""

from typing import Any

from lrsweep.analysis.edge import find_edge
from lrsweep.config.params import Params
from lrsweep.store import artifacts


def run(params: Params) -> None:
    """Writes edge.json, bins.parquet and metrics.json."""
    tables = {
        name: artifacts.read_table(artifacts.RESULTS / f"sweep_uniform/{name}.parquet", name)
        for name in ("trials", "evals", "steps")
    }
    edge, bins = find_edge(**tables, section=params.edge, budget=params.sweep_uniform, seed=params.seed)
    folder = artifacts.folder("edge")
    artifacts.write_json(folder / "edge.json", edge)
    artifacts.write_table(folder / "bins.parquet", "bins", bins)
    artifacts.write_json(folder / "metrics.json", _metrics(edge))


def _metrics(edge: dict[str, Any]) -> dict[str, Any]:
    return {**{name: edge[name] for name in ("edge_lr", "edge_low_lr", "edge_high_lr")}, "diverged": edge["counts"]["diverged"]}
