"""Settings of the text: where it comes from, and its tokens."""

from typing import Annotated, Literal

from pydantic import Field

from lrsweep.section import Digest, InnerShare, Real, Section, Text, Texts

HELD_OUT = {"valid": "validation", "test": "test"}  # sides that no training reads, each with its word
SIDES = ("train", *HELD_OUT)


class Corpus(Section):
    """Where the text comes from."""

    source: Literal["stories", "files", "url"]
    """stories: built-in generator | files: your own text | url: a download"""
    stories_mb: Annotated[Real, Field(gt=0, le=4096)]
    """stories: size of the text [MB of 10^6 bytes]"""
    paths: Texts
    """files: paths or globs ([data/*.txt]) of text, JSON lines or parquet in data/, each also compressed"""
    separator: Annotated[Text, Field(min_length=1)] | None
    """files, url: text between documents; null: <|endoftext|> where it occurs, else blank lines"""
    column: Text
    """files, url: key of JSON lines, or column of parquet, that holds the text of a document"""
    repeated: Literal["keep", "drop"]
    """documents that came before, to the byte: keep, and count those held out that stand in training too | drop"""
    valid_share: InnerShare
    """share of the documents held out for validation; not used with valid_url [-]"""
    test_share: InnerShare
    """share of the documents held out for the test, which only final losses are measured on; not used with test_url [-]"""
    url: Text | None
    """url: address of the training text"""
    sha256: Digest | None
    """url: SHA-256 that the training text must have"""
    valid_url: Text | None
    """url: address of the validation text; null takes valid_share of the training text"""
    valid_sha256: Digest | None
    """url: SHA-256 that the validation text must have"""
    test_url: Text | None
    """url: address of the test text; null takes test_share of the training text"""
    test_sha256: Digest | None
    """url: SHA-256 that the test text must have"""


class Tokenize(Section):
    """Byte-level BPE."""

    vocab_size: Annotated[int, Field(ge=257, le=65536)]
    """vocabulary: 256 bytes, <|endoftext|>, merges [tokens] (Sennrich et al. 2016, arXiv 1508.07909)"""
