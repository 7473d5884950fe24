"""The record of a trial as files: what was trained and what came of it, with a digest that shows damage and edits.

A record is two files: NNNNN.json and, with every step of the curve, NNNNN.safetensors. It holds no time and no host, so the
same trial has the same bytes wherever and whenever it ran.
"""

import hashlib
import json
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.search.curve import STEP_COLUMNS
from lrsweep.search.trial import EvalPoint, Proposal, Record
from lrsweep.space import Values
from lrsweep.store.tables import space_of

if TYPE_CHECKING:
    import pandas as pd

Found = tuple[Record, Path]  # a record, and its path or that of the later record beside which its curve lies


def canonical_digest(value: Any) -> str:
    """Give the SHA-256 of a JSON value in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def record_path(folder: Path, trial: int) -> Path:
    """Give the path of a trial's record; a thousand trials share a folder."""
    return folder / f"{trial // 1000:03d}" / f"{trial:05d}.json"


def save(path: Path, record: Record, curve: Mapping[str, Any]) -> None:
    """Write a record and its curve: arrays of STEP_COLUMNS, one value a step from step 1."""
    data = save_arrays({name: np.asarray(curve[name], dtype=np.float64) for name in STEP_COLUMNS})
    files.write_bytes(curve_path(path), data)
    _write(path, {**asdict(record), "curve_sha256": hashlib.sha256(data).hexdigest()})


def load(path: Path, identity: str) -> Record:
    """Read a record.

    Raises:
        FileNotFoundError: there is none.
        UserError: it is damaged, was edited, or was made from other parameters, data or code.
    """
    record, _ = _read(path)
    if record.identity != identity:
        found = "found a record made from other parameters, data or code"
        raise UserError(f"{path}: {found}, expected one of {identity[:12]}; {_remedy(path)}")
    return record


def load_curve(path: Path) -> dict[str, np.ndarray]:
    """Read the curve of a record: float64 arrays of STEP_COLUMNS, one value a step from step 1.

    Raises:
        UserError: the curve is missing, damaged, or not the one that the record was written with.
    """
    expected, beside = curve_digest(path), curve_path(path)
    try:
        data = beside.read_bytes()
        curve = load_arrays(data)
    except (FileNotFoundError, IsADirectoryError, SafetensorError) as error:
        found = f"missing or damaged ({error}), expected the curve of the record"
        raise UserError(f"{beside}: {found}; {_remedy(path)}") from None
    if hashlib.sha256(data).hexdigest() != expected:
        raise UserError(f"{beside}: its digest is not the recorded one, expected the curve of the record; {_remedy(path)}")
    return curve


def curve_path(path: Path) -> Path:
    """Give the path of the curve of a record."""
    return path.with_suffix(".safetensors")


def curve_digest(path: Path) -> str:
    """Give the SHA-256 that a record says its curve has.

    Raises:
        UserError: the record is damaged or was edited.
    """
    return _read(path)[1]


def exists(path: Path) -> bool:
    """Say whether both files of a record are there."""
    return all(one.is_file() or one.is_dir() for one in (path, curve_path(path)))  # not a pipe, which never ends


def keep(path: Path, identity: str, content: Mapping[str, Any]) -> None:
    """Keep JSON of a study beside its records, so that it need not be made again."""
    _write(path, {"identity": identity, **content})


def kept(path: Path, identity: str) -> dict[str, Any] | None:
    """Read what `keep` has written; None where it is missing, damaged or another study's, since it can be made again."""
    with suppress(FileNotFoundError):
        body = _body(path)
        if body and body.pop("identity", None) == identity:
            return body
    return None


def of_tables(trials: "pd.DataFrame", evals: "pd.DataFrame", identity: str, complete: Callable[[Values], Values]) -> list[Record]:
    """Give the trials of two tables as records, in order; `complete` adds the values of what their study did not vary."""
    found, names = [], space_of(trials).names
    points = {trial: rows.sort_values("step") for trial, rows in evals.groupby("trial")}
    for row in trials.sort_values("trial").to_dict("records"):
        values = complete({name: row[name] for name in names})
        curve = points[row["trial"]].itertuples() if row["trial"] in points else ()
        seen = tuple(EvalPoint(int(one.step), float(one.lr), float(one.loss_nats)) for one in curve)
        proposal = Proposal.known(int(row["trial"]), values, "uniform")
        found.append(Record(identity, proposal, int(row["seed"]), row["state"], int(row["steps"]), seen, ()))
    return found


def _write(path: Path, body: Mapping[str, Any]) -> None:
    text = json.dumps({"digest": canonical_digest(body), **body}, allow_nan=False)
    files.write_bytes(path, text.encode() + b"\n")


def _body(path: Path) -> dict[str, Any] | None:
    """Read what _write wrote; None where it is cut short or was edited."""
    try:
        body: dict[str, Any] = json.loads(path.read_bytes())
        return body if body.pop("digest") == canonical_digest(body) else None
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError, IsADirectoryError):
        return None


def _read(path: Path) -> tuple[Record, str]:
    body = _body(path)
    if body is None:
        raise UserError(f"{path}: truncated or edited, its digest does not fit, expected an intact record; {_remedy(path)}")
    curve_sha256 = body.pop("curve_sha256")
    return Record.from_tree(body), curve_sha256


def _remedy(path: Path) -> str:
    command = f"rm {'-r ' if path.is_dir() else ''}{shlex.quote(str(path))}"
    return f"remove it ({command}) and run again: only this trial is trained again"
