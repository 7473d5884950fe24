"""TensorBoard's event files, events.out.tfevents.*: the scalars and the hyperparameters in them.

A file is a sequence of TFRecords: length (uint64), masked CRC-32C of the length, data, masked CRC-32C of the data, all
little-endian. The data are messages `Event` of protocol buffers (tensorflow/core/util/event.proto, framework/summary.proto), of
which few fields matter here, so that neither TensorFlow nor tensorboard is needed.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lrsweep.errors import UserError

PATTERN = "*tfevents*"
LENGTH, CRC = struct.Struct("<Q"), struct.Struct("<I")
LARGEST_BYTES = 1 << 16  # of a record with scalars; images, histograms and graphs are skipped
HPARAMS = "_hparams_/session_start_info"

_TABLE: list[int] = []
for _byte in range(256):
    for _ in range(8):
        _byte = _byte >> 1 ^ (0x82F63B78 if _byte & 1 else 0)
    _TABLE.append(_byte)


class Event(NamedTuple):
    """What was written at one step: scalars by their tags, and hyperparameters where add_hparams wrote some."""

    step: int
    scalars: dict[str, float]
    hparams: dict[str, float | str | bool]


def read(path: Path) -> Iterator[Event]:
    """Read the events that hold scalars or hyperparameters, in order. A last record that was cut off by a kill is left out.

    Raises:
        UserError: a record is damaged.
    """
    for number, data in enumerate(records(path), start=1):
        try:
            found = Event(0, {}, {})
            for field, value in _fields(data):
                if field == 2 and isinstance(value, int):
                    found = found._replace(step=value - (1 << 64) if value >> 63 else value)
                elif field == 5 and isinstance(value, bytes):
                    for _, one in _fields(value):
                        _add(one, found)
        except (ValueError, IndexError, struct.error, UnicodeDecodeError, TypeError):
            raise UserError(f"{path}: record {number}: found what is no event, expected TensorBoard's; copy it again") from None
        if found.scalars or found.hparams:
            yield found


def records(path: Path) -> Iterator[bytes]:
    """Read the data of the records, but of those that are too large for scalars."""
    with path.open("rb") as file:
        while len(head := file.read(LENGTH.size + CRC.size)) == LENGTH.size + CRC.size:
            place = file.tell() - len(head)
            (length,), (checksum,) = LENGTH.unpack_from(head), CRC.unpack_from(head, LENGTH.size)
            if masked_crc(head[: LENGTH.size]) != checksum:
                raise UserError(f"{path}: damaged at byte {place}, expected a record of TensorBoard's; copy it again")
            if length > LARGEST_BYTES:
                file.seek(length + CRC.size, 1)
                continue
            data = file.read(length + CRC.size)
            if len(data) < length + CRC.size:
                return
            if masked_crc(data[:length]) != CRC.unpack_from(data, length)[0]:
                raise UserError(f"{path}: damaged at byte {place}: its checksum does not fit; copy it again")
            yield data[:length]


def masked_crc(data: bytes) -> int:
    """Give the CRC-32C of the data, rotated right by 15 bits plus a constant, as TFRecords have it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _add(value: "bytes | int", event: Event) -> None:
    """Add one Summary.Value: a scalar as simple_value or as a tensor, or hyperparameters in the metadata of its plugin."""
    tag, number, content = "", None, b""
    for field, one in _fields(value):
        if field == 1:
            tag = _text(one)
        elif field == 2:
            (number,) = struct.unpack("<f", _raw(one))
        elif field == 8:
            number = _scalar(one)
        elif field == 9:
            content = _message(_message(_raw(one), 1), 2)
    if tag == HPARAMS:
        for field, entry in _fields(_message(content, 3)):
            if field == 1:
                name, value_of = _text(_message(_raw(entry), 1)), _message(_raw(entry), 2)
                for kind, one in _fields(value_of):  # google.protobuf.Value
                    found = {2: lambda x: struct.unpack("<d", x)[0], 3: _text, 4: bool}
                    event.hparams[name] = found[kind](one)
    elif number is not None:
        event.scalars[tag] = number


def _scalar(tensor: "bytes | int") -> float | None:
    """Give the number of a TensorProto of one float or double; None for any other."""
    kind: bytes | int = 0
    number: float | None = None
    for field, one in _fields(tensor):
        if field == 1:
            kind = one
        elif kind in (1, 2) and field in (4, 5, 6) and isinstance(one, bytes) and one:
            form = "<f" if kind == 1 else "<d"
            number = struct.unpack(form, one)[0] if len(one) == struct.calcsize(form) else None
    return number


def _message(data: "bytes | int", wanted: int) -> bytes:
    return next((_raw(value) for field, value in _fields(data) if field == wanted), b"")


def _text(value: "bytes | int") -> str:
    return _raw(value).decode()


def _raw(value: "bytes | int") -> bytes:
    if isinstance(value, int):
        raise ValueError
    return value


def _fields(data: "bytes | int") -> Iterator[tuple[int, "bytes | int"]]:
    """Read the fields of a message: their numbers, with an int for a varint and bytes for all else."""
    data, position = _raw(data), 0
    while position < len(data):
        key, position = _varint(data, position)
        match key & 7:
            case 0:
                value, position = _varint(data, position)
                yield key >> 3, value
                continue
            case 1 | 5:
                length = 8 if key & 7 == 1 else 4
            case 2:
                length, position = _varint(data, position)
            case _:
                raise ValueError
        if position + length > len(data):
            raise ValueError
        yield key >> 3, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value, shift, position = value | (byte & 0x7F) << shift, shift + 7, position + 1
        if byte < 0x80:
            return value, position
        if shift > 63:
            raise ValueError
