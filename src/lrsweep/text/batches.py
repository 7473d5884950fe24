"""Batches for training and evals, cut from a tokenized text.

Shapes: N batches, B sequences of a batch, T tokens.
"""

from collections.abc import Iterator

import numpy as np

from lrsweep.errors import UserError


def sample_batch(tokens: np.ndarray, seed: int, step: int, batch_size: int, context_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the inputs and targets B x T of one step, int64: windows at random offsets, from (seed, step) alone.

    A counter-based generator (Philox, Salmon et al. 2011) gives any step without those before it. The step is the highest of
    the counter's four words, so no two steps share a number, and a resumed run has no generator to restore.

    Raises:
        UserError: the text is not longer than one context.
    """
    need_a_window(len(tokens), context_length, "training")
    generator = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, step]))
    starts = generator.integers(0, len(tokens) - context_length, size=batch_size)
    return _windows(tokens, starts, context_length)


def fixed_batches(tokens: np.ndarray, n_batches: int, batch_size: int, context_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the inputs and targets N x B x T of evals, int64: evenly spaced windows from the first to the last.

    Raises:
        UserError: the text is not longer than one context.
    """
    need_a_window(len(tokens), context_length, "validation")
    n_windows, last = n_batches * batch_size, len(tokens) - context_length - 1
    starts = np.arange(n_windows) * last // max(n_windows - 1, 1)  # whole numbers: no rounding that a machine could differ in
    shape = (n_batches, batch_size, context_length)
    inputs, targets = _windows(tokens, starts, context_length)
    return inputs.reshape(shape), targets.reshape(shape)


def all_batches(tokens: np.ndarray, batch_size: int, context_length: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give the inputs and targets B x T of a whole text, int64: windows one after the other, each token a target once.

    The first token is no target, nor are those at the end that fill no window. The last batch may have fewer sequences.

    Raises:
        UserError: the text is not longer than one context.
    """
    need_a_window(len(tokens), context_length, "test")
    starts = np.arange(0, len(tokens) - context_length, context_length)
    for first in range(0, len(starts), batch_size):
        yield _windows(tokens, starts[first : first + batch_size], context_length)


def need_a_window(n_tokens: int, context_length: int, side: str) -> None:
    """Refuse a text that is too short for a window of one context and its target.

    Raises:
        UserError: it has too few tokens; `side` (training, validation, test) names it.
    """
    if n_tokens <= context_length:
        found = f"{context_length} with a {side} text of {n_tokens} tokens"
        share = {"validation": "valid_share", "test": "test_share"}.get(side)
        remedy = "lower it, or give more text" + (f" or a larger corpus.{share}" if share else "")
        raise UserError(f"model.context_length: found {found}, expected less than that; {remedy}")


def _windows(tokens: np.ndarray, starts: np.ndarray, context_length: int) -> tuple[np.ndarray, np.ndarray]:
    windows = np.stack([tokens[start : start + context_length + 1] for start in starts]).astype(np.int64)
    return np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, 1:])
