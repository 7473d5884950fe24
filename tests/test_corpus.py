"""Corpus and tokens: what goes in comes out, in the same bytes; what cannot be read is named."""

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrsweep import tokens
from lrsweep.corpus import read_documents, source_files, write_corpus
from lrsweep.errors import UserError
from lrsweep.params import Corpus
from lrsweep.stories import stories

STORIES = {"source": "stories", "stories_mb": 0.1, "paths": (), "separator": None, "valid_share": 0.1}
NONE = {"url": None, "sha256": None, "valid_url": None, "valid_sha256": None}


def section(**changes):
    return Corpus(**{**STORIES, **NONE, **changes})


def write(tmp_path, part):
    summary = write_corpus(part, 0, tmp_path / "train.txt", tmp_path / "valid.txt", tmp_path / "downloads")
    return summary, list(read_documents(tmp_path / "train.txt")), list(read_documents(tmp_path / "valid.txt"))


def test_stories_are_split_by_story(tmp_path):
    summary, train, valid = write(tmp_path, section())
    assert set(train).isdisjoint(valid)
    assert sorted(train + valid) == sorted(stories(0, 100_000))
    assert summary["train"]["documents"] == len(train) and 0.03 < len(valid) / len(train) < 0.3


def test_a_story_keeps_its_hero():
    for story in itertools.islice(stories(1, 10**6), 50):
        hero = story.split(" named ")[1].split()[0].strip(",.")
        assert story.count(hero) >= 2


def test_stories_are_the_same_on_every_machine():
    assert (
        hashlib.sha256("\n".join(stories(0, 20_000)).encode()).hexdigest()
        == "563c287882c33c6ce44b9673c2e6a35646335871a8065b375109794f0789ce35"
    )


@pytest.mark.parametrize(
    ("text", "separator"),
    [("one\n\ntwo\n\n\nthree", None), ("one<|endoftext|>two\n<|endoftext|>three", None), ("one#two#three", "#")],
)
def test_documents_of_files(tmp_path, text, separator):
    (tmp_path / "in.txt").write_text(text)
    _, train, valid = write(tmp_path, section(source="files", paths=(str(tmp_path / "*.txt"),), separator=separator))
    assert sorted(train + valid) == ["one", "three", "two"]


def test_windows_line_ends_and_a_byte_order_mark(tmp_path):
    (tmp_path / "in.txt").write_bytes("\ufeffone\r\n\r\ntwo".encode())
    _, train, valid = write(tmp_path, section(source="files", paths=(str(tmp_path / "in.txt"),)))
    assert sorted(train + valid) == ["one", "two"]


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"", "empty"), (b"a\0b", "NUL byte at 1"), (b"abc\xff", "byte at 3 that is not UTF-8"), (b"only one", "found 1 documents")],
)
def test_unusable_files_are_named(tmp_path, data, says):
    (tmp_path / "in.txt").write_bytes(data)
    with pytest.raises(UserError, match=says):
        write(tmp_path, section(source="files", paths=(str(tmp_path / "in.txt"),)))
    assert not (tmp_path / "train.txt").exists()


def test_a_path_without_a_file_is_named():
    with pytest.raises(UserError, match=r"corpus\.paths\[0\]: found 'nowhere/\*\.txt'"):
        source_files(section(source="files", paths=("nowhere/*.txt",)))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    write(folder, section())
    return tokens.train_tokenizer(folder / "train.txt", 400)


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(codec="utf-8")) | st.just("a <|endoftext|> b"))
def test_round_trip(tokenizer, text):
    assert tokens.decode(tokenizer, tokens.encode(tokenizer, text)) == text


def test_encoded_text(tokenizer, tmp_path):
    write(tmp_path, section())
    counts = tokens.encode_file(tokenizer, tmp_path / "valid.txt", tmp_path / "valid.bin")
    ids = tokens.load_tokens(tmp_path / "valid.bin")
    documents = list(read_documents(tmp_path / "valid.txt"))
    assert counts["tokens"] == len(ids) and (ids == 0).sum() == len(documents)
    first = ids[: list(ids).index(0)].tolist()
    assert tokens.decode(tokenizer, first) == documents[0]


def test_a_text_too_small_for_the_vocabulary(tmp_path):
    (tmp_path / "train.txt").write_text("a b\n<|endoftext|>\n")
    with pytest.raises(UserError, match=r"tokenize\.vocab_size: found 5000"):
        tokens.train_tokenizer(tmp_path / "train.txt", 5000)


def test_batches():
    ids = np.arange(1000, dtype="<u2")
    inputs, targets = tokens.sample_batch(ids, 7, 3, 8, 16)
    assert inputs.shape == (8, 16) and (targets == inputs + 1).all()
    assert (tokens.sample_batch(ids, 7, 3, 8, 16)[0] == inputs).all()
    assert (tokens.sample_batch(ids, 7, 4, 8, 16)[0] != inputs).any()
    fixed, _ = tokens.fixed_batches(ids, 2, 3, 16)
    assert fixed.shape == (2, 3, 16) and fixed[0, 0, 0] == 0 and fixed[1, 2, -1] == 998
    with pytest.raises(UserError, match=r"model\.context_length"):
        tokens.fixed_batches(ids[:16], 1, 1, 16)
