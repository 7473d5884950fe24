"""The provenance of a stage: what its artifacts were made from, written beside them by the command that made them.

results/STAGE/provenance.json is an out like the artifacts, so any runner, cache or remote that brings these brings it too. No
stage depends on it. It holds no time, host or duration: the same run has the same bytes.
"""

import json
import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.provenance import pipeline
from lrsweep.provenance.pipeline import PROVENANCE, SOURCES, Stage
from lrsweep.store.records import canonical_digest
from lrsweep.store.results import LIBRARIES, Results, write_json
from lrsweep.store.tables import SIMULATED
from lrsweep.terminal import complain
from lrsweep.text.sources import source_files

STRICT = ConfigDict(extra="forbid")
Digests = Mapping[str, str | None]  # the SHA-256 of each path; None where there is nothing


@dataclass(frozen=True)
class Identity:
    """What the trainings of a stage depend on, in short.

    digest: of all that they depend on; the folder of their records is named after it. capability: what decides the last digits
    on a machine, the vector instructions of the CPU or the model of the GPU; None for made-up curves. torch: its version with its
    build. code: the digest of the meaning of the code.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    digest: str
    capability: str | None
    torch: str
    code: str

    @property
    def machine(self) -> tuple[str | None, str]:
        """What depends on the machine: a run on another one is as good, but differs in last digits."""
        return self.capability, self.torch


@dataclass(frozen=True)
class Provenance:
    """What the artifacts of a stage were made from; no time and no host, so that the same run has the same bytes."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    stage: str
    command: str
    version: str
    libraries: Mapping[str, str]
    params: Mapping[str, Any]
    code: Digests
    inputs: Digests
    identity: Identity | None  # None where nothing is trained
    outputs: Digests
    simulated: bool = False

    def write(self, path: Path) -> None:
        """Write it with its digest; the mark of made-up curves comes first, where there is one."""
        body = asdict(self)
        body = ({SIMULATED: True} if body.pop(SIMULATED) else {}) | body
        write_json(path, {"digest": canonical_digest(body), **body})

    @classmethod
    def read(cls, path: Path) -> "Provenance | None":
        """Read it; None where it is missing, cut short, edited, or of another form."""
        try:
            body = json.loads(path.read_bytes())
            return _READER.validate_python(body) if body.pop("digest") == canonical_digest(body) else None
        except (FileNotFoundError, ValueError, KeyError, AttributeError, TypeError, ValidationError):
            return None


_READER = TypeAdapter(Provenance)


@contextmanager
def recording(stage: Stage, params: Params, results: Results, identity: Callable[[], Identity | None]) -> Iterator[None]:
    """Record what the stage that runs in the block reads and writes; a run that fails or is killed leaves no provenance.

    identity: gives what the stage's trainings depend on, called when they have ended; None where it trains nothing.

    Raises:
        UserError: code or inputs were edited meanwhile, so that nobody knows what the artifacts were made from.
    """
    path = _path(stage)
    for old in (path, _aside(path)):
        with files.writing(old):
            old.unlink(missing_ok=True)
    read_before, code = digests(inputs(stage, params)), digests(stage.code)
    stamps = {path: files.stamp(Path(path)) for path in read_before}
    yield
    changed = [path for path, was in stamps.items() if files.stamp(Path(path)) != was]
    changed += [path for path, now in digests(stage.code).items() if now != code[path]]
    if changed:
        found = f"{', '.join(changed)}: found edited while {stage.name} ran"
        raise UserError(f"{found}, expected the same to its end; run the same command again")
    Provenance(
        stage=stage.name,
        command=stage.command,
        version=version("lrsweep"),
        libraries=libraries(),
        params=stage.values(params),
        code=code,
        inputs=read_before,
        identity=identity(),
        outputs=digests(stage.artifacts),
        simulated=results.simulated,
    ).write(path)


