"""The identity of a trial: a digest of all that it depends on, by which its record is found, kept and refused.

It covers the settings of the trainer and of the study, the tokens, the library versions, what decides the last digits of a number
(the vector instructions of the CPU, or the GPU), and the meaning of the code that decides a trial. So a changed comment or colour
trains nothing again, and a changed formula, constant or default does. A golden test catches what a digest of code cannot see,
and guards RESULTS.

The records of a study lie in work/<digest>/<stage>/. identity.json there holds what the digest is made of, so that a difference
can be named.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.runner import meaning
from lrsweep.runner.device import capability
from lrsweep.store import results as store
from lrsweep.store.records import canonical_digest
from lrsweep.store.results import LIBRARIES, Results, work
from lrsweep.text.settings import SIDES
from lrsweep.trainers.command.trainer import files_read

RESULTS = 1  # raise it with every change of what tests/runner/test_golden.py holds: then all is trained again

ROOMS = ("space", "search", "trainers", "text", "logs", "seeding")  # whose meaning counts; the others carry, show and record
TRAINING = ("runner.training",)
STUDY = ("search.study", "search.proposing")
FILE = "identity.json"
TOKENS = "tokenize/tokens.json"


@dataclass(frozen=True)
class Identity:
    """What the trainings of one study depend on."""

    stage: str
    content: Mapping[str, Any]  # JSON

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the content."""
        return canonical_digest(dict(self.content))

    @cached_property
    def folder(self) -> Path:
        """The folder of the records; for made-up trials its name begins with `simulated-`."""
        mark = "simulated-" if self.content["trainer"]["simulate"] else ""
        return work() / f"{mark}{self.digest[:16]}" / self.stage

    def open(self) -> None:
        """Make the folder, with what it is named after; also where that was damaged, since each record has the digest.

        Raises:
            UserError: the folder cannot be written.
        """
        path = self.folder / FILE
        with suppress(UserError):  # missing or damaged
            if store.read_json(path) == self.content:
                return
        store.write_json(path, dict(self.content))


def of(
    stage: str, own: Mapping[str, Any], roots: tuple[str, ...], params: Params, results: Results, tested: bool = False
) -> Identity:
    """Give the identity of a stage's trainings.

    own: what they depend on beside the trainer, the tokens, the seed, the libraries and the code of `roots`.
    tested: whether the test text is among the tokens.

    Raises:
        UserError: the text has not been tokenized yet, or a file that a script reads is missing.
    """
    module, settings = _trainer(params)
    content = {
        "results": RESULTS,
        "seed": params.seed,
        "trainer": {"simulate": params.simulate, **settings},
        "tokens": None if params.simulate or params.trainer else tokens_of(results, SIDES if tested else SIDES[:-1]),
        "study": dict(own),
        "libraries": {name: version(name) for name in LIBRARIES},
        "capability": None if params.simulate else capability(params),
        "code": meaning.digest((*roots, module), ROOMS),
    }
    return Identity(stage, content)


def tokens_of(results: Results, sides: Iterable[str]) -> dict[str, str]:
    """Give the digests of the tokens of these sides as they are now.

    Raises:
        UserError: the text has not been tokenized yet.
    """
    tokens = results.read_json(TOKENS)
    return tokens and {side: tokens[side]["sha256"] for side in sides}


def _trainer(params: Params) -> tuple[str, dict[str, Any]]:
    """Give the module of the trainer, and what its trainings depend on: of a script, the digests of the files that it reads.

    Raises:
        UserError: a file that the script reads is missing.
    """
    script = params.trainer
    if script is None:
        sections = {name: getattr(params, name).model_dump(mode="json") for name in ("model", "optimizer", "evaluation")}
        module = "trainers.simulated" if params.simulate else "trainers.builtin.trainer"
        return module, {**sections, "vocab_size": params.tokenize.vocab_size}
    reads = {path.as_posix(): files.digest(path) for path in files_read(script)}
    return "trainers.command.trainer", {**script.model_dump(mode="json"), "reads": reads, "defaults": dict(params.select.default)}


def differences(was: Any, now: Any, key: str = "") -> list[str]:
    """Give the keys at which two trees differ, as section.key."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        names = [*was, *(name for name in now if name not in was)]
        return [one for name in names for one in differences(was.get(name), now.get(name), f"{key}.{name}".lstrip("."))]
    return [] if was == now else [key]


def logs(stage: str) -> list[Path]:
    """Give the newest log of trainings of a stage, whatever the parameters; none where nothing has started."""
    return sorted(work().glob(f"*/{stage}/events.jsonl"), key=lambda path: path.stat().st_mtime_ns)[-1:]
