"""The premise of a run: params.yaml and the code that decides trials stay as they were when it began, or it ends with a line.

A process trains under the identity of what it has in memory, so an edit enters no record. But a process that starts after the
edit would train something else than those before it.
"""

import json
import os
import time
from collections.abc import Iterable
from typing import Any

from lrsweep import files
from lrsweep.config import checking
from lrsweep.config.checking import PARAMS
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.runner import identity, meaning
from lrsweep.store.results import Results

VARIABLE = "LRSWEEP_PARAMS"  # the parameters that a run began with, which its jobs inherit
MOST_BYTES = 120_000  # Linux takes 128 KiB for a variable, its name included
SAVING_S = 1.0  # in which an editor has saved a file


def begin(params: Params) -> None:
    """Begin a run with these parameters: this process and all that it starts.

    Raises:
        UserError: they are too large for the environment.
    """
    text = json.dumps(_tree(params))
    if len(text) > MOST_BYTES:
        found = f"found values of {len(text)} bytes as JSON, expected at most {MOST_BYTES}, which a process can hand to its jobs"
        raise UserError(f"{PARAMS}: {found}; shorten the longest texts and lists")
    os.environ[VARIABLE] = text


def load() -> Params:
    """Read params.yaml for a command, which is part of a run or begins one.

    Raises:
        UserError: the file is wrong, or was edited since the run began.
    """
    params = checking.load(PARAMS)
    if VARIABLE in os.environ:
        _hold(params)
    else:
        begin(params)
    return params


def hold_data(found: identity.Identity, results: Results) -> None:
    """Compare the text that was loaded for a study with the text of its identity.

    Raises:
        UserError: it was made anew in between.
    """
    known = found.content["tokens"]
    if known and known != identity.tokens_of(results, known):
        raise _changed([results.path(identity.TOKENS)])


class Watch:
    """A watch for edits, which costs next to nothing while the times of the files stay the same."""

    def __init__(self) -> None:
        self._stamp: files.Stamp | None = None

    def check(self) -> None:
        """Compare params.yaml and the code with what the run began with.

        Raises:
            UserError: one of them was edited.
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
    """Give the parameters that decide results; the others of `execution` may change during a run, except the device."""
    tree = params.model_dump(mode="json")
    return {**tree, "execution": {"device": tree["execution"]["device"]}}