def refuse_damaged(stage: Stage, params: Params) -> None:
    """Compare what the stage will read with what the stages that wrote it recorded, so that nothing is made from damage.

    Raises:
        UserError: an input is not what its stage has written.
    """
    for path, found in digests(inputs(stage, params)).items():
        recorded = Provenance.read(Path(path).with_name(PROVENANCE))
        if found and recorded and recorded.outputs.get(path) not in (None, found):
            expected = f"{recorded.outputs[path]}, which {recorded.stage} has written"
            remedy = f"remove it (rm {shlex.quote(path)}) and run again"
            raise UserError(f"{path}: found sha256 {found}, expected {expected}; {remedy}")


@cache
def libraries() -> dict[str, str]:
    """Give the versions of the libraries that results depend on, without the build of torch, which depends on the machine."""
    return {name: version(name).split("+")[0] for name in LIBRARIES}


def inputs(stage: Stage, params: Params) -> tuple[str, ...]:
    """Give the deps that are data: the files that the corpus is read from, and artifacts of other stages.

    Raises:
        UserError: a source file of the corpus is missing.
    """
    sources = map(str, source_files(params.corpus)) if SOURCES in stage.deps else ()
    return (*sources, *stage.reads)


def read(stage: Stage) -> Provenance | None:
    """Read what a stage has recorded; None where it has not run to its end, or the record is cut short or was edited."""
    return Provenance.read(_path(stage))


def set_stale_aside(stages: Mapping[str, Stage], params: Params) -> None:
    """Hide from Snakemake the provenance of artifacts that the current parameters, code and inputs do not make.

    Snakemake sees times and what it ran itself, so it does not notice that DVC has put the files of another run here; a missing
    out it does. The next call puts it back where it fits again, so a dry run costs nothing.
    """
    put_back(stages)
    for stage in _stale(stages, params):
        path = _path(stage)
        with files.writing(path), suppress(FileNotFoundError):  # another runner may do it at the same time
            path.replace(_aside(path))


def put_back(stages: Mapping[str, Stage]) -> None:
    """Put every provenance that was set aside back, where the artifacts are still those that it names."""
    for stage in stages.values():
        if stage.provenance and _aside(path := _path(stage)).exists() and not path.exists():
            recorded = Provenance.read(_aside(path))
            if recorded and recorded.outputs == digests(stage.artifacts):
                _aside(path).replace(path)


def _path(stage: Stage) -> Path:
    assert stage.provenance, f"{stage.name} has no provenance among its outs"
    return Path(stage.provenance)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}")


def _stale(stages: Mapping[str, Stage], params: Params) -> Iterator[Stage]:
    """Yield the stages whose provenance is not of this configuration.

    No artifact that is older than its record is read: it is enough where a provenance names another input than the provenance of
    the stage that wrote it.
    """
    written: dict[str, str | None] = {}
    for stage in stages.values():
        if stage.provenance is None or not _path(stage).exists():
            continue
        if (recorded := read(stage)) is None:
            yield stage
            continue
        made_from = recorded.params, recorded.code, recorded.libraries
        same = made_from == (stage.values(params), digests(stage.code), libraries())
        others = any(written.get(path, digest) != digest for path, digest in recorded.inputs.items())
        written |= recorded.outputs
        if not same or others or _damaged(stage, recorded):
            yield stage


def _damaged(stage: Stage, recorded: Provenance) -> bool:
    """Say whether an artifact that was written after its record differs from it; if so, print a line on stderr."""
    record, artifacts = _path(stage), [path for path in map(Path, recorded.outputs) if path.is_file()]
    younger = [path for path in artifacts if path.stat().st_mtime_ns > record.stat().st_mtime_ns]
    for path in younger:
        if files.digest(path) != recorded.outputs[path.as_posix()]:
            found = f"damaged or edited, not what {stage.name} has written"
            complain(f"{path}: {found}: {stage.name} runs again")
            return True
    if younger:
        with suppress(OSError):  # the next call need not look again
            os.utime(record)
    return False


def digests(paths: tuple[str, ...]) -> Digests:
    """Give the SHA-256 of each file, or of the contents of each folder; None where there is neither."""
    return {path: _digest(Path(path)) for path in paths}


def _digest(path: Path) -> str | None:
    if path.is_dir():
        return canonical_digest({str(one.relative_to(path)): files.digest(one) for one in pipeline.files_below(path)})
    return files.digest(path) if path.is_file() else None
