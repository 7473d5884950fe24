"""cluster: k-means of the trials of phase 2 that survived."""

from lrsweep import artifacts
from lrsweep.clusters import find_clusters
from lrsweep.params import Params


def run(params: Params) -> None:
    """Writes assignments.parquet and clusters.json."""
    study = artifacts.RESULTS / "sweep_bayes"
    trials = artifacts.read_table(study / "trials.parquet", "trials")
    evals = artifacts.read_table(study / "evals.parquet", "evals")
    clusters, assignments = find_clusters(trials, evals, params.cluster, params.seed)
    folder = artifacts.folder("cluster")
    artifacts.write_json(folder / "clusters.json", clusters)
    artifacts.write_table(folder / "assignments.parquet", "assignments", assignments)
