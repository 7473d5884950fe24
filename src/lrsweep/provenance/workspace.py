"""The workspace: whether the files on disk are what was recorded and what the current configuration makes."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrsweep.config.params import Params
from lrsweep.provenance import pipeline, recording
from lrsweep.provenance.pipeline import Stage
from lrsweep.provenance.recording import Identity, Provenance
from lrsweep.store import results

SHORT = 12  # characters of a digest where people read it
Wrong = tuple[str, str, str]  # what is not as recorded, what was found, and what was expected


@dataclass(frozen=True)
class Discrepancy:
    """A file or a parameter that is not as recorded; `invalidates` names the stages to run again."""

    stage: str
    what: str
    found: str
    expected: str
    invalidates: list[str]

    def __str__(self) -> str:
        consequence = f"invalidates {', '.join(self.invalidates)}" if self.invalidates else "remove it"
        return f"{self.what}: found {self.found}, expected {self.expected}; {consequence}"


@dataclass(frozen=True)
class Workspace:
    """The stages, the current parameters, what trainings now depend on, and what each stage has recorded."""

    stages: Mapping[str, Stage]
    params: Params
    identities: Mapping[str, Identity]  # of the stages that train, as far as they are known
    recorded: Mapping[str, Provenance | None]  # None: no record, or one that is cut short or was edited

    @classmethod
    def read(cls, params: Params, identities: Mapping[str, Identity]) -> "Workspace":
        """Read the workspace in the current folder."""
        stages = {name: stage for name, stage in pipeline.load().items() if stage.provenance}
        recording.put_back(stages)
        return cls(stages, params, identities, {name: recording.read(stage) for name, stage in stages.items()})

    def discrepancies(self, names: Iterable[str]) -> Iterator[Discrepancy]:
        """Find what is not as recorded in the named stages, in order: for each its parameters, code, inputs and artifacts."""
        for name in names:
            stage, found = self.stages[name], self.recorded[name]
            if found is None:
                state = "a cut or edited file" if Path(stage.provenance or "").exists() else "no such file"
                wrong: Iterable[Wrong] = [(stage.provenance or "", state, "what the stage records when it has run")]
            else:
                wrong = self._wrong(stage, found)
            again = pipeline.downstream(self.stages, [name])
            yield from (Discrepancy(name, what, is_now, expected, again) for what, is_now, expected in wrong)
            for path in sorted((results.FOLDER / name).glob("*")):
                if path.as_posix() not in stage.outs and not path.name.startswith("."):
                    yield Discrepancy(name, path.as_posix(), "a file", "none: no stage declares it", [])

    def notes(self, names: Iterable[str]) -> Iterator[str]:
        """Name the stages that were trained on another kind of machine, where only last digits differ: their results hold."""
        elsewhere: dict[str, list[str]] = {}
        for name in names:
            was, now = self._identities(name)
            if was and now and was.machine != now.machine:
                elsewhere.setdefault(f"{machine(was)}, where this machine has {machine(now)}", []).append(name)
        for words, stages in elsewhere.items():
            yield f"note: {', '.join(stages)}: trained with {words}; trained here, last digits would differ"

    def _identities(self, name: str) -> tuple[Identity | None, Identity | None]:
        """Give what the trainings of a stage depended on, and what they depend on now."""
        found = self.recorded[name]
        return found.identity if found else None, self.identities.get(name)

    def _wrong(self, stage: Stage, found: Provenance) -> Iterator[Wrong]:
        if found.simulated:
            made_up = "made from curves that no training gave (simulate: true)"
            yield f"results/{stage.name}", made_up, "evidence: set simulate: false"
        made_from = [*self._configuration(stage, found), *self._inputs(stage, found)]
        yield from made_from or self._identity(stage)
        for path, was, now in differences(found.outputs, recording.digests(stage.artifacts)):
            others = [one for one in self.artifacts_of(now) if one != path] if now else []
            hint = f", the content of {others[0]}" if others else ""
            yield path, f"{short(now)}{hint}", f"{short(was)}, which {stage.name} has written"

    def _configuration(self, stage: Stage, found: Provenance) -> Iterator[Wrong]:
        made = f"with which {stage.name} was run"
        for key, was, now in differences(found.params, stage.values(self.params)):
            yield key, f"{spelled(now)} in params.yaml", f"{spelled(was)}, {made}"
        was_trained, is_trained = self._identities(stage.name)
        same = " (which means the same: nothing is trained again)" if was_trained and was_trained == is_trained else ""
        for path, was, now in differences(found.code, recording.digests(stage.code)):
            yield path, f"{short(now)}{same}", f"{short(was)}, {made}"
        for library, was, now in differences(found.libraries, recording.libraries()):
            yield library, f"version {now}", f"version {was}, {made}"

    def _identity(self, stage: Stage) -> Iterator[Wrong]:
        """Compare what trainings depended on with the present, where both are of one kind of machine."""
        was, now = self._identities(stage.name)
        if was and now and was.digest != now.digest and was.machine == now.machine:
            yield f"identity of {stage.name}", short(now.digest), f"{short(was.digest)}, under which {stage.name} was trained"

    def _inputs(self, stage: Stage, found: Provenance) -> Iterator[Wrong]:
        """Compare inputs with what the stages before have recorded; a file edited since is found among their artifacts."""
        written: dict[str, str | None] = {}
        for other in self.recorded.values():
            written |= other.outputs if other else {}
        now = recording.inputs(stage, self.params)
        written |= recording.digests(tuple(path for path in now if path not in written))
        for path, was, is_now in differences(found.inputs, {path: written[path] for path in now}):
            yield path, short(is_now), f"{short(was)}, which {stage.name} has read"

    def artifacts_of(self, digest: str) -> list[str]:
        """Give the artifacts that were recorded with this content."""
        return [path for found in self.recorded.values() if found for path, was in found.outputs.items() if was == digest]

    def command(self, name: str) -> str:
        """Give the command that makes a stage's artifacts again, with the recorded parameters where they differ from now."""
        wanted: dict[str, Any] = {}
        for other in pipeline.upstream(self.stages, name):
            if found := self.recorded[other]:
                wanted |= {key: was for key, was, _ in differences(found.params, self.stages[other].values(self.params))}
        settings = "".join(f" -S {shlex.quote(f'{key}={_hydra(value)}')}" for key, value in wanted.items())
        return f"dvc exp run{settings} {name}" if settings else f"dvc repro {name}"


def differences(was: Any, now: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Give the keys at which two trees differ, each with both values; a path is one key."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for name in [*was, *(name for name in now if name not in was)]:
            inner = f"{key}.{name}" if key else name
            yield from differences(was.get(name), now.get(name), inner)
    elif was != now:
        yield key, was, now


def _hydra(value: Any) -> str:
    """Write a value as `dvc exp run -S` reads it, with bare keys in mappings."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_hydra(one)}" for key, one in value.items()) + "}"
    return json.dumps(value)


def machine(identity: Identity) -> str:
    """Say what decides the last digits."""
    capability = f"capability {identity.capability}" if identity.capability else "made-up curves"
    return f"{capability}, torch {identity.torch}"


def short(digest: str | None) -> str:
    """Give the beginning of a digest, for people to read."""
    return "no file" if digest is None else digest[:SHORT]


def spelled(value: Any) -> str:
    """Write a value as JSON."""
    return json.dumps(value, ensure_ascii=False)
