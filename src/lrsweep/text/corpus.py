"""The corpus: documents from one of three sources, split by document into a text for training, for validation and for the test.

In train.txt, valid.txt and test.txt a line <|endoftext|> ends each document. No document has that mark inside, since it ends a
document in a source too, beside any other separator. Line ends become \\n. Everything is streamed: memory holds a few documents.
"""

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.seeding import derive_seed
from lrsweep.terminal import warn
from lrsweep.text import formats
from lrsweep.text.formats import END_OF_TEXT
from lrsweep.text.settings import HELD_OUT, SIDES, Corpus
from lrsweep.text.sources import repeated, source_files


def read_beginnings(section: Corpus) -> None:
    """Read the beginning of each source file, so that what is not text is refused before any work.

    Raises:
        UserError: a path matches no file, a file cannot be read, or corpus.separator is not met in texts that are read whole.
    """
    paths = source_files(section)
    for path in paths:
        _read_beginning(path, section.column)
    if all(path.stat().st_size < formats.CHUNK_BYTES for path in paths):
        _need_separator(section.separator, paths)


def _read_beginning(path: Path, column: str) -> None:
    # Of a text two pieces, since the end of an empty file shows that it is empty.
    plain = formats.format_of(path) == "text"
    for _ in islice(formats.read_text(path) if plain else formats.documents(path, None, column), 2):
        pass


def write_corpus(section: Corpus, seed: int, folder: Path, downloads: Path) -> dict[str, Any]:
    """Write the texts into a folder, and return what corpus.json says of them.

    Of each side: documents, bytes, sha256; of those held out also `in_training`, the documents that stand in training too.

    Raises:
        UserError: a source is missing, empty or not UTF-8, or a side has no document.
    """
    named = _files(section, downloads)
    copies = repeated([path for _, path in named.values()]) if section.source == "files" else {}
    texts = {side: folder / f"{side}.txt" for side in SIDES}
    prints = _write(_sides(section, [one for one in named.values() if one[1] not in copies], seed), texts)
    splits: dict[str, Any] = {
        side: {"documents": len(prints[side]), "bytes": path.stat().st_size, "sha256": files.digest(path)}
        for side, path in texts.items()
    }
    for side, word in HELD_OUT.items():
        found = splits[side]["in_training"] = int(np.isin(prints[side], prints["train"]).sum())
        if found:
            repeats = f"{found} of {len(prints[side])} {word} documents stand in training too"
            warn(f"{repeats}; corpus.repeated: drop leaves them out")
    sources = [_source(name, path, copies) for name, (_, path) in named.items()]
    return {"source": section.source, "sources": sources, **splits}


def read_documents(path: Path) -> Iterator[str]:
    """Read the documents of train.txt, valid.txt or test.txt, one at a time.

    Raises:
        UserError: the file is missing, empty or damaged.
    """
    return filter(None, map(str.strip, formats.split(path, f"\n{END_OF_TEXT}\n")))


def _source(name: str, path: Path, copies: Mapping[Path, Path]) -> dict[str, Any]:
    """Give what corpus.json says of a source file; one with the bytes of another was not read."""
    found = {"path": name, "bytes": path.stat().st_size, "sha256": files.digest(path)}
    if path not in copies:
        return found
    warn(f"{name} has the text of {copies[path]}, which is read once")
    return {**found, "same_as": str(copies[path])}


def _files(section: Corpus, downloads: Path) -> dict[str, tuple[str, Path]]:
    """Give each source by its name in corpus.json, with its side and the file that holds it; a download is named by its key.

    What has the side `train` is split, unless the other sides have downloads of their own.
    """
    if section.source == "stories":
        return {}
    if section.source == "files":
        return {str(path): ("train", path) for path in source_files(section)}
    from lrsweep.text.download import fetch

    asked = {
        "corpus.url": ("train", section.url, section.sha256),
        "corpus.valid_url": ("valid", section.valid_url, section.valid_sha256),
        "corpus.test_url": ("test", section.test_url, section.test_sha256),
    }
    return {key: (side, fetch(url, sha256, downloads / sha256)) for key, (side, url, sha256) in asked.items() if url and sha256}


