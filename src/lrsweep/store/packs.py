"""Packs: a hundred records in one file each, so that a trial with thousands of earlier ones in sight reads tens of files.

A pack is made from records by the first job that needs all of them, and is made again where it is damaged: it holds nothing of
its own. The tables of a study are made from the records themselves.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from lrsweep import files
from lrsweep.search.trial import Record
from lrsweep.store import records

SIZE = 100


def load(folder: Path, trials: range, context: str) -> list[Record]:
    """The records of the trials (a range without gaps) in `folder`/trials, in order; whole hundreds come from packs.

    Raises:
        FileNotFoundError, UserError: as records.load.
    """
    found: list[Record] = []
    while len(found) < len(trials):
        first = trials[len(found)]
        if first % SIZE == 0 and first + SIZE <= trials.stop:
            found += _pack(folder, first, context)
        else:
            found.append(records.load(records.record_path(folder / "trials", first), context))
    return found


def _pack(folder: Path, first: int, context: str) -> list[Record]:
    path = folder / "packs" / f"{first // SIZE:05d}.json"
    try:
        digest, _, data = path.read_bytes().partition(b"\n")
        if hashlib.sha256(data).hexdigest().encode() == digest:
            found = [records.from_tree(tree) for tree in json.loads(data)]
            if all(record.context == context for record in found):
                return found
    except FileNotFoundError:
        pass
    found = [records.load(records.record_path(folder / "trials", trial), context) for trial in range(first, first + SIZE)]
    data = json.dumps([asdict(record) for record in found], allow_nan=False).encode()
    files.write_bytes(path, hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
    return found
