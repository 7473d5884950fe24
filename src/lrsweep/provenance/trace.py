"""The lineage of a file, and whether the files on disk are what was recorded and what the current configuration makes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.provenance import pipeline
from lrsweep.provenance.figure_metadata import carried
from lrsweep.provenance.recorded import Provenance
from lrsweep.provenance.workspace import Discrepancy, Workspace, machine, short, spelled
from lrsweep.store.records import canonical_digest

Node = tuple[str, list[Any]]  # a line, and the nodes below it


@dataclass(frozen=True)
class Discrepancy:
    """A file or a parameter that is not as recorded; `invalidates` names the stages to run again."""

    file: str
    sha256: str
    artifact: str
    stage: str
    command: str  # that makes the artifact again
    stages: Mapping[str, Provenance | None]
    discrepancies: tuple[Discrepancy, ...]
    notes: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether all is as recorded."""
        return not self.discrepancies


@dataclass(frozen=True)
class Workspace:
    """The stages, the parameters as they are now, and what each stage recorded."""

    stages: Mapping[str, Stage]
    params: Params
    recorded: Mapping[str, Provenance | None]  # None: no record, or one that is cut short or was edited

    @classmethod
    def read(cls, params: Params) -> "Workspace":
        """Read the workspace in the current folder."""
        stages = {name: stage for name, stage in pipeline.load().items() if stage.provenance}
        recording.put_back(stages)
        return cls(stages, params, {name: recording.read(stage) for name, stage in stages.items()})

    def discrepancies(self, names: Iterable[str]) -> Iterator[Discrepancy]:
        """Find what is not as recorded in the named stages, in order: for each its parameters, code, inputs and artifacts."""
        for name in names:
            stage, found = self.stages[name], self.recorded[name]
            if found is None:
                state = "a cut or edited file" if Path(stage.provenance or "").exists() else "no such file"
                yield self._discrepancy(name, stage.provenance or "", state, "what the stage records when it has run", [name])
            else:
                yield from self._made_up(stage, found)
                yield from self._configuration(stage, found)
                yield from self._inputs(stage, found)
                yield from self._outputs(stage, found)
            yield from self._strangers(stage)

    def _made_up(self, stage: Stage, found: Provenance) -> Iterator[Discrepancy]:
        if SIMULATED in found:
            made_up = "made from curves that no training gave (simulate: true)"
            yield self._discrepancy(stage.name, f"results/{stage.name}", made_up, "evidence: set simulate: false", [stage.name])

    def _configuration(self, stage: Stage, found: Provenance) -> Iterator[Discrepancy]:
        made = f"with which {stage.name} was run"
        for key, was, now in differences(found["params"], stage.values(self.params)):
            yield self._discrepancy(stage.name, key, f"{_json(now)} in params.yaml", f"{_json(was)}, {made}", [stage.name])
        for path, was, now in differences(found["code"], recording.digests(stage.code)):
            yield self._discrepancy(stage.name, path, _short(now), f"{_short(was)}, {made}", [stage.name])

    def _inputs(self, stage: Stage, found: Provenance) -> Iterator[Discrepancy]:
        """Compare inputs with what the stages before have recorded; a file edited since is found among their artifacts."""
        written: dict[str, str | None] = {}
        for other in self.recorded.values():
            written |= other["outputs"] if other else {}
        now = recording.inputs(stage, self.params)
        unknown = tuple(path for path in now if path not in written)
        written |= recording.digests(unknown)
        for path, was, is_now in differences(found["inputs"], {path: written[path] for path in now}):
            expected = f"{_short(was)}, which {stage.name} has read"
            yield self._discrepancy(stage.name, path, _short(is_now), expected, [stage.name])

    def _outputs(self, stage: Stage, found: Provenance) -> Iterator[Discrepancy]:
        for path, was, now in differences(found["outputs"], recording.digests(stage.artifacts)):
            hint = self._named(now, path)
            expected = f"{_short(was)}, which {stage.name} has written"
            yield self._discrepancy(stage.name, path, f"{_short(now)}{hint}", expected, [stage.name], [path])

    def _named(self, digest: str | None, path: str) -> str:
        """Name the artifact whose content a wrong file has, where that is known."""
        others = [one for one in self.artifacts_of(digest) if one != path] if digest else []
        return f", the content of {others[0]}" if others else ""

    def _strangers(self, stage: Stage) -> Iterator[Discrepancy]:
        for path in sorted((results.FOLDER / stage.name).glob("*")):
            if path.as_posix() not in stage.outs and not path.name.startswith("."):
                yield Discrepancy(stage.name, path.as_posix(), "a file", "none: no stage declares it", [])

    def _discrepancy(
        self, stage: str, what: str, found: str, expected: str, again: list[str], paths: Iterable[str] = ()
    ) -> Discrepancy:
        return Discrepancy(stage, what, found, expected, pipeline.downstream(self.stages, again, paths))

    def artifacts_of(self, digest: str) -> list[str]:
        """Give the artifacts that were recorded with this content."""
        return [path for found in self.recorded.values() if found for path, was in found["outputs"].items() if was == digest]

    def command(self, name: str) -> str:
        """Give the command that makes a stage's artifacts again, with the recorded parameters where they differ from now."""

        wanted: dict[str, Any] = {}
        for other in pipeline.upstream(self.stages, name):
            if found := self.recorded[other]:
                wanted |= {key: was for key, was, _ in differences(found["params"], self.stages[other].values(self.params))}
        settings = "".join(f" -S {shlex.quote(f'{key}={_hydra(value)}')}" for key, value in wanted.items())
        return f"dvc exp run{settings} {name}" if settings else f"dvc repro {name}"


