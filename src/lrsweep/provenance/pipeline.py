"""The stages as dvc.yaml declares them, and nothing else does: commands, dependencies, parameters and outputs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from lrsweep.config import yamlfile
from lrsweep.config.params import Params

DECLARATION = Path("dvc.yaml")
PROVENANCE = "provenance.json"
SOURCES = "data"  # the dep that stands for the files which the corpus is read from
CHECKED = "results/check/passed.txt"  # says that params.yaml is in order; nothing is made from it


@dataclass(frozen=True)
class Stage:
    """One entry of dvc.yaml; paths are relative to the project's folder."""

    name: str
    command: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...]  # outs and metrics, in this order

    @property
    def provenance(self) -> str | None:
        """The path of the stage's provenance; None for `check`, which makes nothing that others are made from."""
        return next((path for path in self.outs if Path(path).name == PROVENANCE), None)

    @property
    def artifacts(self) -> tuple[str, ...]:
        """The outs that are data: all except the provenance."""
        return tuple(path for path in self.outs if path != self.provenance)

    @property
    def code(self) -> tuple[str, ...]:
        """The deps that are code of the project: files and folders."""
        return tuple(path for path in self.deps if path != SOURCES and not path.startswith("results/"))

    @property
    def code_files(self) -> tuple[str, ...]:
        """The files of the code, sorted."""
        return tuple(sorted(str(one) for path in self.code for one in files_below(Path(path))))

    @property
    def reads(self) -> tuple[str, ...]:
        """The deps that are artifacts of other stages."""
        return tuple(path for path in self.deps if path.startswith("results/") and path != CHECKED)

    def values(self, params: Params) -> dict[str, Any]:
        """Give the parameters that the stage reads as JSON, by the key in dvc.yaml; no others are read."""
        return {key: _value(params, key) for key in self.params}


def files_below(path: Path) -> list[Path]:
    """Give the files of a folder and its subfolders, or the file itself, without __pycache__."""
    found = path.rglob("*") if path.is_dir() else [path]
    return [one for one in found if one.is_file() and "__pycache__" not in one.parts]


def load(path: Path = DECLARATION) -> dict[str, Stage]:
    """Read the stages by name, each after those that it depends on.

    Raises:
        UserError: the file is missing, or is not YAML.
    """
    entries = yamlfile.parse(yamlfile.read(path), path)["stages"]
    stages = {name: _stage(name, entry) for name, entry in entries.items()}
    writes = {path: name for name, stage in stages.items() for path in stage.outs}
    before = {name: [writes[dep] for dep in stage.deps if dep in writes] for name, stage in stages.items()}
    return {name: stages[name] for name in TopologicalSorter(before).static_order()}


def downstream(stages: Mapping[str, Stage], names: Iterable[str]) -> list[str]:
    """Give the named stages and all that depend on these, in order."""
    hit, changed = set(names), set[str]()
    for name, stage in stages.items():
        if name in hit or changed & set(stage.deps):
            hit.add(name)
            changed |= set(stage.outs)
    return [name for name in stages if name in hit]


def upstream(stages: Mapping[str, Stage], name: str) -> list[str]:
    """Give the stages that a stage depends on, in order, and the stage itself at the end."""
    needed, hit = set(stages[name].deps), {name}
    for other in reversed(list(stages)):
        if needed & set(stages[other].outs):
            hit.add(other)
            needed |= set(stages[other].deps)
    return [other for other in stages if other in hit]


def rerun(stages: Mapping[str, Stage], key: str) -> list[str]:
    """Give the stages that another value of a key runs again, in order: those that list it in dvc.yaml, and what follows."""

    def covers(one: str, other: str) -> bool:
        return other == one or other.startswith(f"{one}.")

    readers = [name for name, stage in stages.items() if any(covers(one, key) or covers(key, one) for one in stage.params)]
    return downstream(stages, readers)


def makers(stages: Mapping[str, Stage]) -> dict[str, str]:
    """Give the stage that writes each artifact."""
    return {path: stage.name for stage in stages.values() for path in stage.artifacts}


def _value(params: Params, key: str) -> Any:
    *sections, name = key.split(".")
    return reduce(getattr, sections, params).model_dump(mode="json", include={name})[name]


def _stage(name: str, entry: Mapping[str, Any]) -> Stage:
    listed = [*entry["outs"], *entry["metrics"]] if "metrics" in entry else entry["outs"]
    outs = tuple(out if isinstance(out, str) else next(iter(out)) for out in listed)
    return Stage(name, entry["cmd"], tuple(entry["deps"]), tuple(entry["params"]) if "params" in entry else (), outs)