def _sides(section: Corpus, sources: list[tuple[str, Path]], seed: int) -> Iterator[tuple[str, str]]:
    """Give the documents of a corpus, each with its side. What has a source of its own is not split off the training text."""
    is_new = _is_new(set()) if section.repeated == "drop" else lambda _: True
    shares = {"valid": section.valid_share, "test": section.test_share}
    shares = {side: share for side, share in shares.items() if side not in dict(sources)}
    if section.source == "stories":
        from lrsweep.text.stories import stories

        return _split(filter(is_new, stories(seed, round(section.stories_mb * 1e6))), shares, seed)
    paths = [path for _, path in sources]
    _need_separator(section.separator, paths)
    separator = section.separator or _find_separator(paths)
    found = [(side, filter(is_new, formats.documents(path, separator, section.column))) for side, path in sources]
    training = chain.from_iterable(texts for side, texts in found if side == "train")
    apart = ((side, text) for side, texts in found if side != "train" for text in texts)
    return chain(_split(training, shares, seed), apart)


def _find_separator(paths: Iterable[Path]) -> str | None:
    """Give <|endoftext|> where any of the plain texts has it, else None."""
    return END_OF_TEXT if any(formats.has_mark(path, END_OF_TEXT) for path in formats.plain(paths)) else None


def _need_separator(separator: str | None, paths: Iterable[Path]) -> None:
    """Refuse a separator that no plain text has, which is a mistake in its spelling."""
    texts = formats.plain(paths)
    if separator is None or not texts or any(formats.has_mark(path, separator.replace("\r\n", "\n")) for path in texts):
        return
    spelled = separator.replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t")
    meant = f"write it in double quotes ({json.dumps(spelled)})" if spelled != separator else "correct it, or write null"
    found = f"found {separator!r} ({len(separator)} characters), which none of the texts has"
    raise UserError(f"corpus.separator: {found}, expected what stands between their documents; {meant}")


def _fingerprint(document: str) -> int:
    return int.from_bytes(blake2b(document.encode(), digest_size=8).digest(), "little")


def _is_new(seen: set[int]) -> Callable[[str], bool]:
    """Make a function that says whether it has not seen a document before."""

    def is_new(document: str) -> bool:
        before = len(seen)
        seen.add(_fingerprint(document))
        return len(seen) > before

    return is_new


def _split(documents: Iterable[str], shares: Mapping[str, float], seed: int) -> Iterator[tuple[str, str]]:
    """Give each document with its side: a draw from (seed, its number) decides, whatever the other documents are.

    shares: of what is held out. The least draws go to validation and the greatest to the test, so that the share of one takes
    nothing from the other. The first document goes to training, the second to validation, and the next one that is not drawn
    for validation to the test: so each side has one without reading the whole text first.
    """
    empty = set(shares)
    for number, document in enumerate(documents):
        drawn = derive_seed(seed, "split", number) / 2**63
        side = "valid" if drawn < shares.get("valid", 0.0) else "test" if drawn >= 1 - shares.get("test", 0.0) else "train"
        if number == 0:
            side = "train"
        elif number == 1 and "valid" in shares:
            side = "valid"
        elif side == "train" and "test" in empty:
            side = "test"
        empty.discard(side)
        yield side, document


def _write(sides: Iterable[tuple[str, str]], texts: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Write the texts; give the fingerprints of the documents of each."""
    prints = {side: array("Q") for side in texts}
    with ExitStack() as stack:
        opened = {side: stack.enter_context(files.atomic_writer(path)) for side, path in texts.items()}
        for side, document in sides:
            opened[side].write(f"{document}\n{END_OF_TEXT}\n".encode())
            prints[side].append(_fingerprint(document))
        if not all(prints.values()):
            counts = ", ".join(f"{len(prints[side])} for {word}" for side, word in {"train": "training", **HELD_OUT}.items())
            expected = "expected at least one document each; give more text or set corpus.separator"
            raise UserError(f"corpus.source: found {counts}, {expected}")
    return {side: np.array(found) for side, found in prints.items()}
