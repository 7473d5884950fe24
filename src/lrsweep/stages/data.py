"""What every training run reads: the training tokens, and the fixed validation batches."""

import numpy as np

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.store import artifacts
from lrsweep.text import tokens

FOLDER = artifacts.RESULTS / "tokenize"

Data = tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]


def load(params: Params) -> Data:
    """The training ids, mapped, and the inputs and targets N x B x T of the evals.

    Raises:
        UserError: a token file is missing or damaged, or shorter than one context.
    """
    size = params.evaluation.batches, params.optimizer.batch_size, params.model.context_length
    recorded = artifacts.read_json(FOLDER / "tokens.json")
    train, valid = (_tokens(f"{name}.bin", recorded[name]["sha256"]) for name in ("train", "valid"))
    tokens.need_a_window(train, params.model.context_length, "training")
    return train, tokens.fixed_batches(valid, *size)


def _tokens(name: str, sha256: str) -> np.ndarray:
    """The ids of a token file that is what tokenize has written: what is trained on another one would be kept in work/."""
    path = FOLDER / name
    found = tokens.load_tokens(path)
    if files.digest(path) != sha256:
        raise UserError(f"{path}: its digest is not the one in {FOLDER}/tokens.json; remove it (rm {path}) and run again")
    return found
