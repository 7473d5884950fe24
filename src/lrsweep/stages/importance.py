"""importance: measure which hyperparameter matters in phase 2."""

from lrsweep.analysis.importance import rank_hyperparameters
from lrsweep.config.params import Params
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Write importance.json."""
    trials = results.read_table("sweep_bayes/trials.parquet")
    results.write_json("importance/importance.json", rank_hyperparameters(trials, params.importance, params.seed))
