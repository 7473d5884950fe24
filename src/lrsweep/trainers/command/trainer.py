"""The trainer of a person's script. It starts runs of calls, each up to the next step where a trial may be stopped.

Each run has a folder of its own, {dir}, where the script keeps what it needs to go on. So a killed call is made again and goes on
from there, as after a rung.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from lrsweep import experiments, files
from lrsweep.errors import UserError
from lrsweep.space import Budget, Value, Values
from lrsweep.trainers.builtin.settings import NAMES
from lrsweep.trainers.command.run import CommandRun
from lrsweep.trainers.command.settings import Script

SEEDS = 2**31  # numpy and others take no larger seed


@dataclass(frozen=True)
class Command:
    """A trainer that calls a script.

    defaults: values of the names that a configuration leaves out. folder: where runs have their folders. stops: the steps at
    which a trial may be stopped. threads: for each script.
    """

    script: Script
    defaults: Mapping[str, Value]
    folder: Path
    stops: tuple[int, ...]
    threads: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "_stamps", {path: files.stamp(path) for path in files_read(self.script)})

    @property
    def names(self) -> Mapping[str, TypeAdapter]:
        """The learning rate: only the script knows what else it takes."""
        return {"lr": NAMES["lr"]}

    def start(self, values: Values, seed: int, budget: Budget) -> CommandRun:
        """Make a run of these values over the defaults; nothing is called yet.

        Raises:
            UserError: a file that trials depend on was edited since the worker started.
        """
        stamps: dict[Path, files.Stamp | None] = self.__dict__["_stamps"]
        for path, was in stamps.items():
            if files.stamp(path) != was:
                remedy = "run the same command again: trials of the new file are kept apart from those of the old one"
                raise UserError(f"{path}: found edited since this worker began, expected the same to its end; {remedy}")
        whole = {**self.defaults, **values}
        folder = run_folder(self.folder, whole, seed, budget)
        return CommandRun(self.script, whole, seed % SEEDS, budget, folder.resolve(), self.stops, self._environment(folder))

    def _environment(self, folder: Path) -> dict[str, str]:
        """Pass the environment on, with this worker's share of threads where the person has not set another.

        Python writes each line at once, since a trial is stopped by what stands there.
        """
        own = {"OMP_NUM_THREADS": os.environ.get("LRSWEEP_THREADS") or str(self.threads), "PYTHONUNBUFFERED": "1"}
        passed = {name: value for name, value in os.environ.items() if not name.startswith("LRSWEEP_")}
        return {**passed, **own, "LRSWEEP_TRIAL": str(folder.resolve() / "trial.json")}


def run_folder(folder: Path, values: Values, seed: int, budget: Budget) -> Path:
    """Give the folder of a run, by all that tells it from the other runs of a study."""
    own = json.dumps([sorted(values.items()), seed, budget.steps, budget.eval_every])
    key = hashlib.sha256(own.encode()).hexdigest()[:16]
    return folder / key[:2] / key


def files_read(script: Script) -> list[Path]:
    """Give the files that trials depend on, sorted.

    Raises:
        UserError: a path or glob of `reads` finds nothing.
    """
    found: set[Path] = set()
    for number, place in enumerate(script.reads):
        try:
            matches = [path for path in sorted(Path().glob(place)) if path.is_file()]
        except (ValueError, IndexError, NotImplementedError):  # empty, a dot, from the root, or with ** inside a name
            matches = []
        if not matches:
            expected = "a file or glob of files, as seen from the project's folder"
            what, remedy = experiments.why_missing(place, is_glob=True) or ("names no file", "correct it or remove it")
            raise UserError(f"trainer.reads[{number}]: found {place!r}, which {what}, expected {expected}; {remedy}")
        found.update(matches)
    return sorted(found)
