"""The lineage in a figure's file: its stage, the parameters behind it, the digests of its inputs."""

import io
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from xml.etree import ElementTree

from PIL import Image

from lrsweep.config.params import Params
from lrsweep.provenance.pipeline import Stage, makers, upstream
from lrsweep.store.records import canonical_digest
from lrsweep.store.results import FOLDER

PNG = b"\x89PNG\r\n\x1a\n"
DESCRIPTION = ".//{http://purl.org/dc/elements/1.1/}description"
KEYS = {"figure", "stage", "parameters", "inputs"}


def lineage(name: str, inputs: Mapping[str, str], stages: Mapping[str, Stage], params: Params) -> dict[str, Any]:
    """Give the lineage of a figure whose `inputs` are artifacts (paths below results/) with their SHA-256.

    Its stage is the latest of those that wrote the inputs. `parameters` are the parameters of all of those, and
    `parameters_sha256` covers these and those of every stage before them.
    """
    read, made_by = {f"{FOLDER}/{path}": digest for path, digest in inputs.items()}, makers(stages)
    made = sorted({made_by[path] for path in read}, key=list(stages).index)
    everything = {one: stages[one].values(params) for last in made for one in upstream(stages, last)}
    return {
        "figure": name,
        "stage": made[-1],
        "parameters": {key: value for one in made for key, value in everything[one].items()},
        "parameters_sha256": canonical_digest(everything),
        "inputs": read,
    }


def describe(found: Mapping[str, Any]) -> dict[str, str]:
    """Give the metadata for a figure's file: Title and Description, which both SVG and PNG have."""
    return {"Title": found["figure"], "Description": json.dumps(found, sort_keys=True)}


def carried(data: bytes) -> dict[str, Any] | None:
    """Read the lineage in an SVG or PNG file; None where there is none. A copied or edited figure keeps it."""
    for text in filter(None, _descriptions(data)):
        with suppress(ValueError):
            found = json.loads(text)
            if isinstance(found, dict) and found.keys() >= KEYS:
                return found
    return None


def _descriptions(data: bytes) -> list[str | None]:
    try:
        if data.startswith(PNG):
            return [Image.open(io.BytesIO(data)).info.get("Description")]
        return [element.text for element in ElementTree.fromstring(data).iterfind(DESCRIPTION)]
    except (ElementTree.ParseError, OSError, ValueError, Image.DecompressionBombError):
        return []
