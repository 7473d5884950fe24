"""Formats of source files: plain text, JSON lines and parquet, each also compressed. The bytes of a file tell its format."""

import codecs
import io
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from lrsweep.errors import UserError

END_OF_TEXT = "<|endoftext|>"
CHUNK_BYTES = 1 << 20
DOCUMENT_LIMIT = 1 << 22  # characters of a document, which memory holds (0.14 kB each when encoded); War and Peace has 3.2 M
BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")

COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}  # first bytes, and pyarrow's name
REFUSED = {
    b"PK\x03\x04": "a zip archive (or an Office document)",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\xfd7zXZ\x00": "xz",
    b"\x04\x22\x4d\x18": "lz4",
    b"Rar!": "a rar archive",
    b"ARROW1": "an Arrow file",
    b"%PDF": "a PDF",
    b"{\\rtf": "RTF",
    b"\xff\xfe": "UTF-16 or UTF-32",
    b"\xfe\xff": "UTF-16 or UTF-32",
}
TAR = 257, b"ustar"
ENDINGS = {".zip", ".7z", ".xz", ".lz4", ".rar", ".arrow", ".pdf", ".tar", ".tgz", ".docx", ".epub"}  # of an address
REMEDY = "make a text, JSON lines or parquet file of it (each may be compressed with gzip, bzip2 or zstd)"
JSON_BEGINNING = re.compile(r'\s*(\{\s*"[^"]*"\s*:|\[\s*\{\s*")')
Format = Literal["text", "json", "parquet"]


def refuse_ending(name: str) -> str | None:
    """Give the ending of a name which says that the file cannot be read; None where nothing speaks against it."""
    endings = Path(name.lower()).suffixes[-2:]
    return next((ending for ending in endings if ending in ENDINGS), None)


def format_of(path: Path) -> Format:
    """Tell the format of a file from its beginning.

    Raises:
        UserError: it is an archive or another file that holds no plain text, or it cannot be read.
    """
    with _reading(path):
        with path.open("rb") as file:
            magic = file.read(TAR[0] + len(TAR[1]))
        if magic.startswith(b"PAR1"):
            return "parquet"
        _refuse_binary(path, magic)
        with _opened(path) as opened:
            beginning = opened.read(1 << 12)
        _refuse_binary(path, beginning)
    return "json" if JSON_BEGINNING.match(beginning.decode("utf-8-sig", errors="replace")) else "text"


def plain(paths: Iterable[Path]) -> list[Path]:
    """Give the files that are plain text."""
    return [path for path in paths if format_of(path) == "text"]


def has_mark(path: Path, mark: str) -> bool:
    """Say whether a text file has a mark anywhere."""
    tail = ""
    for text in read_text(path):
        if mark in tail + text:
            return True
        tail = (tail + text)[1 - len(mark) or len(tail + text) :]  # the mark may lie across two pieces
    return False


def documents(path: Path, separator: str | None, column: str) -> Iterator[str]:
    """Split a file into stripped, non-empty documents.

    Plain text is split at the separator (None: at blank lines). In JSON lines and parquet a line or a row is a document, and
    `column` is its text. The mark <|endoftext|> ends a document in any format.

    Raises:
        UserError: the file cannot be read, has no such column, or a document is longer than DOCUMENT_LIMIT.
    """
    match format_of(path):
        case "parquet":
            found: Iterable[str] = _parquet(path, column)
        case "json":
            found = _json_lines(path, column)
        case _:
            found = split(path, separator)
    for document in found:
        yield from filter(None, (part.strip() for part in document.split(END_OF_TEXT)))


def split(path: Path, separator: str | None) -> Iterator[str]:
    """Split the text of a file at a separator; None splits at blank lines.

    Raises:
        UserError: it is not UTF-8 text, or DOCUMENT_LIMIT characters have no separator.
    """
    # Read text has \n alone, so a separator with \r\n would never be met.
    mark = BLANK_LINES if separator is None else re.compile(re.escape(separator.replace("\r\n", "\n")))
    rest = ""  # the beginning of a document whose end has not been read
    for text in read_text(path):
        *whole, rest = mark.split(rest + text)
        yield from whole
        if len(rest) > DOCUMENT_LIMIT:
            raise UserError(
                f"{path}: found more than {DOCUMENT_LIMIT} characters without a separator, expected documents;"
                " set corpus.separator to what stands between them"
            )
    yield rest


