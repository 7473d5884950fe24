"""importance: which hyperparameter matters in phase 2."""

from lrsweep.analysis.importance import rank_hyperparameters
from lrsweep.config.params import Params
from lrsweep.store import artifacts


def run(params: Params) -> None:
    """Writes importance.json."""
    trials = artifacts.read_table(artifacts.RESULTS / "sweep_bayes/trials.parquet", "trials")
    content = rank_hyperparameters(trials, params.importance, params.sweep_bayes, params.seed)
    artifacts.write_json(artifacts.folder("importance") / "importance.json", content)
