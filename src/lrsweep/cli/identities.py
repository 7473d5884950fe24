"""What the trainings of the stages depend on, in the form that provenance records and compares."""

from contextlib import suppress
from importlib.metadata import version

from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.provenance.recording import Identity
from lrsweep.runner.catalogue import STUDIES, study_of
from lrsweep.store.results import FOLDER, Results


def identity(stage: str, params: Params) -> Identity | None:
    """Give what the trainings of a stage depend on now; None where it trains nothing.

    Raises:
        UserError: the stages before it have not run.
    """
    if stage not in STUDIES or not (study := study_of(stage, params, Results(FOLDER))).size.at_once:
        return None
    found = study.identity
    return Identity(found.digest, found.content["capability"], version("torch"), found.content["code"])


def identities(params: Params) -> dict[str, Identity]:
    """Give what the trainings of all stages depend on, where it is known."""
    known = {}
    for stage in STUDIES:
        with suppress(UserError):  # a missing or damaged file is reported as such
            if found := identity(stage, params):
                known[stage] = found
    return known