def read_text(path: Path) -> Iterator[str]:
    """Read the text of a file in pieces, without a byte order mark, and with each line end (\\r\\n, \\r) as \\n.

    Raises:
        UserError: it is empty, cut short, not UTF-8, or cannot be read.
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")(), translate=True)
    position = lines = 0
    try:
        with _reading(path), _opened(path) as file:
            while data := file.read(CHUNK_BYTES):
                _refuse_nul(path, data, position, lines)
                yield decoder.decode(data)
                position += len(data)
                lines += data.count(b"\n")
            yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        # error.object is what was left over from the piece before, and this piece.
        at = position + len(data) - len(error.object) + error.start
        line = lines + error.object[: error.start].count(b"\n") + 1
        found = f"found a byte that is not UTF-8 at {at} (line {line})"
        raise UserError(f"{path}: {found}, expected UTF-8 text; convert it, as iconv -t UTF-8 does") from None
    if position == 0:
        raise UserError(f"{path}: found an empty file, expected UTF-8 text; fill it or leave it out")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn a failure to read a file into one line."""
    try:
        yield
    except OSError as error:
        found = str(error.strerror or error).lower().splitlines()[0]
        raise UserError(f"{path}: found {found}, expected a file of UTF-8 text; correct the path or its rights") from None


def _opened(path: Path) -> Any:
    """Open the bytes of a file, decompressed where they are compressed."""
    with path.open("rb") as file:
        magic = file.read(4)
    compression = next((name for start, name in COMPRESSED.items() if magic.startswith(start)), None)
    if compression is None:
        return path.open("rb")
    import pyarrow

    return pyarrow.input_stream(str(path), compression=compression)


def _refuse_binary(path: Path, data: bytes) -> None:
    found = next((name for start, name in REFUSED.items() if data.startswith(start)), None)
    if data[TAR[0] :].startswith(TAR[1]):
        found = "a tar archive"
    if found == "UTF-16 or UTF-32":
        raise UserError(f"{path}: found {found}, expected UTF-8 text; convert it: iconv -f UTF-16 -t UTF-8")
    if found:
        raise UserError(f"{path}: found {found}, expected UTF-8 text; {REMEDY}")


def _refuse_nul(path: Path, data: bytes, position: int, lines: int) -> None:
    if (at := data.find(0)) >= 0:
        where = f"{position + at} (line {lines + data.count(bytes([10]), 0, at) + 1})"
        raise UserError(f"{path}: found a NUL byte at {where}, expected UTF-8 text; is it binary, or UTF-16? Convert it")


def _json_lines(path: Path, column: str) -> Iterator[str]:
    for number, line in enumerate(split(path, "\n"), start=1):
        if line.strip():
            yield _value(path, f"line {number}", _object(path, number, line), column)


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UserError(
            f"{path}: line {number}: found JSON that is not an object on one line, expected JSON lines;"
            f" write one object a line: jq -c '.[]' where it is a list, jq -c . where it is spread over lines"
        )
    return found


def _value(path: Path, place: str, row: dict[str, Any], column: str) -> str:
    """Give the text of a row."""
    if column not in row:
        keys = ", ".join(sorted(row)[:8])
        raise UserError(f"{path}: {place}: found the keys {keys}, expected {column!r}; set corpus.column to that of the text")
    text = row[column]
    if not isinstance(text, str):
        found = f"{column!r} of type {type(text).__name__}"
        raise UserError(f"{path}: {place}: found {found}, expected text; set corpus.column, or leave the row out")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise UserError(f"{path}: {place}: found a NUL or half a character, expected whole text; leave the row out, or mend it")
    if len(text) > DOCUMENT_LIMIT:
        raise UserError(f"{path}: {place}: found more than {DOCUMENT_LIMIT} characters, expected a document; split it")
    return io.IncrementalNewlineDecoder(None, translate=True).decode(text, final=True)


def _parquet(path: Path, column: str) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with _reading(path), pq.ParquetFile(path) as file:
            if column not in file.schema_arrow.names:
                _value(path, "columns", dict.fromkeys(file.schema_arrow.names), column)
            row = 0
            for batch in file.iter_batches(batch_size=256, columns=[column]):
                for text in batch.column(0).to_pylist():
                    row += 1
                    yield _value(path, f"row {row}", {column: text}, column)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        said = str(error).splitlines()[0]
        raise UserError(f"{path}: found damaged parquet ({said}), expected a whole file; get it again") from None
