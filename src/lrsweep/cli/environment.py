"""The variables of the environment that a person may set, with what each may be."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from lrsweep.errors import UserError
from lrsweep.trainers.devices import VARIABLE


class Variable(NamedTuple):
    """What a variable may be, in words, and what to do instead."""

    accepts: Callable[[str], bool]
    expected: str
    remedy: str


VARIABLES: Mapping[str, Variable] = {
    VARIABLE: Variable(
        lambda said: said in ("", "cpu", "cuda"),
        "cpu or cuda",
        "correct it, or unset it; CUDA_VISIBLE_DEVICES=7 names one GPU",
    ),
    "LRSWEEP_THREADS": Variable(
        lambda said: not said or (said.isascii() and said.isdecimal() and int(said) > 0),
        "a number of threads, at least 1",
        "correct it, or unset it for a worker's share of the cores",
    ),
    "LRSWEEP_WORK": Variable(
        lambda said: bool(said.strip()) and not said.startswith("~") and (Path(said).is_dir() or not Path(said).exists()),
        "a folder, written out where a ~ stands for the home",
        "correct it, or unset it for work/ in this folder",
    ),
}


def check() -> None:
    """Check the variables that are set.

    Raises:
        UserError: one has a value that it may not have.
    """
    for name, variable in VARIABLES.items():
        if (said := os.environ.get(name)) is not None and not variable.accepts(said):
            raise UserError(f"{name}: found {said!r} in the environment, expected {variable.expected}; {variable.remedy}")
