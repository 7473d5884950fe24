"""Event files of TensorBoard, written by hand as protocol buffers and TFRecords are laid out."""

import struct

from lrsweep.logs import tfevents


def varint(number):
    out = bytearray()
    while True:
        out.append(number & 0x7F | (0x80 if number > 0x7F else 0))
        number >>= 7
        if not number:
            return bytes(out)


def field(number, data):
    """A field of a message: bytes with their length, or an int as a varint."""
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    return varint(number << 3 | 2) + varint(len(data)) + data


def scalar(tag, value):
    return field(1, tag.encode()) + varint(2 << 3 | 5) + struct.pack("<f", value)


def tensor(tag, value, form="<f", packed=4):
    """A TensorProto of one number: in tensor_content (4), float_val (5) or double_val (6)."""
    kind = {"<f": 1, "<d": 2}[form]
    return field(1, tag.encode()) + field(8, field(1, kind) + field(2, b"") + field(packed, struct.pack(form, value)))


def hparams_value(values):
    entries = b""
    for name, value in values.items():
        if isinstance(value, bool):
            held = field(4, int(value))
        elif isinstance(value, str):
            held = field(3, value.encode())
        else:
            held = varint(2 << 3 | 1) + struct.pack("<d", value)
        entries += field(1, field(1, name.encode()) + field(2, held))
    content = field(3, entries)
    return field(1, tfevents.HPARAMS.encode()) + field(9, field(1, field(1, b"hparams") + field(2, content)))


def an_event(step, *values):
    return varint(1 << 3 | 1) + struct.pack("<d", 1.0) + field(2, step) + field(5, b"".join(field(1, one) for one in values))


def record(data):
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", tfevents.masked_crc(head)) + data + struct.pack("<I", tfevents.masked_crc(data))
