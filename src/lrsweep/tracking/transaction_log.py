"""W&B's transaction log, run-ID.wandb: what an offline run logged, and what `wandb sync` uploads.

It is a LevelDB log (blocks of 32 KiB, records in pieces with a checksum each) of protocol buffers. wandb 0.31 reads it in Go
alone, so the framing is read here. wandb's own classes parse the records.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrsweep.errors import UserError

HEADER = struct.Struct("<4sHB")  # ":W&B", magic number, version
PIECE = struct.Struct("<IHB")  # CRC-32 of kind and data, length of the data, kind
MAGIC = (b":W&B", 0xBEE1, 0)
BLOCK_BYTES = 32768
FULL, FIRST, MIDDLE, LAST = range(1, 5)


class _CutOff(Exception):
    """The log cannot be read past some byte."""


@dataclass
class LoggedRun:
    """A run as it was logged: its ID and display name, its configuration and its rows, each with W&B's `_step`.

    broken: why rows may be missing at the end; None where the run's end is there.
    """

    name: str = ""
    display_name: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    broken: str | None = None


def read(path: Path) -> LoggedRun:
    """Read an offline run.

    Raises:
        UserError: the file is damaged or cut off, or its run has not ended.
    """
    run = scan(path)
    if run.broken:
        raise UserError(run.broken)
    return run


def scan(path: Path) -> LoggedRun:
    """Read an offline run as far as it can be read.

    Raises:
        UserError: the file is none of W&B's.
    """
    from google.protobuf.message import DecodeError
    from wandb.proto.wandb_internal_pb2 import Record

    run, number, ended = LoggedRun(), 0, False
    try:
        for data in _records(path):
            record = Record()
            record.ParseFromString(data)
            match record.WhichOneof("record_type"):
                case "run":
                    run.name, run.display_name = record.run.run_id, record.run.display_name
                    run.config |= _values(record.run.config.update)
                case "config":
                    run.config |= _values(record.config.update)
                case "history":
                    run.rows.append({"_step": record.history.step.num, **_values(record.history.item)})
                case "exit":
                    ended = True
            number += 1
    except DecodeError as error:
        run.broken = f"{path}: record {number + 1}: not one of W&B's ({error}); the file is damaged: copy it again"
    except _CutOff as error:
        run.broken = f"{path}: {error}; copy it again"
    if not ended and not run.broken:
        run.broken = (
            f"{path}: ends after {len(run.rows)} rows without the run's end: it was cut off, was killed, or still runs;"
            " wait for it"
        )
    return run


def _values(items: Any) -> dict[str, Any]:
    """Give values by key; the parts of a nested key are joined by dots, as on W&B's pages."""
    found = {}
    for item in items:
        typed = item.WhichOneof("value") if "value" in item.DESCRIPTOR.oneofs_by_name else None
        value = getattr(item, typed) if typed and typed != "none" else None
        if typed in (None, "json"):
            text = item.json if typed else item.value_json
            value = json.loads(text) if text else None
        found[item.key or ".".join(item.nested_key)] = value
    return found


def _records(path: Path) -> Iterator[bytes]:
    """Read the records of the log, each put together from its pieces."""
    data = path.read_bytes()
    if len(data) < HEADER.size or HEADER.unpack_from(data) != MAGIC:
        raise UserError(f"{path}: found no W&B header, expected the file run-ID.wandb of an offline run; name that")
    position = HEADER.size
    parts: list[bytes] = []
    while position < len(data):
        left = BLOCK_BYTES - position % BLOCK_BYTES
        if left < PIECE.size:  # too little for a piece: the rest of the block is padding
            position += left
            continue
        start = position + PIECE.size
        if start > len(data):
            raise _CutOff(f"cut off at byte {position}, expected whole records")
        checksum, length, kind = PIECE.unpack_from(data, position)
        piece = data[start : start + length]
        if len(piece) < length:
            raise _CutOff(f"cut off at byte {position}, expected whole records")
        if zlib.crc32(bytes([kind]) + piece) != checksum or bool(parts) != (kind in (MIDDLE, LAST)):
            raise _CutOff(f"damaged at byte {position}: its checksum does not fit, expected whole records")
        position = start + length
        parts.append(piece)
        if kind in (FULL, LAST):
            yield b"".join(parts)
            parts = []
    if parts:
        raise _CutOff(f"cut off at byte {position}, expected whole records")
