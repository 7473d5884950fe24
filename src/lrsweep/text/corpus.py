"""The corpus: documents from one of three sources, split into training and validation text by document.

In train.txt and valid.txt a line <|endoftext|> ends each document. No document has that mark inside, since it ends a document in
a source too, beside any other separator. Line ends become \\n. Everything is streamed: memory holds a few documents.
"""

import codecs
import glob
import io
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.seeding import derive_seed
from lrsweep.text.settings import Corpus

END_OF_TEXT = "<|endoftext|>"
CHUNK_BYTES = 1 << 20
DOCUMENT_LIMIT = 1 << 22  # characters of a document, which memory holds (0.14 kB each when encoded); War and Peace has 3.2 M
BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")


def source_files(section: Corpus) -> list[Path]:
    """List the files that `source: files` reads, in the order of corpus.paths, each glob sorted; none for other sources.

    Raises:
        UserError: a path or a glob matches no file, or a file with a brace in its name.
    """
    if section.source != "files":
        return []
    found: dict[Path, None] = {}  # in order, each once
    for number, pattern in enumerate(section.paths):
        matches = [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern, recursive=True))
        paths = [Path(path) for path in matches if Path(path).is_file()]
        if not paths:
            is_what = "is a folder" if Path(pattern).is_dir() else "names no file"
            remedy = f"write {str(Path(pattern) / '*.txt')!r}" if Path(pattern).is_dir() else "correct the path"
            raise UserError(f"corpus.paths[{number}]: found {pattern!r}, which {is_what}, expected UTF-8 text; {remedy}")
        found.update(dict.fromkeys(paths))
    for path in found:
        if "{" in str(path):
            raise UserError(f"{path}: found a name with a brace, expected one that Snakemake takes for no wildcard; rename it")
    return list(found)


def read_beginnings(section: Corpus) -> None:
    """Read the beginning of each source file, so that what is not text is refused before any work.

    Raises:
        UserError: a path matches no file, or a file is empty, binary or not UTF-8.
    """
    for path in source_files(section):
        for _ in islice(_read_text(path), 2):  # the second piece, since the end of an empty file shows that it is empty
            pass


def write_corpus(section: Corpus, seed: int, train: Path, valid: Path, downloads: Path) -> dict[str, Any]:
    """Write both texts and return what corpus.json says of them: sizes in bytes, digests, numbers of documents.

    Raises:
        UserError: a source is missing, empty or not UTF-8, or there are fewer than two documents (with valid_url: one each).
    """
    sources: list[dict[str, Any]] = []
    if section.source == "stories":
        from lrsweep.text.stories import stories

        documents: Iterable[str] = stories(seed, round(section.stories_mb * 1e6))
        counts = _write(_split(documents, section.valid_share, seed), train, valid)
    else:
        named = _files(section, downloads)
        sources = [{"path": name, "bytes": path.stat().st_size, "sha256": files.digest(path)} for name, path in named]
        paths = [path for _, path in named]
        separator = section.separator or _find_separator(paths)
        sides: Iterable[tuple[bool, str]]
        if section.source == "url" and len(paths) == 2:
            sides = ((side == 1, text) for side, path in enumerate(paths) for text in split_documents([path], separator))
        else:
            sides = _split(split_documents(paths, separator), section.valid_share, seed)
        counts = _write(sides, train, valid)
    splits = {
        name: {"documents": count, "bytes": path.stat().st_size, "sha256": files.digest(path)}
        for name, count, path in zip(("train", "valid"), counts, (train, valid), strict=True)
    }
    return {"source": section.source, "sources": sources, **splits}


def read_documents(path: Path) -> Iterator[str]:
    """Read the documents of train.txt or valid.txt, one at a time.

    Raises:
        UserError: the file is missing, empty or damaged.
    """
    return split_documents([path], f"\n{END_OF_TEXT}\n")


