"""The corpus: documents from one of three sources, split into training and validation text by document.

In train.txt and valid.txt a line <|endoftext|> ends each document. Everything is streamed: memory does not grow with the text.
"""

import codecs
import glob
import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lrsweep import artifacts
from lrsweep.errors import UserError
from lrsweep.params import Corpus
from lrsweep.stories import stories

END_OF_TEXT = "<|endoftext|>"
CHUNK_BYTES = 1 << 20
BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


def source_files(section: Corpus) -> list[Path]:
    """The files that `source: files` reads, in the order of corpus.paths, each glob sorted; none for other sources.

    Raises:
        UserError: a path or a glob matches no file.
    """
    if section.source != "files":
        return []
    found: list[Path] = []
    for number, pattern in enumerate(section.paths):
        matches = [Path(pattern)] if Path(pattern).is_file() else [Path(p) for p in sorted(glob.glob(pattern, recursive=True))]
        files = [path for path in matches if path.is_file()]
        if not files:
            raise UserError(
                f"corpus.paths[{number}]: found {pattern!r}, which names no file, expected UTF-8 text; correct the path"
            )
        found += [path for path in files if path not in found]
    return found


def write_corpus(section: Corpus, seed: int, train: Path, valid: Path, downloads: Path) -> dict[str, Any]:
    """Writes both texts and returns what corpus.json says of them.

    Raises:
        UserError: a source is missing, empty, not UTF-8, or has fewer than two documents.
    """
    sources: list[dict[str, Any]] = []
    if section.source == "stories":
        documents = stories(seed, round(section.stories_mb * 1e6))
        counts = _write_split(documents, section.valid_share, seed, train, valid)
    else:
        files, held_out = _files(section, downloads)
        sources = [{"path": str(p), "bytes": p.stat().st_size, "sha256": artifacts.digest(p)} for p in [*files, *held_out]]
        separator = section.separator or _find_separator([*files, *held_out])
        if held_out:
            counts = [_write_all(split_documents(f, separator), t) for f, t in ((files, train), (held_out, valid))]
        else:
            counts = _write_split(split_documents(files, separator), section.valid_share, seed, train, valid)
    splits = {
        name: {"documents": count, "bytes": path.stat().st_size, "sha256": artifacts.digest(path)}
        for name, count, path in zip(("train", "valid"), counts, (train, valid), strict=True)
    }
    return {"source": section.source, "sources": sources, **splits}


def read_documents(path: Path) -> Iterator[str]:
    """The documents of train.txt or valid.txt."""
    return split_documents([path], f"\n{END_OF_TEXT}\n")


def split_documents(files: Iterable[Path], separator: str | None) -> Iterator[str]:
    """The stripped, non-empty documents of files; a document ends with its file. None splits at blank lines."""
    for path in files:
        rest = ""
        for text in _read_text(path):
            *whole, rest = BLANK_LINES.split(rest + text) if separator is None else (rest + text).split(separator)
            yield from filter(None, (document.strip() for document in whole))
        if rest.strip() and (last := rest.strip().removesuffix(END_OF_TEXT).strip()):
            yield last


def _files(section: Corpus, downloads: Path) -> tuple[list[Path], list[Path]]:
    if section.source == "files":
        return source_files(section), []
    from lrsweep.download import fetch

    assert section.url and section.sha256, "params.py asks for both"
    files = [fetch(section.url, section.sha256, downloads / section.sha256)]
    if section.valid_url and section.valid_sha256:
        return files, [fetch(section.valid_url, section.valid_sha256, downloads / section.valid_sha256)]
    return files, []


def _read_text(path: Path) -> Iterator[str]:
    """The text of a file in pieces, with \\n line ends and without a byte order mark."""
    decoder, position, carry = codecs.getincrementaldecoder("utf-8")(), 0, ""
    if path.stat().st_size == 0:
        raise UserError(f"{path}: empty, expected UTF-8 text; remove it from corpus.paths")
    with path.open("rb") as file:
        while data := file.read(CHUNK_BYTES):
            if b"\0" in data:
                raise UserError(f"{path}: found a NUL byte at {position + data.index(0)}, expected UTF-8 text; is it binary?")
            try:
                text = carry + decoder.decode(data, final=len(data) < CHUNK_BYTES)
            except UnicodeDecodeError as error:
                at = position + error.start
                raise UserError(
                    f"{path}: found a byte at {at} that is not UTF-8, expected UTF-8 text; convert the file"
                ) from None
            if position == 0:
                text = text.removeprefix("\ufeff")
            carry = "\r" if text.endswith("\r") else ""  # its \n may be in the next piece
            position += len(data)
            yield text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
    if carry:
        yield "\n"


def _find_separator(files: list[Path]) -> str | None:
    """<|endoftext|> where any of the files has it."""
    for path in files:
        tail = ""
        for text in _read_text(path):
            if END_OF_TEXT in tail + text:
                return END_OF_TEXT
            tail = text[-len(END_OF_TEXT) :]
    return None


def _write_all(documents: Iterable[str], target: Path) -> int:
    count = 0
    with artifacts.atomic_writer(target) as file:
        for document in documents:
            file.write(_line(document))
            count += 1
    return count


def _line(document: str) -> bytes:
    return f"{document.replace(END_OF_TEXT, ' ')}\n{END_OF_TEXT}\n".encode()


def _write_split(documents: Iterable[str], share: float, seed: int, train: Path, valid: Path) -> list[int]:
    """Each document goes to one side by a draw from (seed, its number); the first two go to one side each."""
    counts = [0, 0]
    with artifacts.atomic_writer(train) as train_file, artifacts.atomic_writer(valid) as valid_file:
        for number, document in enumerate(documents):
            draw = int.from_bytes(hashlib.sha256(f"{seed}/split/{number}".encode()).digest()[:8], "big") / 2**64
            held_out = draw < share if number > 1 else number == 1
            (valid_file if held_out else train_file).write(_line(document))
            counts[held_out] += 1
        if not all(counts):
            found = f"{sum(counts)} documents"
            raise UserError(
                f"corpus: found {found}, expected at least 2, one for each side; set corpus.separator or give more text"
            )
    return counts
