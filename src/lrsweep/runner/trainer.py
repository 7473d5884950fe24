"""The trainer that params.yaml asks for, and its values of names that no study varies."""

from collections.abc import Iterable

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.space import Budget, Value
from lrsweep.store.results import Results
from lrsweep.trainers.builtin.settings import NAMES, fixed
from lrsweep.trainers.devices import device
from lrsweep.trainers.trainer import Trainer


def make_trainer(params: Params, results: Results, identity: str) -> Trainer:
    """Make the trainer; `identity` is a digest of all that its runs depend on.

    Raises:
        UserError: the text has not been tokenized yet, its tokens are damaged, or they are fewer than a context.
    """
    if params.simulate:
        from lrsweep.trainers.simulated import Simulated

        return Simulated(NAMES)
    from lrsweep.trainers.builtin.trainer import Builtin

    return Builtin(params.model, params.optimizer, _data(params, results), device(params.execution.device), identity)


def fixed_values(params: Params, names: Iterable[str], budget: Budget) -> dict[str, Value]:
    """Give the trainer's own values of these names, except `lr`, which has none."""
    own = params.optimizer, params.model, budget
    return {name: fixed(name, *own) for name in names if name in NAMES and name != "lr"}


def default_values(params: Params) -> dict[str, Value]:
    """Give the default configuration in the names of phase 2: `select.default` over the trainer's own values."""
    space, given = params.sweep_bayes.space, params.select.default
    own = {**fixed_values(params, space, params.sweep_bayes), **given}
    return {name: own[name] for name in ("lr", *space) if name in own}


def _data(params: Params, results: Results):
    from lrsweep.text import batches, tokens
    from lrsweep.trainers.builtin.training import Data

    recorded = results.read_json("tokenize/tokens.json")
    context, sides = params.model.context_length, {}
    for side in ("train", "valid"):
        path = results.path(f"tokenize/{side}.bin")
        sides[side] = tokens.load_tokens(path)
        if files.digest(path) != recorded[side]["sha256"]:
            found = f"its digest is not the one in {results.path('tokenize/tokens.json')}"
            raise UserError(f"{path}: {found}, expected what tokenize has written; remove it and run again")
    batches.need_a_window(sides["train"], context, "training")
    valid = batches.fixed_batches(sides["valid"], params.evaluation.batches, params.optimizer.batch_size, context)
    return Data(params.tokenize.vocab_size, sides["train"], valid)
