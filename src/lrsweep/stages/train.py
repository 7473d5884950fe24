"""train: train the final model with the selected values, or `lr` of params.yaml, and what it is compared with."""

import math
from collections.abc import Mapping
from typing import Any

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.runner.final import FinalTraining
from lrsweep.runner.trainer import trained_values
from lrsweep.runner.worker import complete
from lrsweep.search.evals import step_rows
from lrsweep.search.plan import Task
from lrsweep.search.trial import Record
from lrsweep.store import records
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Train where there is no record of it; write weights, tables, compare.json and metrics.json."""
    study, task = complete(FinalTraining(params, results)), Task(0, 0, params.train.steps)
    record, path, weights = study.done[task], study.path(task), study.weights(task)
    results.simulated |= params.simulate
    if not params.trainer:  # a script keeps its own
        assert weights is not None, "a training without them is not whole"
        files.write_bytes(results.path("train/model.safetensors"), weights)
    results.write_rows("train/evals.parquet", [point.__dict__ for point in record.evals if point.loss_nats is not None])
    results.write_rows("train/steps.parquet", list(step_rows(records.load_curve(path))))
    tokens = None if params.trainer else results.read_json("tokenize/tokens.json")
    comparison = study.comparison
    results.write_json("train/compare.json", comparison)
    metrics = _metrics(record, study.test_loss_nats(task), params, tokens)
    results.write_json("train/metrics.json", {**metrics, "gain_nats": comparison.gain_nats})


def _metrics(record: Record, test_nats: float | None, params: Params, tokens: Mapping[str, Any] | None) -> dict[str, Any]:
    """Give the numbers of the final training. Perplexity and bits per byte are of the test loss, else of the validation loss.

    tokens: what tokens.json says of each text; a script has none.
    """
    side, loss = ("valid", record.final_loss_nats) if test_nats is None else ("test", test_nats)
    counts = tokens and tokens[side]
    return {
        **record.proposal.values,
        **trained_values(params, record.proposal.values, params.train),
        "test_loss_nats": test_nats,
        "final_loss_nats": record.final_loss_nats,
        "perplexity": None if loss is None else _exp(loss),
        "bits_per_byte": None if loss is None or counts is None else loss / math.log(2) * counts["tokens"] / counts["bytes"],
        "steps": record.steps,
        "state": record.state,
    }


def _exp(loss_nats: float) -> float | None:
    """Give e to the loss; None where that is larger than any float."""
    try:
        return math.exp(loss_nats)
    except OverflowError:
        return None
