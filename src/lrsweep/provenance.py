"""Where a figure comes from: the stage, the parameters behind it, the digests of its inputs. Each figure's file carries it.

`stages` means the stages of dvc.yaml, in their order there: a stage after all that it depends on.
"""

import json
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from lrsweep.records import canonical_digest

Stages = Mapping[str, Mapping[str, Any]]
Tree = Mapping[str, Any]

_DESCRIPTION = ".//{http://purl.org/dc/elements/1.1/}description"


def parameters(stages: Stages, stage: str, params: Tree) -> dict[str, Any]:
    """The parameters that a stage reads itself, by the keys under which dvc.yaml lists them."""
    found = {}
    for key in stages[stage].get("params", []):
        value: Any = params
        for part in key.split("."):
            value = value[part]
        found[key] = value
    return found


def upstream(stages: Stages, stage: str) -> set[str]:
    """The stage and all that it depends on: the artifacts of a stage lie in results/STAGE."""
    found, waiting = set(), [stage]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [dep.split("/")[1] for dep in stages[name].get("deps", []) if dep.startswith("results/")]
    return found


def lineage(name: str, inputs: Mapping[str, str], stages: Stages, params: Tree) -> dict[str, Any]:
    """The lineage of a figure whose `inputs` are artifacts (paths below results/) with their SHA-256.

    Its stage is the latest of those that wrote them. `parameters` are those of that stage, and `parameters_sha256` covers
    them and those of every stage before it.
    """
    stage = max((path.split("/")[0] for path in inputs), key=list(stages).index)
    everything = {one: parameters(stages, one, params) for one in sorted(upstream(stages, stage))}
    return {
        "figure": name,
        "stage": stage,
        "parameters": parameters(stages, stage, params),
        "parameters_sha256": canonical_digest(everything),
        "inputs": {f"results/{path}": digest for path, digest in inputs.items()},
    }


def describe(found: Mapping[str, Any]) -> dict[str, str]:
    """What goes into the file of a figure: Title and Description, which SVG and PNG both have a place for."""
    return {"Title": found["figure"], "Description": json.dumps(found, sort_keys=True)}


def read_svg(svg: bytes) -> dict[str, Any]:
    """The lineage that an SVG file carries."""
    description = ElementTree.fromstring(svg).find(_DESCRIPTION)
    assert description is not None and description.text is not None, "the figure was written without its lineage"
    return json.loads(description.text)
