"""Formats of texts: each gives the documents that plain text gives, whatever the file is called."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lrsweep.errors import UserError
from lrsweep.text import formats

DOCUMENTS = ["Tom saw a dog.\n\nIt ran.", "Ann had 2 \u2028 lines.", "Ünï. 𝄞"]
LINES = "".join(json.dumps({"id": 1, "text": text}) + "\n" for text in DOCUMENTS)


def plain(path):
    path.write_text("\n##\n".join(DOCUMENTS))


def lines(path):
    path.write_text(LINES)


def windows_lines(path):
    path.write_bytes(b"\xef\xbb\xbf" + LINES.replace("\n", "\r\n").encode() + b"\r\n")


def unescaped(path):
    path.write_text("\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in DOCUMENTS))


def gzipped(path):
    path.write_bytes(gzip.compress(LINES[:50].encode()) + gzip.compress(LINES[50:].encode()))  # in members, as pigz writes


def zstandard(path):
    path.write_bytes(pa.compress(LINES.encode(), "zstd", asbytes=True))


def parquet(path):
    pq.write_table(pa.table({"id": [1, 2, 3], "text": DOCUMENTS}), path)


def large_strings(path):
    pq.write_table(pa.table({"text": pa.array(DOCUMENTS, pa.large_string())}), path, compression="gzip")


@pytest.mark.parametrize("write", [plain, lines, windows_lines, unescaped, gzipped, zstandard, parquet, large_strings])
@pytest.mark.parametrize("name", ["in.txt", "in"])
def test_each_format_gives_the_same_documents(tmp_path, write, name):
    write(tmp_path / name)
    assert list(formats.documents(tmp_path / name, "\n##\n", "text")) == DOCUMENTS


def test_the_mark_ends_a_document_and_line_ends_are_one_kind_in_json_too(tmp_path):
    (tmp_path / "a").write_text(json.dumps({"body": "one\r\nmore <|endoftext|> two"}))
    assert list(formats.documents(tmp_path / "a", None, "body")) == ["one\nmore", "two"]


@pytest.mark.parametrize("beginning", ["{curly} braces", "[Chapter 1]", "{", "[]"])
def test_text_that_begins_with_a_bracket_is_text(tmp_path, beginning):
    (tmp_path / "a").write_text(f"{beginning}\n\nmore")
    assert list(formats.documents(tmp_path / "a", None, "text")) == [beginning, "more"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"text": "\\ud800"}', "line 2: found a NUL or half a character"),
        ('{"text": "a\\u0000"}', "line 2: found a NUL"),
        ('{"text": null}', "line 2: found 'text' of type NoneType"),
        ("[" * 100_000, "line 2: found JSON that is not an object"),
        ('{"text": "a"', "line 2: found JSON that is not an object"),
        (json.dumps({"text": "a" * 2000}), "line 2: found more than 1000 characters"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, monkeypatch, line, says):
    monkeypatch.setattr(formats, "DOCUMENT_LIMIT", 1000 if "2000" in says or "aaa" in line else formats.DOCUMENT_LIMIT)
    (tmp_path / "a").write_text(f'{{"text": "one"}}\n{line}\n')
    with pytest.raises(UserError, match=says if "characters" not in says else "found more than 1000 characters"):
        list(formats.documents(tmp_path / "a", None, "text"))


def test_a_null_row_of_parquet_is_named(tmp_path):
    pq.write_table(pa.table({"text": ["one", None]}), tmp_path / "a")
    with pytest.raises(UserError, match="a: row 2: found 'text' of type NoneType"):
        list(formats.documents(tmp_path / "a", None, "text"))
    with pytest.raises(UserError, match=r"a: columns: found the keys text, expected 'story'; set corpus.column"):
        list(formats.documents(tmp_path / "a", None, "story"))