def trace(path: Path, workspace: Workspace) -> dict[str, Any]:
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


def tree(found: Mapping[str, Any], workspace: Workspace) -> Iterator[str]:
    """Give the lines of a traced lineage; a stage that several inputs come from is written out once."""
    discrepancies = [Discrepancy(**one) for one in found["discrepancies"]]
    makers, shown = pipeline.makers(workspace.stages), set()

    def node(name: str) -> Node:
        shown.add(name)
        wrong: list[Node] = [(f"NOT AS RECORDED: {one}", []) for one in found.discrepancies if one.stage == name]
        if (recorded := found.stages[name]) is None:
            return name, wrong
        children = [*wrong, *((text, []) for text in _made_from(recorded))]
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
    yield from (f"{key} = {spelled(value)}" for key, value in recorded.params.items())


def _drawn(node: Node, first: str, rest: str) -> Iterator[str]:
    text, children = node
    yield first + text
    for i, child in enumerate(children):
        last = i == len(children) - 1
        yield from _drawn(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def differences(was: Any, now: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Give the keys at which two trees differ, each with both values; a path is one key."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name in [*was, *(name for name in now if name not in was)]:
            inner = f"{key}.{name}" if key else name
            yield from differences(was.get(name), now.get(name), inner)
    elif was != now:
        yield key, was, now


def _foreign(path: Path, digest: str, workspace: Workspace) -> str:
    """Say why a file is not an artifact of this workspace, and what lineage it carries."""
    remedy = "check out the run that made it (dvc exp apply, or git checkout and dvc checkout)"
    if (own := carried(path.read_bytes())) is None:
        return (
            f"{path}: found sha256 {digest}, expected that of a recorded artifact: it was edited, or is of another run; {remedy}"
        )
    wrong = [name for name, was in own["inputs"].items() if not workspace.artifacts_of(was)]
    said = f"it says that it is figure {own['figure']} of stage {own['stage']}, with parameters {spelled(own['parameters'])}"
    inputs = (
        f"made from other {', '.join(wrong)} than are here"
        if wrong
        else "and its inputs are here, so it was edited or drawn anew"
    )
    return f"{path}: found a figure that no stage here has written: {said}, {inputs}; {remedy}"


def _place(path: Path) -> str:
    absolute, here = path.resolve(), Path.cwd().resolve()
    return absolute.relative_to(here).as_posix() if absolute.is_relative_to(here) else str(absolute)


def _short(digest: str | None) -> str:
    return "no file" if digest is None else digest[:SHORT]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _hydra(value: Any) -> str:
    """Write a value as `dvc exp run -S` reads it, with bare keys in mappings."""

    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_hydra(one)}" for key, one in value.items()) + "}"
    return json.dumps(value)
