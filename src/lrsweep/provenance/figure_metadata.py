"""The lineage in a figure's file: its stage, the parameters behind it, the digests of its inputs."""

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from lrsweep.config.params import Params
from lrsweep.provenance.pipeline import Stage, makers, upstream
from lrsweep.store.records import canonical_digest
from lrsweep.store.results import FOLDER

PNG = b"\x89PNG\r\n\x1a\n"
DESCRIPTION = ".//{http://purl.org/dc/elements/1.1/}description"
KEYS = {"figure", "stage", "parameters", "inputs"}


def lineage(name: str, inputs: Mapping[str, str], stages: Mapping[str, Stage], params: Params) -> dict[str, Any]:
    """Give the lineage of a figure whose `inputs` are artifacts (paths below results/) with their SHA-256.

    Its stage is the latest of those that wrote the inputs. `parameters` are the parameters of that stage, and
    `parameters_sha256` covers these and those of every stage before it.
    """
    read, made_by = {f"{FOLDER}/{path}": digest for path, digest in inputs.items()}, makers(stages)
    stage = max((made_by[path] for path in read), key=list(stages).index)
    everything = {one: stages[one].values(params) for one in upstream(stages, stage)}
    return {
        "figure": name,
        "stage": stage,
        "parameters": everything[stage],
        "parameters_sha256": canonical_digest(everything),
        "inputs": read,
    }


def describe(found: Mapping[str, Any]) -> dict[str, str]:
    """Give the metadata for a figure's file: Title and Description, which both SVG and PNG have."""
    return {"Title": found["figure"], "Description": json.dumps(found, sort_keys=True)}


def carried(data: bytes) -> dict[str, Any] | None:
    """Read the lineage in an SVG or PNG file; None where there is none. A copied or edited figure keeps it."""
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
    """Read the Description chunks (tEXt, and uncompressed iTXt) of a PNG (W3C, Portable Network Graphics, section 11.3.3)."""
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
