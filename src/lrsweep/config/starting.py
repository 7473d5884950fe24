"""The files that a person's own project starts with: params.yaml and dvc.yaml of the package, without what does not apply."""

import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from lrsweep.config import presets, schema, yamlfile
from lrsweep.config.checking import PARAMS, parse_problems
from lrsweep.config.script import NOT_APPLYING
from lrsweep.config.yamlfile import Document
from lrsweep.errors import UserError
from lrsweep.shipped import shipped

Tree = dict[str, Any]
LEFT_OUT = ("corpus", "tokenize", "sharpness", "generate")  # stages
NOT_THERE = ("data", "results/train/model.safetensors")  # the text and the weights of the built-in model
TRAINING = "simulate"  # the parameter that all stages which train read
HEAD = """# Every number of the study; `lrsweep explain KEY` says more about one. `lrsweep try` runs one trial.
"""
DVC_HEAD = """# The stages, their edges and their parameters. The Snakefile makes its rules from this file.
"""


@dataclass(frozen=True)
class Start:
    """What a person says about a script."""

    trainer: Tree
    space: Mapping[str, Tree]
    steps: int | None
    eval_every: int | None
    lr: Tree | None


def params(start: Start) -> str:
    """Write params.yaml.

    Raises:
        UserError: what was said does not fit; one line for each problem.
    """
    text = yamlfile.read(shipped("params.yaml"))
    document = Document(text.split("\n\n", 1)[1])
    tree = document.tree
    for key in NOT_APPLYING:
        *above, name = key.split(".")
        presets.remove(tree[above[0]] if above else tree, name)
    for name in list(tree["sweep_bayes"]["space"]):
        if name != "lr":
            presets.remove(tree["sweep_bayes"]["space"], name)
    for name, dimension in start.space.items():
        presets.put(tree["sweep_bayes"]["space"], name, _flow(dimension))
    middles = {name: _middle(one) for name, one in start.space.items()}
    presets.put(tree["select"], "default", _flow({"lr": tree["select"]["default"]["lr"], **middles}))
    if start.lr:
        presets.put(tree["sweep_uniform"], "lr", _flow(start.lr))
    _lengths(tree, start)
    lines = [_trainer(start.trainer) if line.startswith("trainer:") else line for line in str(document).strip().split("\n")]
    made = schema.commented(HEAD + "\n" + "\n".join(lines) + "\n", schema.descriptions(schema.of_script()))
    if (size := len(made.encode())) > yamlfile.MOST_BYTES:
        expected = f"at most {yamlfile.MOST_BYTES}"
        raise UserError(
            f"init: found options that make a {PARAMS} of {size} bytes, expected {expected}; put long words into a file"
        )
    if problems := parse_problems(yamlfile.parse(made, PARAMS)):
        raise UserError("\n".join(map(str, problems)))
    return made


def _trainer(section: Tree) -> str:
    """Write the section of the script, a line for each key."""
    lines = [f"  {key}: {_json(value)}" for key, value in section.items()]
    return "\n".join(["trainer:", *lines])


def _lengths(tree: Tree, start: Start) -> None:
    """Scale all lengths to that of a trial, on multiples of eval_every.

    Raises:
        UserError: a trial is no longer than from one eval to the next.
    """
    was, ratio = tree["sweep_uniform"]["steps"], tree["train"]["steps"] / tree["sweep_uniform"]["steps"]
    steps = start.steps or was
    often = steps * tree["sweep_uniform"]["eval_every"] / was
    low = [n for n in range(1, math.isqrt(steps) + 1) if steps % n == 0]
    divisors = sorted({*low, *(steps // n for n in low)})
    every = start.eval_every or min(divisors, key=lambda n: abs(math.log(n / often)))
    warmup = round(steps * tree["sweep_uniform"]["warmup_steps"] / was)
    stopping, block = tree["sweep_bayes"]["stopping"], tree["sweep_bayes"]["first_block"]
    most = int(math.log(block, stopping["eta"]) + 1e-9)  # rungs, of which each cuts the first block to 1/eta
    wanted = max(round(steps * stopping["first_rung"] / was / every), math.ceil(steps / stopping["eta"] ** most / every))
    first = max(1, wanted) * every
    if first >= steps:
        expected = f"at least two evals in a trial: a multiple of {every} above it" if start.eval_every else "a rounder number"
        raise UserError(f"--steps: found {steps}, expected {expected}, or evals more often; set --steps or --eval-every")
    lengths = {"steps": steps, "warmup_steps": warmup, "eval_every": every}
    for section in ("sweep_uniform", "sweep_bayes"):
        _lay(tree[section], lengths)
    _lay(tree["sweep_bayes"]["stopping"], {"first_rung": first})
    longer = max(1, round(lengths["steps"] * ratio / every)) * every
    proxies = {max(1, round(steps * length / was / every)) * every for length in tree["scale"]["steps"]}
    presets.put(tree["scale"], "steps", _flow(sorted(proxies)))
    _lay(tree["train"], {"steps": longer, "warmup_steps": warmup, "eval_every": every})


def _lay(tree: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        presets.put(tree, key, value)


def _flow(value: Any) -> Any:
    """Give plain values as those of a document."""
    return Document(_json({"value": value})).tree["value"]


def _json(value: Any) -> str:
    """Write JSON that YAML reads as it is: what is no character to print stands as an escape."""
    text = json.dumps(value, ensure_ascii=False, default=float)
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in text)


def _middle(dimension: Tree) -> Any:
    """Give the value that stands for a name until a person sets another: the middle of a range, the first of choices."""
    if "choices" in dimension:
        return dimension["choices"][0]
    low, high = dimension["min"], dimension["max"]
    try:
        middle = math.sqrt(low) * math.sqrt(high) if dimension["scale"] == "log" else low / 2 + high / 2
    except (ValueError, OverflowError):  # the check says what is wrong with the range
        return low
    return round(middle) if "type" in dimension else float(f"{middle:.3g}")


def pipeline(reads: Sequence[str]) -> str:
    """Write dvc.yaml of a script that reads these files."""
    path = shipped("dvc.yaml")
    tree = yamlfile.parse(yamlfile.read(path), path)
    gone = {*NOT_THERE, *(one for name in LEFT_OUT for one in _outs(tree["stages"].pop(name)))}
    gone |= {f"results/figures/sharpness.{kind}" for kind in ("svg", "png", "csv")}
    for stage in tree["stages"].values():
        training = "params" in stage and TRAINING in stage["params"]
        deps = [one for one in stage["deps"] if one not in gone and not one.startswith("src/")]
        stage["deps"] = [*deps, *(reads if training else ())]
        stage["outs"] = [one for one in stage["outs"] if one not in gone]
        if "params" in stage:
            adding = training and not {"select", "select.default"} & {*stage["params"]}
            stage["params"] = [*_applying(stage["params"]), *(["select.default"] if adding else [])]
    out = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style, yaml.width = False, 120
    yaml.dump(tree, out)
    return DVC_HEAD + out.getvalue()


def _outs(stage: Tree) -> Iterable[str]:
    return [*stage["outs"], *stage.get("metrics", ())]


def _applying(keys: Sequence[str]) -> list[str]:
    return [key for key in keys if not {key, key.split(".")[0]} & {*NOT_APPLYING}]
