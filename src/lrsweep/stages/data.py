"""What every training run reads: the training tokens, and the fixed validation batches."""

import numpy as np

from lrsweep import artifacts, tokens
from lrsweep.params import Params


def load(params: Params) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """The training ids, mapped, and the inputs and targets N x B x T of the evals.

    Raises:
        UserError: a token file is missing or damaged, or shorter than one context.
    """
    folder = artifacts.RESULTS / "tokenize"
    size = params.evaluation.batches, params.optimizer.batch_size, params.model.context_length
    train = tokens.load_tokens(folder / "train.bin")
    tokens.need_a_window(train, params.model.context_length, "training")
    return train, tokens.fixed_batches(tokens.load_tokens(folder / "valid.bin"), *size)
