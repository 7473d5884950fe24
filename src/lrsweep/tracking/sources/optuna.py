"""Trials of an Optuna study, from a storage in a file: SQLite or a journal."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lrsweep.errors import UserError
from lrsweep.tracking.sources.source import History, Piece, broken, known, need

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

SQLITE = b"SQLite format 3\x00"
NAMES = {"eval/loss_nats": "value", "train/loss_nats": "", "train/grad_norm": ""}  # what a trial reports has no other names


def find(path: Path) -> Iterator[Piece]:
    """Find the trials of every study in a storage. A trial can be left out by STUDY/NUMBER, its number or its study's name.

    Raises:
        UserError: the path is missing or no storage, or a study minimizes nothing.
    """
    need(path)
    import optuna

    optuna.logging.set_verbosity(logging.ERROR)
    try:
        storage = _open(path)
        studies = storage.get_all_studies()
        for study in studies:
            for trial in storage.get_all_trials(study._study_id, deepcopy=False):
                yield _trial(path, study, trial)
    except UserError:
        raise
    except Exception as error:  # of SQLAlchemy, of JSON, of Optuna's own kinds
        said = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path}: cannot be read as a storage of Optuna ({said}), expected SQLite or a journal of Optuna 3 or later; copy it"
            " again, or upgrade it: optuna storage upgrade"
        ) from None
    if not studies:
        raise UserError(f"{path}: found no study in it, expected one with trials; name the storage that the study used")


def _open(path: Path) -> "BaseStorage":
    """Open a storage to read it; a file of SQLite is opened so that nothing can write to it."""
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if not path.is_file():
        raise UserError(f"{path}: found a folder, expected the file of a storage, such as study.db or journal.log; name that")
    with path.open("rb") as file:
        head = file.read(len(SQLITE))
    if head == SQLITE:
        return RDBStorage(f"sqlite:///file:{quote(str(path.resolve()))}?mode=ro&uri=true", skip_table_creation=True)
    if not head.startswith(b"{"):
        raise UserError(f"{path}: found neither SQLite nor a journal, expected the file of an Optuna storage; name that")
    return JournalStorage(JournalFileBackend(str(path)))


def _trial(path: Path, study: Any, trial: Any) -> Piece:
    own, place = f"{study.study_name}/{trial.number}", f"{path}: study {study.study_name}, trial {trial.number}"
    names = (own, str(trial.number), study.study_name)
    if not all(direction.name == "MINIMIZE" for direction in study.directions) or len(study.directions) != 1:
        found = ", ".join(direction.name.lower() for direction in study.directions)
        return broken(
            UserError(f"{place}: the study's direction is {found}, expected minimize, of a loss; correct the study"),
            place,
            *names,
        )
    if not trial.state.is_finished():
        said = f"the trial is {trial.state.name}, expected one that has ended; wait for it"
        return broken(UserError(f"{place}: {said}"), place, *names)
    if not trial.intermediate_values:
        said = "reported no values on its way (trial.report), expected an eval at each step that has one; report them"
        return broken(UserError(f"{place}: {said}"), place, *names)
    config = {**trial.user_attrs, **trial.params}
    rows = [
        (f"{place}, step {step}", {"step": step, "value": value}) for step, value in sorted(trial.intermediate_values.items())
    ]
    return known(History(own, str(trial.number), place, config, rows), study.study_name)
