"""train: train the final model with the selected values, and with `lr` of params.yaml where that is set."""

import math
from typing import Any

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.runner.repeats import FinalTraining
from lrsweep.runner.worker import complete
from lrsweep.search.evals import step_rows
from lrsweep.search.plan import Task
from lrsweep.search.trial import Record
from lrsweep.store import records
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Train where there is no record of it; write model.safetensors, evals.parquet, steps.parquet and metrics.json."""
    study, task = complete(FinalTraining(params, results)), Task(0, 0, params.train.steps)
    record, path, weights = study.done[task], study.path(task), study.weights(task)
    assert weights is not None, "a training without them is not whole"
    results.simulated |= params.simulate
    files.write_bytes(results.path("train/model.safetensors"), weights)
    results.write_rows("train/evals.parquet", [point.__dict__ for point in record.evals if point.loss_nats is not None])
    results.write_rows("train/steps.parquet", list(step_rows(records.load_curve(path))))
    results.write_json("train/metrics.json", _metrics(record, results))


def _metrics(record: Record, results: Results) -> dict[str, Any]:
    counts, loss = results.read_json("tokenize/tokens.json")["valid"], record.final_loss_nats
    return {
        **record.proposal.values,
        "final_loss_nats": loss,
        "perplexity": None if loss is None else _exp(loss),
        "bits_per_byte": None if loss is None else loss / math.log(2) * counts["tokens"] / counts["bytes"],
        "steps": record.steps,
        "state": record.state,
    }


def _exp(loss_nats: float) -> float | None:
    """Give e to the loss; None where that is larger than any float."""
    try:
        return math.exp(loss_nats)
    except OverflowError:
        return None
