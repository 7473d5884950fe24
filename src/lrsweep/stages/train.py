"""train: the final training, at `lr` of params.yaml or, where that is null, at the selected one."""

import math
from pathlib import Path

from safetensors.torch import save as save_tensors

from lrsweep import files
from lrsweep.config.params import Hyperparameters, Params
from lrsweep.search import curves
from lrsweep.search.curves import Curve
from lrsweep.seeding import derive_seed
from lrsweep.stages.data import load
from lrsweep.store import artifacts, locking, records
from lrsweep.trainers import simulated as simulation
from lrsweep.trainers.builtin import training
from lrsweep.trainers.builtin.checkpoints import Series
from lrsweep.trainers.devices import device
from lrsweep.trainers.simulated import is_simulated


def run(params: Params, work: Path) -> None:
    """Writes model.safetensors, evals.parquet, steps.parquet and metrics.json; `work` holds its checkpoints until then."""
    selected = Hyperparameters(**artifacts.read_json(artifacts.RESULTS / "select/choice.json")["selected"])
    hyper = selected if params.lr is None else selected.model_copy(update={"lr": params.lr})
    tokens = artifacts.read_json(artifacts.RESULTS / "tokenize/tokens.json")
    identity = records.canonical_digest([work.parent.name, tokens, hyper.model_dump()])
    with locking.alone(work.parent, int(identity[:8], 16)):  # another workspace may be at the same training
        _train(params, hyper, Series(work / identity[:16], identity, params.execution.checkpoint_every))


def _train(params: Params, hyper: Hyperparameters, saved: Series) -> None:
    folder, seed = artifacts.folder("train"), derive_seed(params.seed, "train")
    training.use_one_thread()
    state = training.start(params.model, params.tokenize.vocab_size, params.optimizer, hyper, seed).move(device(params.execution))
    job = training.Run(params.optimizer, params.train, hyper.lr, seed, params.model.context_length)
    curve = saved.resume(state, None)
    started = curve.last_step
    if is_simulated(params):
        artifacts.mark_simulated()
        observations = simulation.observe(hyper, job, params.train.steps)
    else:
        observations = training.observe(state, job, *load(params), params.train.steps)
        observations = saved.keep(observations, state, curve, params.train.eval_every)
    curves.follow(observations, curve, lambda *_: None)
    files.append_line(saved.folder.parent / "trained.log", f"steps {started} to {curve.last_step}")
    about = {artifacts.SIMULATED: "true"} if artifacts.is_marked() else None  # what is simulated has untrained weights
    files.write_bytes(folder / "model.safetensors", save_tensors(state.model.state_dict(), about))
    evals = [point.__dict__ for point in curve.evals if point.loss_nats is not None]
    artifacts.write_table(folder / "evals.parquet", "final_evals", evals)
    artifacts.write_table(folder / "steps.parquet", "final_steps", list(curves.step_rows(curve.steps)))
    artifacts.write_json(folder / "metrics.json", _metrics(curve, evals, hyper))
    saved.remove()


def _metrics(curve: Curve, evals: list[dict], hyper: Hyperparameters) -> dict:
    counts = artifacts.read_json(artifacts.RESULTS / "tokenize/tokens.json")["valid"]
    loss = evals[-1]["loss_nats"] if curve.state == artifacts.COMPLETE else None
    return {
        **hyper.model_dump(),
        "final_loss_nats": loss,
        "perplexity": None if loss is None else math.exp(loss),
        "bits_per_byte": None if loss is None else loss / math.log(2) * counts["tokens"] / counts["bytes"],
        "steps": curve.last_step,
        "state": curve.state,
    }
