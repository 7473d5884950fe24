"""cluster: k-means of the trials of phase 2 that survived, and the shape of their curves."""

from lrsweep.analysis.clusters import find_clusters
from lrsweep.analysis.shapes import describe_shapes
from lrsweep.config.params import Params
from lrsweep.store import artifacts


def run(params: Params) -> None:
    """Writes assignments.parquet, clusters.json and shapes.parquet."""
    study = artifacts.RESULTS / "sweep_bayes"
    trials = artifacts.read_table(study / "trials.parquet", "trials")
    evals = artifacts.read_table(study / "evals.parquet", "evals")
    clusters, assignments = find_clusters(trials, evals, params.cluster, params.seed)
    folder = artifacts.folder("cluster")
    artifacts.write_json(folder / "clusters.json", clusters)
    artifacts.write_table(folder / "assignments.parquet", "assignments", assignments)
    artifacts.write_table(folder / "shapes.parquet", "shapes", describe_shapes(trials, evals, params.sweep_bayes))
