"""The record of one trial: what was trained, what came of it, and a digest by which damage and edits are found.

A record is two files: NNNNN.json and, with every step of the curve, NNNNN.safetensors. It holds no time and no host, so
the same trial has the same bytes wherever and whenever it ran.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from lrsweep import files
from lrsweep.config.params import VARIED, Hyperparameters
from lrsweep.errors import UserError
from lrsweep.store import artifacts

STEP_COLUMNS = ("lr", "loss_nats", "grad_norm")


@dataclass(frozen=True)
class EvalPoint:
    """One eval of the curve. A non-finite loss is None: JSON has no NaN, and only a DIVERGED trial's last eval can have one."""

    step: int
    lr: float
    loss_nats: float | None


@dataclass(frozen=True)
class RungPoint:
    """One comparison at a rung; see pruning.Verdict."""

    rung: int
    value: float
    references: int
    threshold: float | None
    stopped: bool


@dataclass(frozen=True)
class Proposal:
    """The values of a trial and what they were made from."""

    trial: int
    lr: float
    beta2: float
    weight_decay: float
    sampler: str
    n_complete: int
    n_pruned: int
    n_diverged: int
    n_pending: int
    seed: int

    @classmethod
    def known(cls, trial: int, values: Mapping[str, float], sampler: str) -> "Proposal":
        """That of values which were known before, and made from no records."""
        return cls(trial, **values, sampler=sampler, n_complete=0, n_pruned=0, n_diverged=0, n_pending=0, seed=0)

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The values alone."""
        return Hyperparameters(**{name: getattr(self, name) for name in VARIED})


@dataclass(frozen=True)
class Record:
    """One trial: its proposal, its training seed, its state, and its curve up to where it ended."""

    context: str  # digest of all that the study's trials depend on, beside the proposal
    proposal: Proposal
    seed: int
    state: str
    steps: int
    evals: tuple[EvalPoint, ...]
    rungs: tuple[RungPoint, ...]

    def __hash__(self) -> int:
        """Enough to tell records apart: to hash each eval took as long as what is looked up by it."""
        return hash((self.context, self.proposal.trial, self.steps))

    @property
    def trial(self) -> int:
        """The number of the trial in its study."""
        return self.proposal.trial

    @property
    def final_loss_nats(self) -> float | None:
        """The loss at the end; None unless it was trained to its end."""
        return self.evals[-1].loss_nats if self.state == artifacts.COMPLETE else None


def canonical_digest(value: Any) -> str:
    """SHA-256 of a JSON value in its one spelling."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def finite(loss_nats: float) -> float | None:
    """The loss, or None where it is not finite."""
    return loss_nats if math.isfinite(loss_nats) else None


def record_path(folder: Path, trial: int) -> Path:
    """Where a trial's record lies; a thousand trials share a folder."""
    return folder / f"{trial // 1000:03d}" / f"{trial:05d}.json"


def save(path: Path, record: Record, curve: dict[str, np.ndarray]) -> None:
    """Writes a record and its curve: arrays of STEP_COLUMNS, one value a step from step 1."""
    data = save_arrays({name: np.asarray(curve[name], dtype=np.float64) for name in STEP_COLUMNS})
    files.write_bytes(path.with_suffix(".safetensors"), data)
    body = {**asdict(record), "curve_sha256": hashlib.sha256(data).hexdigest()}
    files.write_bytes(path, json.dumps({"digest": canonical_digest(body), **body}, allow_nan=False).encode() + b"\n")


def load(path: Path, context: str) -> Record:
    """Reads a record.

    Raises:
        FileNotFoundError: there is none.
        UserError: it is damaged, was edited, or belongs to another context. It is never used.
    """
    record, _ = _read(path)
    if record.context != context:
        raise UserError(
            f"{path}: found a record made from other parameters, data or code, expected one of study {context[:12]};"
            f" {_remedy(path)}"
        )
    return record


def load_curve(path: Path) -> dict[str, np.ndarray]:
    """Reads the curve of a record: float64 arrays of STEP_COLUMNS, one value a step from step 1.

    Raises:
        UserError: the curve is missing, damaged, or not the one that the record was written with.
    """
    _, expected = _read(path)
    curve_path = path.with_suffix(".safetensors")
    try:
        data = curve_path.read_bytes()
        curve = load_arrays(data)
    except (FileNotFoundError, SafetensorError) as error:
        raise UserError(
            f"{curve_path}: missing or damaged ({error}), expected the curve of the record; {_remedy(path)}"
        ) from None
    if hashlib.sha256(data).hexdigest() != expected:
        raise UserError(f"{curve_path}: its digest is not the recorded one, expected the curve of the record; {_remedy(path)}")
    return curve


def exists(path: Path) -> bool:
    """Whether both files of a record are there."""
    return path.exists() and path.with_suffix(".safetensors").exists()


def save_proposal(path: Path, context: str, proposal: Proposal) -> None:
    """Keeps a proposal, so that another trial that waits for it need not make it again."""
    body = {"context": context, **asdict(proposal)}
    files.write_bytes(path, json.dumps({"digest": canonical_digest(body), **body}).encode() + b"\n")


def load_proposal(path: Path, context: str) -> Proposal | None:
    """Reads a kept proposal; None where there is none or it is not intact, since it can be made again."""
    try:
        body = json.loads(path.read_bytes())
        if body.pop("digest") != canonical_digest(body) or body.pop("context") != context:
            return None
        return Proposal(**body)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _read(path: Path) -> tuple[Record, str]:
    try:
        body = json.loads(path.read_bytes())
        digest = body.pop("digest")
        intact = canonical_digest(body) == digest
    except (ValueError, KeyError, AttributeError):
        intact, body = False, {}
    if not intact:
        raise UserError(f"{path}: truncated or edited, its digest does not fit, expected an intact record; {_remedy(path)}")
    curve_sha256 = body.pop("curve_sha256")
    return from_tree(body), curve_sha256


def from_tree(tree: dict[str, Any]) -> Record:
    """A record from what asdict makes of it."""
    return Record(
        **{
            **tree,
            "proposal": Proposal(**tree["proposal"]),
            "evals": tuple(EvalPoint(**point) for point in tree["evals"]),
            "rungs": tuple(RungPoint(**point) for point in tree["rungs"]),
        }
    )


def _remedy(path: Path) -> str:
    return f"remove it (rm {path}) and run again: only this trial is trained again"
