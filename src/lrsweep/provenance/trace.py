"""The lineage of a file: the stages, parameters, inputs and code behind it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.provenance import pipeline
from lrsweep.provenance.figure_metadata import carried
from lrsweep.provenance.recording import Provenance
from lrsweep.provenance.workspace import Discrepancy, Workspace, machine, short, spelled
from lrsweep.store.records import canonical_digest

Node = tuple[str, list[Any]]  # a line, and the nodes below it


@dataclass(frozen=True)
class Traced:
    """The lineage of a file: the artifact that it is (or a copy of), and the records of all stages before."""

    file: str
    sha256: str
    artifact: str
    stage: str
    command: str  # makes the artifact again
    stages: Mapping[str, Provenance | None]
    discrepancies: tuple[Discrepancy, ...]
    notes: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether all is as recorded."""
        return not self.discrepancies


def trace(path: Path, workspace: Workspace) -> Traced:
    """Find the lineage of a file: of an artifact by its path, of a copy by its content.

    Raises:
        UserError: there is no such file, or no recorded artifact has its content.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file, expected an artifact or a copy of one; results/ shows what there is")
    digest, place = files.digest(path), _place(path)
    makers = pipeline.makers(workspace.stages)
    known = [place] if place in makers else workspace.artifacts_of(digest)
    if not known:
        raise UserError(_foreign(path, digest, workspace))
    artifact, stage = known[0], makers[known[0]]
    names = pipeline.upstream(workspace.stages, stage)
    return Traced(
        file=str(path),
        sha256=digest,
        artifact=artifact,
        stage=stage,
        command=workspace.command(stage),
        stages={name: workspace.recorded[name] for name in names},
        discrepancies=tuple(workspace.discrepancies(names)),
        notes=tuple(workspace.notes(names)),
    )


def tree(found: Traced, workspace: Workspace, origins: Mapping[str, str]) -> Iterator[str]:
    """Give the lines of a traced lineage; a stage that several inputs come from is written out once.

    origins: where the studies that were not trained here come from, by their stages.
    """
    makers, shown = pipeline.makers(workspace.stages), set[str]()

    def node(name: str) -> Node:
        shown.add(name)
        wrong: list[Node] = [(f"NOT AS RECORDED: {one}", []) for one in found.discrepancies if one.stage == name]
        if (recorded := found.stages[name]) is None:
            return name, wrong
        children = [*wrong, *((text, []) for text in (*([origins[name]] if name in origins else ()), *_made_from(recorded)))]
        paths = list(recorded.inputs)
        for i, path in enumerate(paths):
            maker = makers.get(path)
            below: list[Node] = []
            if maker is not None and maker not in map(makers.get, paths[i + 1 :]):
                below = [(f"{maker}: see above", [])] if maker in shown else [node(maker)]
            children.append((f"{path}  {short(recorded.inputs[path])}", below))
        return f"{name}: {_versions(recorded)}", children

    yield f"{found.file}  {short(found.sha256)}"
    if found.artifact != found.file:
        yield f"the same as {found.artifact}"
    yield "as recorded, like all before it" if found.intact else f"NOT AS RECORDED: {found.discrepancies[0]}"
    yield from found.notes
    yield f"made again by: {found.command}"
    yield from _drawn(node(found.stage), "", "")


def _versions(recorded: Provenance) -> str:
    libraries = ", ".join(f"{library} {version}" for library, version in recorded.libraries.items())
    return f"lrsweep {recorded.version}, code {short(canonical_digest(dict(recorded.code)))}, {libraries}"


def _made_from(recorded: Provenance) -> Iterator[str]:
    if found := recorded.identity:
        yield f"identity {short(found.digest)}: {machine(found)}, code {short(found.code)}"
    if recorded.params.get("trainer"):  # of a script the code is the files that it reads
        yield from (f"{path}  {short(digest)}" for path, digest in recorded.code.items())
    yield from (f"{key} = {spelled(value)}" for key, value in recorded.params.items())


def _drawn(node: Node, first: str, rest: str) -> Iterator[str]:
    text, children = node
    yield first + text
    for i, child in enumerate(children):
        last = i == len(children) - 1
        yield from _drawn(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def _foreign(path: Path, digest: str, workspace: Workspace) -> str:
    """Say why a file is not an artifact of this workspace, and what lineage it carries."""
    remedy = "check out the run that made it (dvc exp apply, or git checkout and dvc checkout)"
    if (own := carried(path.read_bytes())) is None:
        found = f"{path}: found sha256 {digest}, expected that of a recorded artifact"
        return f"{found}: it was edited, or is of another run; {remedy}"
    others = ", ".join(name for name, was in own["inputs"].items() if not workspace.artifacts_of(was))
    said = f"it says that it is figure {own['figure']} of stage {own['stage']}, with parameters {spelled(own['parameters'])}"
    inputs = f"made from other {others} than are here" if others else "and its inputs are here, so it was edited or drawn anew"
    return f"{path}: found a figure that no stage here has written: {said}, {inputs}; {remedy}"


def _place(path: Path) -> str:
    absolute, here = path.resolve(), Path.cwd().resolve()
    return absolute.relative_to(here).as_posix() if absolute.is_relative_to(here) else str(absolute)
