"""Checkpoints: the state of a training run and its curve so far, from which it goes on to the same bits after it was killed.

One safetensors file holds both, with a digest over all of it. No random state: batches are drawn from (seed, step).
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lrsweep import files
from lrsweep.search.curves import Curve
from lrsweep.search.trial import EvalPoint, RungPoint
from lrsweep.store.records import STEP_COLUMNS
from lrsweep.trainers.builtin.training import Eval, State, Step

KEPT = 2  # the newest, and the one before in case that it is damaged


def write(path: Path, identity: str, state: State, curve: Curve) -> None:
    """Writes a checkpoint, whole or not at all; `identity` is a digest of all that the run depends on."""
    columns = {f"curve/{name}": torch.from_numpy(np.asarray(curve.steps[name], dtype=np.float64)) for name in STEP_COLUMNS}
    tensors = {**state.tensors(), **columns}
    points = {"evals": [asdict(point) for point in curve.evals], "rungs": [asdict(point) for point in curve.rungs]}
    text = json.dumps({"identity": identity, **points})
    files.write_bytes(path, save(tensors, {"about": text, "sha256": _digest(text, tensors)}))


def read(path: Path, identity: str, state: State) -> Curve | None:
    """Puts a checkpoint into the state and returns its curve; None, and the state as it was, where it is not this run's or
    not intact, which is said on stderr."""
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a mapping
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError) as error:
        return _refuse(path, str(error))
    if "about" not in about or about.get("sha256") != _digest(about["about"], tensors):
        return _refuse(path, "its digest does not fit")
    points = json.loads(about["about"])
    if points["identity"] != identity:
        return _refuse(path, "made from other parameters, data or code")
    state.load_tensors(tensors)
    evals, rungs = [EvalPoint(**point) for point in points["evals"]], [RungPoint(**point) for point in points["rungs"]]
    steps = {name: tensors[f"curve/{name}"].tolist() for name in STEP_COLUMNS}
    return Curve(evals, steps, rungs, last_step=state.step)


@dataclass(frozen=True)
class Series:
    """The checkpoints of one run, in a folder that is there only while it runs."""

    folder: Path
    identity: str
    every: int | None  # steps; None for none

    def resume(self, state: State, start: Path | None) -> Curve:
        """Puts the newest good checkpoint into the state, or the one at `start`; returns its curve, an empty one without any."""
        newest_first = sorted(self.folder.glob("*.safetensors"), reverse=True)
        for path in [*newest_first, *([start] if start else [])]:
            if curve := read(path, self.identity, state):
                return curve
        return Curve()

    def keep(self, observations: Iterable[Step | Eval], state: State, curve: Curve, eval_every: int) -> Iterator[Step | Eval]:
        """Passes observations on, and writes a checkpoint once the consumer has put the last one of a step into the curve."""
        for seen in observations:
            yield seen
            last_of_step = isinstance(seen, Eval) or seen.step % eval_every != 0
            if self.every and seen.step and seen.step % self.every == 0 and last_of_step:
                write(self.folder / f"{seen.step:08d}.safetensors", self.identity, state, curve)
                for old in sorted(self.folder.glob("*.safetensors"))[:-KEPT]:
                    old.unlink(missing_ok=True)  # a job that outlived a killed runner may be at the same training

    def remove(self) -> None:
        """Removes all of them: what they were for is written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _digest(about: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(about.encode())
    for name in sorted(tensors):
        tensor = tensors[name].cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy())
    return digest.hexdigest()


def _refuse(path: Path, why: str) -> Any:
    print(f"lrsweep: {path}: not used ({why}); training goes on from an earlier step", file=sys.stderr)
    return None