def split_documents(paths: Iterable[Path], separator: str | None) -> Iterator[str]:
    """Split files into stripped, non-empty documents at the separator (None: at blank lines), at <|endoftext|> and between files.

    Raises:
        UserError: a file cannot be read as UTF-8 text, or a document is longer than DOCUMENT_LIMIT.
    """
    # Read text has \n alone, so a separator with \r\n would never be met.
    mark = BLANK_LINES if separator is None else re.compile(re.escape(separator.replace("\r\n", "\n")))
    for path in paths:
        rest = ""  # the beginning of a document whose end has not been read
        for text in _read_text(path):
            *whole, rest = mark.split(rest + text)
            for document in whole:
                yield from _clean(document)
            if len(rest) > DOCUMENT_LIMIT:
                raise UserError(
                    f"{path}: found more than {DOCUMENT_LIMIT} characters without a separator, expected documents;"
                    " set corpus.separator to what stands between them"
                )
        yield from _clean(rest)


def _clean(document: str) -> Iterator[str]:
    yield from filter(None, (part.strip() for part in document.split(END_OF_TEXT)))


def _files(section: Corpus, downloads: Path) -> list[tuple[str, Path]]:
    """Give each source as params.yaml names it, and the file that holds it, which for a download depends on LRSWEEP_WORK."""
    if section.source == "files":
        return [(str(path), path) for path in source_files(section)]
    from lrsweep.text.download import fetch

    assert section.url and section.sha256, "checking.py asks for both"
    found = [(section.url, fetch(section.url, section.sha256, downloads / section.sha256))]
    if section.valid_url and section.valid_sha256:
        found.append((section.valid_url, fetch(section.valid_url, section.valid_sha256, downloads / section.valid_sha256)))
    return found


def _read_text(path: Path) -> Iterator[str]:
    """Read the text of a file in pieces, without a byte order mark, and with each line end (\\r\\n, \\r) as \\n."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")(), translate=True)
    position = lines = 0
    try:
        with path.open("rb") as file:
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
        raise UserError(
            f"{path}: found a byte that is not UTF-8 at {at} (line {line}), expected UTF-8 text; convert it"
        ) from None
    except OSError as error:
        raise UserError(
            f"{path}: found {str(error.strerror).lower()}, expected a file of UTF-8 text; correct the path or its rights"
        ) from None
    if position == 0:
        raise UserError(f"{path}: found an empty file, expected UTF-8 text; fill it or leave it out")


def _refuse_nul(path: Path, data: bytes, position: int, lines: int) -> None:
    if (at := data.find(0)) >= 0:
        where = f"{position + at} (line {lines + data.count(bytes([10]), 0, at) + 1})"
        raise UserError(f"{path}: found a NUL byte at {where}, expected UTF-8 text; is it binary, or UTF-16? Convert it")


def _find_separator(paths: Iterable[Path]) -> str | None:
    """Give <|endoftext|> where any of the files has it, else None."""
    for path in paths:
        tail = ""
        for text in _read_text(path):
            if END_OF_TEXT in tail + text:
                return END_OF_TEXT
            tail = (tail + text)[1 - len(END_OF_TEXT) :]  # the mark may lie across two pieces
    return None


def _split(documents: Iterable[str], share: float, seed: int) -> Iterator[tuple[bool, str]]:
    """Say of each document whether it is held out: a draw from (seed, its number) decides, whatever the other documents are.

    The first goes to training and the second to validation, so that both sides have one without reading the whole text first.
    """
    for number, document in enumerate(documents):
        drawn = derive_seed(seed, "split", number) / 2**63 < share
        yield (drawn if number > 1 else number == 1), document


def _write(sides: Iterable[tuple[bool, str]], train: Path, valid: Path) -> list[int]:
    counts = [0, 0]
    with files.atomic_writer(train) as train_file, files.atomic_writer(valid) as valid_file:
        for held_out, document in sides:
            (valid_file if held_out else train_file).write(f"{document}\n{END_OF_TEXT}\n".encode())
            counts[held_out] += 1
        if not all(counts):
            found = f"found {counts[0]} documents for training and {counts[1]} for validation"
            raise UserError(f"corpus.source: {found}, expected at least one each; give more text or set corpus.separator")
    return counts
