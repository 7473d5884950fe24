"""The trainer that params.yaml asks for, and its values of names that no study varies."""

import os
from collections.abc import Iterable
from pathlib import Path

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.runner.device import device
from lrsweep.space import Budget, Plain, Value, Values
from lrsweep.store.results import Results
from lrsweep.trainers.builtin import settings, terms
from lrsweep.trainers.builtin.settings import NAMES, SIZES
from lrsweep.trainers.command.trainer import Command
from lrsweep.trainers.trainer import Trainer


def make_trainer(params: Params, results: Results, identity: str, tested: bool = False) -> Trainer:
    """Make the trainer; `identity` is a digest of all that its runs depend on. tested: whether they are told of the test text.

    Raises:
        UserError: the text has not been tokenized yet, or its tokens are damaged.
    """
    if params.simulate:
        from lrsweep.trainers.simulated import Simulated

        return Simulated(NAMES)
    from lrsweep.trainers.builtin.trainer import Builtin

    return Builtin(params.model, params.optimizer, _data(params, results, tested), device(params), identity)


def make_script(params: Params, folder: Path, stops: tuple[int, ...]) -> Command:
    """Make the trainer of a person's script. Its runs have folders in `folder`, and may be stopped at these steps.

    Raises:
        UserError: a file that the script reads is missing.
    """
    assert params.trainer, "there is a script"
    return Command(params.trainer, script_defaults(params), folder, stops, threads(params))


def script_defaults(params: Params) -> dict[str, Value]:
    """Give what a script takes for the names that a configuration leaves out, as all of phase 1 do but `lr`."""
    return {name: value for name, value in params.select.default.items() if name != "lr"}


def threads(params: Params) -> int:
    """Give the threads of a script: its job's on a cluster, else its worker's share of the cores; one if workers are auto."""
    if allotted := os.environ.get("SLURM_CPUS_PER_TASK"):
        return int(allotted)
    workers = params.execution.workers
    return 1 if workers == "auto" else max(1, (os.cpu_count() or 1) // workers)


def completed(params: Params, values: Values, names: Iterable[str], budget: Budget) -> dict[str, Value]:
    """Give a configuration in these names, with the trainer's own value of what it does not set."""
    if params.trainer:
        return {name: value for name, value in {**script_defaults(params), **values}.items() if name in names}
    known = [name for name in names if name in {*NAMES, *SIZES} or name in values]
    return settings.complete(values, known, params.optimizer, params.model, budget)


def default_values(params: Params) -> dict[str, Value]:
    """Give the default configuration in the names of phase 2: `select.default` over the trainer's own values."""
    return completed(params, params.select.default, ("lr", *params.sweep_bayes.space), params.sweep_bayes)


def plain_names(params: Params) -> dict[str, Plain]:
    """Give, of the names of phase 2, those that the trainer turns into others where a run starts, with their plain names."""
    if params.trainer:
        return {}
    known = ((name, terms.TERMS[name]) for name in params.sweep_bayes.space if name in terms.TERMS)
    return {name: Plain(term.name, term.whole) for name, term in known}


def carried_values(params: Params, selected: Values) -> dict[str, Value]:
    """Give the selected values with the terms of `scale.carried` in the place of their plain names; a script has no terms.

    A value without a term stays as it is: no weight decay is none at any length.
    """
    names = params.scale.carried if params.scale and not params.trainer else ()
    known = [name for name in names if selected.get(terms.TERMS[name].name)]
    plain = {terms.TERMS[name].name for name in known}
    shares = {name: terms.read(name, selected, params.sweep_bayes.steps) for name in known}
    return {name: value for name, value in selected.items() if name not in plain} | shares


def trained_values(params: Params, values: Values, budget: Budget) -> dict[str, Value]:
    """Give what a configuration comes to in a run of this length, by the plain names."""
    return {} if params.trainer else terms.trained(values, budget.steps)


def plain_values(params: Params, values: Values, budget: Budget) -> dict[str, Value]:
    """Give a configuration by plain names alone, for a run of this length; a script knows no others."""
    return dict(values) if params.trainer else terms.plain(values, budget.steps)


def _data(params: Params, results: Results, tested: bool):
    from lrsweep.text import batches, tokens
    from lrsweep.trainers.builtin.training import Data

    recorded = results.read_json("tokenize/tokens.json")
    sides = {}
    for side in ("train", "valid", *(("test",) if tested else ())):
        path = results.path(f"tokenize/{side}.bin")
        sides[side] = tokens.load_tokens(path)
        if files.digest(path) != recorded[side]["sha256"]:
            found = f"its digest is not the one in {results.path('tokenize/tokens.json')}"
            raise UserError(f"{path}: {found}, expected what tokenize has written; remove it and run again")
    valid = batches.fixed_batches(
        sides["valid"], params.evaluation.batches, params.optimizer.batch_size, params.model.context_length
    )
    return Data(params.tokenize.vocab_size, sides["train"], valid, sides.get("test"))
