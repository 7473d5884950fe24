"""The record of a stage's last run, as a value: written as JSON with its digest, and read back strictly."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from lrsweep.store.records import canonical_digest
from lrsweep.store.results import write_json
from lrsweep.store.tables import SIMULATED

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
