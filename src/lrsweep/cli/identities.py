"""What the trainings of the stages depend on, in the form that provenance records and compares."""

from contextlib import suppress
from importlib.metadata import version

from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.provenance.recording import Identity
from lrsweep.runner.catalogue import study_of
from lrsweep.runner.extent import FANNED_OUT, most_workers
from lrsweep.store.results import FOLDER, Results


def identity(stage: str, params: Params) -> Identity | None:
    """Give what the trainings of a stage depend on now; None where it trains nothing.

    Raises:
        UserError: the stages before it have not run.
    """
    if stage not in FANNED_OUT or not most_workers(stage, params):
        return None
    found = study_of(stage, params, Results(FOLDER)).identity
    return Identity(found.digest, found.content["capability"], version("torch"), found.content["code"])


def identities(params: Params) -> dict[str, Identity]:
    """Give what the trainings of all stages depend on, where it is known."""
    known = {}
    for stage in FANNED_OUT:
        with suppress(UserError):  # a missing or damaged file is reported as such
            if found := identity(stage, params):
                known[stage] = found
    return known
