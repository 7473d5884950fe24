"""What a run was begun with: to its end params.yaml and the code that decides trials stay as they were, or it ends with a line.

A process trains under the identity of what it has in memory, so an edit gets into no record. But what is made after it would lie
beside what was made before.
"""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lrsweep import files
from lrsweep.config import checking
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.runner import identity, meaning

PARAMS = Path("params.yaml")
VARIABLE = "LRSWEEP_PARAMS"  # what a run began with, as its jobs inherit it
SAVING_S = 1.0  # in which an editor has saved a file


def begin(params: Params) -> None:
    """Begin a run with these parameters: this process and all that it starts."""
    os.environ[VARIABLE] = json.dumps(_tree(params))


def load() -> Params:
    """Read params.yaml for a command, which is part of a run or is one itself.

    Raises:
        UserError: the file is wrong, or other than where the run began.
    """
    params = checking.load(PARAMS)
    if VARIABLE in os.environ:
        _hold(params)
    else:
        begin(params)
    return params


class Watch:
    """Looks whether something was edited; as long as the times of files stay, that costs next to nothing."""

    def __init__(self) -> None:
        self._stamp: files.Stamp | None = None

    def check(self) -> None:
        """Hold params.yaml and the code against what the run began with.

        Raises:
            UserError: one of them is other now.
        """
        try:
            self._check()
        except UserError:
            time.sleep(SAVING_S)
            self._check()

    def _check(self) -> None:
        if code := meaning.edited():
            raise _changed(code)
        stamp = files.stamp(PARAMS)
        if stamp != self._stamp and VARIABLE in os.environ:
            _hold(checking.load(PARAMS))
        self._stamp = stamp


def _hold(params: Params) -> None:
    if keys := identity.differences(json.loads(os.environ[VARIABLE]), _tree(params)):
        raise _changed([f"{PARAMS}: {key}" for key in keys])


def _changed(what: Iterable[object]) -> UserError:
    remedy = "run the same command again, with or without the edit: nothing that had finished is lost"
    return UserError(f"{', '.join(map(str, what))}: found edited since this run began, expected the same to its end; {remedy}")


def _tree(params: Params) -> dict[str, Any]:
    """Give what decides results: how the work is done may change on the way, but not on what."""
    tree = params.model_dump(mode="json")
    return {**tree, "execution": {"device": tree["execution"]["device"]}}
