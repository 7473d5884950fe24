"""Checkpoints: the state of a training run and its curve so far, from which it goes on to the same bits after it was killed.

A checkpoint is a folder with what the trainer saves and curve.safetensors. It is there whole or not at all.
"""

import hashlib
import json
import shutil
from collections.abc import Generator, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_arrays

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.search.curve import STEP_COLUMNS, Curve
from lrsweep.search.trial import EvalPoint, RungPoint
from lrsweep.terminal import complain
from lrsweep.trainers.trainer import Eval, Observation, Run

KEPT = 2  # the newest, and the one before in case the newest is damaged
CURVE = "curve.safetensors"


def write(folder: Path, identity: str, run: Run, curve: Curve) -> None:
    """Write a checkpoint; `identity` is the digest of all that the run depends on."""
    unfinished = files.temporary(folder)
    with files.writing(folder), files.folder_for(folder):
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            run.save(unfinished)
            arrays = {name: np.asarray(curve.steps[name], dtype=np.float64) for name in STEP_COLUMNS}
            points = {"evals": [asdict(one) for one in curve.evals], "rungs": [asdict(one) for one in curve.rungs]}
            about = json.dumps({"identity": identity, "step": curve.last_step, **points})
            data = save_arrays(arrays, {"about": about, "sha256": _digest(about, arrays)})
            files.write_bytes(unfinished / CURVE, data)
            shutil.rmtree(folder, ignore_errors=True)
            unfinished.replace(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def read(folder: Path, identity: str, run: Run) -> Curve | None:
    """Load a checkpoint into a run and give its curve.

    Where it is damaged or another run's, say so on stderr, leave the run as it is and give None.
    """
    try:
        with safe_open(folder / CURVE, "np") as file:
            about = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in STEP_COLUMNS}
        if about.get("sha256") != _digest(about["about"], arrays):
            return _refuse(folder, "its digest does not fit")
        points = json.loads(about["about"])
        if points["identity"] != identity:
            return _refuse(folder, "it was made from other parameters, data or code")
        if (step := run.load(folder)) != points["step"]:
            return _refuse(folder, f"its state is of step {step}, its curve of step {points['step']}")
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError, KeyError, UserError) as error:
        return _refuse(folder, str(error))
    evals, rungs = [EvalPoint(**one) for one in points["evals"]], [RungPoint(**one) for one in points["rungs"]]
    return Curve(evals, {name: arrays[name].tolist() for name in STEP_COLUMNS}, rungs, last_step=points["step"])


@dataclass(frozen=True)
class Series:
    """The checkpoints of one run, in a folder that is there only while it runs."""

    folder: Path
    identity: str
    every: int | None  # steps; None for none

    def resume(self, run: Run, start: Path | None) -> Curve:
        """Load the newest good checkpoint into the run, or else the one at `start`; give its curve, empty where there is none."""
        newest_first = sorted((path for path in self.folder.glob("*") if path.name.isdecimal()), reverse=True)
        for path in [*newest_first, *([start] if start else [])]:
            if curve := read(path, self.identity, run):
                return curve
        return Curve()

    def keep(self, observations: Iterable[Observation], run: Run, curve: Curve, eval_every: int) -> Generator[Observation]:
        """Pass observations on; write a checkpoint when the consumer has added the last one of a step to the curve."""
        for seen in observations:
            yield seen
            last_of_step = isinstance(seen, Eval) or seen.step % eval_every != 0
            if self.every and seen.step and seen.step % self.every == 0 and last_of_step:
                write(self.folder / f"{seen.step:08d}", self.identity, run, curve)
                for old in sorted(path for path in self.folder.glob("*") if path.name.isdecimal())[:-KEPT]:
                    shutil.rmtree(old, ignore_errors=True)

    def remove(self) -> None:
        """Remove all checkpoints of the run, whose record is written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _digest(about: str, arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(about.encode())
    for name in STEP_COLUMNS:
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def _refuse(folder: Path, why: str) -> Curve | None:
    complain(f"{folder}: not used ({why}); training goes on from an earlier step")
    return None
