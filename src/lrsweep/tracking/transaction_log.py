"""W&B's transaction log, run-ID.wandb: what an offline run logged, and what `wandb sync` uploads.

It is a LevelDB log (blocks of 32 KiB, records in pieces with a checksum each) of protocol buffers. wandb 0.31 reads it in Go
alone, so the framing is read here. wandb's own classes parse the records.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lrsweep.errors import UserError

HEADER = struct.Struct("<4sHB")  # ":W&B", magic number, version
PIECE = struct.Struct("<IHB")  # CRC-32 of kind and data, length of the data, kind
MAGIC = (b":W&B", 0xBEE1, 0)
BLOCK_BYTES = 32768
FULL, FIRST, MIDDLE, LAST = range(1, 5)


class LoggedRun(NamedTuple):
    """A run as it was logged: its ID, its configuration and its rows, each with W&B's `_step`."""

    name: str
    config: dict[str, Any]
    rows: list[dict[str, Any]]


def read(path: Path) -> LoggedRun:
    """Read an offline run.

    Raises:
        UserError: the file is damaged or cut off, or its run has not ended.
    """
    from google.protobuf.message import DecodeError
    from wandb.proto.wandb_internal_pb2 import Record

    name, ended = "", False
    config: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    for number, data in enumerate(_records(path), start=1):
        record = Record()
        try:
            record.ParseFromString(data)
        except DecodeError as error:
            raise UserError(f"{path}: record {number}: not one of W&B's ({error}); the file is damaged: copy it again") from None
        kind = record.WhichOneof("record_type")
        if kind == "run":
            name = record.run.run_id
            config |= _values(record.run.config.update)
        elif kind == "config":
            config |= _values(record.config.update)
        elif kind == "history":
            rows.append({"_step": record.history.step.num, **_values(record.history.item)})
        elif kind == "exit":
            ended = True
    if not ended:
        raise UserError(
            f"{path}: ends after {len(rows)} rows without the run's end: it was cut off, was killed, or still runs;"
            " wait for it, or leave it out (--leave-out)"
        )
    return LoggedRun(name, config, rows)


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
            raise UserError(f"{path}: cut off at byte {position}, expected whole records; copy it again")
        checksum, length, kind = PIECE.unpack_from(data, position)
        piece = data[start : start + length]
        if len(piece) < length:
            raise UserError(f"{path}: cut off at byte {position}, expected whole records; copy it again")
        if zlib.crc32(bytes([kind]) + piece) != checksum or bool(parts) != (kind in (MIDDLE, LAST)):
            raise UserError(
                f"{path}: damaged at byte {position}: its checksum does not fit, expected whole records; copy it again"
            )
        position = start + length
        parts.append(piece)
        if kind in (FULL, LAST):
            yield b"".join(parts)
            parts = []
    if parts:
        raise UserError(f"{path}: cut off at byte {position}, expected whole records; copy it again")
