"""Tokens: what is encoded comes back, byte for byte."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from lrsweep.errors import UserError
from lrsweep.text import tokens
from lrsweep.text.corpus import END_OF_TEXT, read_documents
from lrsweep.text.stories import stories


def write_text(path, documents):
    path.write_text("".join(f"{document}\n{END_OF_TEXT}\n" for document in documents), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return write_text(tmp_path_factory.mktemp("text") / "train.txt", stories(0, 200_000))


@pytest.fixture(scope="module")
def tokenizer(text):
    """As later stages have it: written and read back."""
    return Tokenizer.from_str(tokens.train_tokenizer(text, 400).to_str())


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(codec="utf-8")))
@example(text=f"a {END_OF_TEXT} b{END_OF_TEXT}")
@example(text=" two  spaces\n\n\tand \x00 \u2028 \U0001f600 e\u0301 ")
def test_round_trip(tokenizer, text):
    ids = tokens.encode(tokenizer, text)
    assert tokens.decode(tokenizer, ids) == text
    assert 0 not in ids, "a mark in the text of a user is text"


def test_the_vocabulary(tokenizer):
    assert tokenizer.get_vocab_size() == 400 and tokenizer.token_to_id(END_OF_TEXT) == 0
    assert tokens.decode(tokenizer, [0]) == END_OF_TEXT


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_number_of_threads_changes_no_byte(text, tokenizer, threads):
    code = "import sys; from pathlib import Path; from lrsweep.text.tokens import train_tokenizer as train"
    code += "; print(train(Path(sys.argv[1]), 400).to_str())"
    run = subprocess.run(
        [sys.executable, "-c", code, str(text)], env={**os.environ, "RAYON_NUM_THREADS": threads}, capture_output=True, check=True
    )
    assert run.stdout.decode().strip() == tokenizer.to_str()


@pytest.mark.parametrize("limit", ["TRAIN_LIMIT", "WORDS_LIMIT"])
def test_only_the_first_part_of_a_long_text_is_counted(text, tokenizer, monkeypatch, tmp_path, limit):
    documents = list(read_documents(text))
    *others, last = documents
    in_words = sum(len(word.encode()) for word in {word for document in documents for word in document.split()})
    assert set(last.split()) - {word for document in others for word in document.split()}, "the limit is met at the last"
    monkeypatch.setattr(tokens, limit, sum(map(len, documents)) if limit == "TRAIN_LIMIT" else in_words)
    longer = write_text(tmp_path / "longer.txt", [*documents, *["zzqzzq"] * 10_000])
    assert json.loads(tokens.train_tokenizer(longer, 400).to_str()) == json.loads(tokenizer.to_str())


def test_words_count_by_their_bytes_since_a_text_without_spaces_has_long_ones():
    documents = ["十" * 10, "百" * 10, "a"]
    assert list(tokens._first(documents, 1000, 60)) == documents[:2] and list(tokens._first(documents, 1000, 61)) == documents


@pytest.mark.parametrize("batch", [1, 1 << 20])
def test_encoded_text(tokenizer, text, tmp_path, monkeypatch, batch):
    monkeypatch.setattr(tokens, "BATCH_CHARACTERS", batch)
    counts = tokens.encode_file(tokenizer, text, tmp_path / "train.bin")
    data = (tmp_path / "train.bin").read_bytes()
    ids = tokens.load_tokens(tmp_path / "train.bin")
    documents = list(read_documents(text))
    assert counts == {
        "tokens": len(ids),
        "bytes": sum(len(document.encode()) for document in documents),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert int.from_bytes(data[:2], "little") == ids[0] and len(data) == 2 * len(ids)
    assert ids[-1] == 0 and (ids == 0).sum() == len(documents)
    ends = np.flatnonzero(ids == 0)
    pieces = np.split(np.asarray(ids), ends[:-1] + 1)
    assert [tokens.decode(tokenizer, piece[:-1].tolist()) for piece in pieces] == documents


def test_a_text_too_small_for_the_vocabulary(tmp_path):
    path = write_text(tmp_path / "train.txt", ["a b"])
    with pytest.raises(UserError, match=r"tokenize\.vocab_size: found 5000, expected at most the 258"):
        tokens.train_tokenizer(path, 5000)


@pytest.mark.parametrize(("data", "says"), [(None, "no such file"), (b"", "found 0 bytes"), (b"abc", "found 3 bytes")])
def test_a_damaged_file_of_tokens(tmp_path, data, says):
    if data is not None:
        (tmp_path / "train.bin").write_bytes(data)
    with pytest.raises(UserError, match=says):
        tokens.load_tokens(tmp_path / "train.bin")
