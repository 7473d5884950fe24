"""The tiny pipeline in a clone of the working tree: for the tests that run it for real."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode

from lrsweep.runner import premise, progress

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv*",
    ".snakemake",
    "work",
    "results",
    ".pytest_cache",
    ".mypy_cache",
    ".coverage*",
    "__pycache__",
    ".dvc",
    "dvc.lock",
)


def environment(**more):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ours = ("LRSWEEP_WORK", premise.VARIABLE)
    return {name: value for name, value in os.environ.items() if name not in ours} | {"PATH": path, **more}


def run(folder, *command, **more):
    return subprocess.run(command, cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=900)


def clone(target):
    shutil.copytree(ROOT, target, ignore=LEFT_OUT)
    done = run(target, "lrsweep", "preset", "tiny")
    assert done.returncode == 0, done.stderr
    return target


def configured(project, sections):
    """The project with other values in its params.yaml; those of a section are laid over it."""
    path, yaml = project / "params.yaml", YAML()
    tree = yaml.load(path.read_text())
    for name, values in sections.items():
        tree[name] = {**(tree[name] or {}), **values} if isinstance(values, dict) else values
    with path.open("w") as file:
        yaml.dump(tree, file)
    return project


def artifacts(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted((folder / "results").rglob("*")) if path.is_file()
    }


def nodes(content, key):
    """The YAML nodes of a dotted key and of its value in the text of params.yaml."""
    name, node = None, YAML(typ="safe", pure=True).compose(content)
    for part in key.split("."):
        name, node = next((one, below) for one, below in node.value if one.value == part)
    return name, node


def replaced(content, node, new):
    return content[: node.start_mark.index] + new + content[node.end_mark.index :]


def with_value(content, key, new):
    """The text of params.yaml with other YAML at a key."""
    node = nodes(content, key)[1]
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, MappingNode) and not node.flow_style:  # it ends at the next key, behind the line's indentation
        new, end = f"{new}\n", content.rfind("\n", 0, end) + 1
    return content[:start] + new + content[end:]


def run_stage(name, params, results):
    """The stage in this process, which trains what it lacks."""
    return import_module(f"lrsweep.stages.{name}").run(params, results)


def different(first, second):
    """The artifacts that one of two runs lacks or has with other bytes; both as `artifacts` gives them."""
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def trained(folder):
    """How often each training was done, by study, trial and the step that it started from."""
    ended = [(study, event) for study, event in events(folder) if event.state]
    return Counter((study, event.trial, event.steps - event.trained) for study, event in ended)


def events(folder):
    """What the studies of a run have noted, each with the study's name."""
    return [(path.parent.name, event) for path in folder.glob("work/*/*/events.jsonl") for event in progress.read(path)]
