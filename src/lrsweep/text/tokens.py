"""Tokens: byte-level BPE, and the text encoded with it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.text.corpus import END_OF_TEXT, read_documents

# The merges are learned from the start of the text: at most so many characters, and so many bytes of different words. The first
# number bounds time and the second memory, since training counts words: 256 M characters of English stories take 29 s and 71 MB.
# Of 60 MB without a space it reads 4 MB, which take 0.20 GB as Latin letters and 0.28 GB as Chinese (1.4 M characters).
TRAIN_LIMIT = 1 << 28
WORDS_LIMIT = 1 << 22
BATCH_CHARACTERS = 1 << 20  # at least one document is encoded at a time, and more up to so many characters: bounds the memory


def train_tokenizer(path: Path, vocab_size: int) -> Tokenizer:
    """Train a byte-level BPE (Sennrich et al. 2016, arXiv 1508.07909) on the documents of a text; <|endoftext|> is id 0.

    A long text is not read to its end: TRAIN_LIMIT and WORDS_LIMIT bound time and memory.

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
    tokenizer.train_from_iterator(_first(read_documents(path), TRAIN_LIMIT, WORDS_LIMIT), trainer)
    found = tokenizer.get_vocab_size()
    if found < vocab_size:
        raise UserError(f"tokenize.vocab_size: found {vocab_size}, expected at most the {found} that {path} gives; lower it")
    return tokenizer


def load_tokenizer(path: Path) -> Tokenizer:
    """Read tokenizer.json.

    Raises:
        UserError: the file is missing or damaged.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; the stage that writes it has not run: `snakemake --cores all` runs it")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing more special
        found = " ".join(str(error).split())
        raise UserError(f"{path}: damaged ({found}), expected a tokenizer; remove it and run the pipeline again") from None


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """Give the ids of a text; a literal <|endoftext|> in it is text, not the special token."""
    tokenizer.encode_special_tokens = True  # not stored in tokenizer.json, so set wherever it matters
    return tokenizer.encode(text, add_special_tokens=False).ids


def decode(tokenizer: Tokenizer, ids: list[int]) -> str:
    """Give the text of ids; bytes that are not UTF-8 become the replacement character."""
    return tokenizer.decode(ids, skip_special_tokens=False)


def encode_file(tokenizer: Tokenizer, text: Path, target: Path) -> dict[str, Any]:
    """Write the ids of a text's documents as uint16 little endian, with <|endoftext|> after each document.

    Returns:
        tokens: ids written, the marks included; bytes: UTF-8 bytes of the documents without separators, so that the loss per byte
        of text is loss · tokens / bytes; sha256: digest of the file written.
    """
    assert tokenizer.get_vocab_size() <= 1 << 16, "ids must fit 16 bits"
    tokenizer.encode_special_tokens = True
    end = np.array([tokenizer.token_to_id(END_OF_TEXT)], dtype="<u2").tobytes()
    n_tokens = n_bytes = 0
    with files.atomic_writer(target) as file:
        for batch in _batches(read_documents(text)):
            n_bytes += sum(len(document.encode()) for document in batch)
            for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
                ids = np.array(encoding.ids, dtype="<u2")
                file.write(ids.tobytes() + end)
                n_tokens += len(ids) + 1
    return {"tokens": n_tokens, "bytes": n_bytes, "sha256": files.digest(target)}


def load_tokens(path: Path) -> np.ndarray:
    """Map the ids of an encoded text into memory.

    Raises:
        UserError: the file is missing, empty or cut short.
    """
    try:
        return np.memmap(path, dtype="<u2", mode="r")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the stage that writes it has not run: `snakemake --cores all` runs it") from None
    except ValueError:
        found = f"{path.stat().st_size} bytes"
        raise UserError(f"{path}: found {found}, expected ids of 2 bytes each; remove it and run the pipeline again") from None


def _first(documents: Iterable[str], limit: int, words_limit: int) -> Iterator[str]:
    """Give documents until they have `limit` characters, or their different words have `words_limit` bytes."""
    given = in_words = 0
    seen: set[str] = set()
    for document in documents:
        yield document
        given += len(document)
        new = set(document.split()) - seen
        seen |= new
        in_words += sum(len(word.encode()) for word in new)
        if given >= limit or in_words >= words_limit:
            return


def _batches(documents: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document)
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
