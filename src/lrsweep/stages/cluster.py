"""cluster: group the surviving trials of phase 2 by k-means, and describe the shape of their curves."""

from lrsweep.analysis.clusters import find_clusters
from lrsweep.analysis.shapes import describe_shapes
from lrsweep.config.params import Params
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Write assignments.parquet, clusters.json and shapes.parquet."""
    trials, evals = (results.read_table(f"sweep_bayes/{name}.parquet") for name in ("trials", "evals"))
    clusters, assignments = find_clusters(trials, evals, params.cluster, params.seed)
    results.write_json("cluster/clusters.json", clusters)
    results.write_rows("cluster/assignments.parquet", assignments)
    results.write_rows("cluster/shapes.parquet", describe_shapes(trials, evals, params.sweep_bayes))
