"""Tokens: byte-level BPE, the encoded text, and the batches that training and evals take from it."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from lrsweep import artifacts
from lrsweep.corpus import END_OF_TEXT, read_documents
from lrsweep.errors import UserError

DOCUMENTS_AT_ONCE = 512  # what is in memory at a time


def train_tokenizer(path: Path, vocab_size: int) -> Tokenizer:
    """Trains a byte-level BPE (Sennrich et al. 2016, arXiv 1508.07909) on the documents of a text; <|endoftext|> is id 0.

    Raises:
        UserError: the text is too small for so many tokens.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(read_documents(path), trainer)
    if tokenizer.get_vocab_size() < vocab_size:
        found = tokenizer.get_vocab_size()
        raise UserError(f"tokenize.vocab_size: found {vocab_size}, expected at most the {found} that {path} gives; lower it")
    return tokenizer


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """The ids of a text; a literal <|endoftext|> in it is text, not the special token."""
    tokenizer.encode_special_tokens = True
    return tokenizer.encode(text, add_special_tokens=False).ids


def decode(tokenizer: Tokenizer, ids: list[int]) -> str:
    """The text of ids; bytes that are no UTF-8 become the replacement character."""
    return tokenizer.decode(ids, skip_special_tokens=False)


def encode_file(tokenizer: Tokenizer, text: Path, target: Path) -> dict[str, Any]:
    """Writes the ids of a text as uint16 little endian, <|endoftext|> after each document; returns counts and digest."""
    tokenizer.encode_special_tokens = True
    end, count = tokenizer.token_to_id(END_OF_TEXT), 0
    documents = read_documents(text)
    with artifacts.atomic_writer(target) as file:
        while batch := list(islice(documents, DOCUMENTS_AT_ONCE)):
            for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
                ids = np.array([*encoding.ids, end], dtype="<u2")
                file.write(ids.tobytes())
                count += len(ids)
    return {"tokens": count, "bytes": text.stat().st_size, "sha256": artifacts.digest(target)}


def load_tokens(path: Path) -> np.ndarray:
    """The ids of an encoded text, mapped and not read.

    Raises:
        UserError: the file is missing or empty.
    """
    try:
        return np.memmap(path, dtype="<u2", mode="r")
    except (FileNotFoundError, ValueError) as error:
        raise UserError(f"{path}: {error}; remove it and run the pipeline again") from None


def sample_batch(tokens: np.ndarray, seed: int, step: int, batch_size: int, context_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets B x T of one step, int64: windows at random offsets, from (seed, step) alone.

    A counter-based generator gives any step without those before it: a resumed run has no generator to restore.
    """
    generator = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, step]))
    starts = generator.integers(0, len(tokens) - context_length, size=batch_size)
    return _windows(tokens, starts, context_length)


def fixed_batches(tokens: np.ndarray, n_batches: int, batch_size: int, context_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets N x B x T for evals, int64: evenly spaced windows, the same for every trial.

    Raises:
        UserError: the text is shorter than one context.
    """
    if len(tokens) <= context_length:
        found = f"{context_length} with a validation text of {len(tokens)} tokens"
        raise UserError(f"model.context_length: found {found}, expected less than that; lower it or give more text")
    starts = np.linspace(0, len(tokens) - context_length - 1, n_batches * batch_size).astype(np.int64)
    shape = (n_batches, batch_size, context_length)
    inputs, targets = _windows(tokens, starts, context_length)
    return inputs.reshape(shape), targets.reshape(shape)


def _windows(tokens: np.ndarray, starts: np.ndarray, context_length: int) -> tuple[np.ndarray, np.ndarray]:
    windows = np.stack([tokens[start : start + context_length + 1] for start in starts]).astype(np.int64)
    return np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, 1:])
