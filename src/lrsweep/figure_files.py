"""What a figure's file says of itself: the lineage that SVG and PNG carry as their description."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

PNG = b"\x89PNG\r\n\x1a\n"
DESCRIPTION = ".//{http://purl.org/dc/elements/1.1/}description"
KEYS = {"figure", "stage", "parameters", "inputs"}


def carried(path: Path) -> dict[str, Any] | None:
    """The lineage in an SVG or PNG file; None where it carries none. A copied figure keeps it, an edited one too."""
    data = path.read_bytes()
    texts = _png_texts(data) if data.startswith(PNG) else _svg_texts(data)
    for text in texts:
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict) and found.keys() >= KEYS:
            return found
    return None


def _svg_texts(data: bytes) -> Iterator[str]:
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError:
        return
    yield from filter(None, (element.text for element in root.iterfind(DESCRIPTION)))


def _png_texts(data: bytes) -> Iterator[str]:
    """The Description chunks (tEXt, and iTXt without compression) of a PNG (W3C, Portable Network Graphics, section 11.3.3)."""
    position = len(PNG)
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        keyword, _, text = body.partition(b"\0")
        if keyword == b"Description" and kind == b"tEXt":
            yield text.decode("latin-1")
        elif keyword == b"Description" and kind == b"iTXt":
            yield text[2:].split(b"\0", 2)[-1].decode("utf-8", "replace")
        position += length + 12
