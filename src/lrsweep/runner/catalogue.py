"""The studies by their stages."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.runner import identity
from lrsweep.runner.ablating import Ablation
from lrsweep.runner.final import FinalTraining
from lrsweep.runner.probing import Probes
from lrsweep.runner.progress import Size
from lrsweep.runner.refining import Refine
from lrsweep.runner.repeats import Audit, Race
from lrsweep.runner.scaling import Scale
from lrsweep.runner.study import Study
from lrsweep.runner.sweeps import SweepBayes, SweepUniform
from lrsweep.store.results import Results

# The stages that train, in the order of dvc.yaml
STUDIES: Mapping[str, type[Study]] = {
    kind.stage: kind for kind in (SweepUniform, Refine, Probes, SweepBayes, Audit, Race, Scale, Ablation, FinalTraining)
}


def study_of(stage: str, params: Params, results: Results) -> Study:
    """Make the study of a stage that trains."""
    return STUDIES[stage](params, results)


def started(params: Params, results: Results) -> Iterator[tuple[Size, Path]]:
    """Give the sizes of the studies that have started, each with its log of trainings.

    A study may run in another workspace with the same work folder, while the stages before it have not run here. Then the newest
    log of the stage in the work folder counts.
    """
    for stage, kind in STUDIES.items():
        study = kind(params, results)
        try:
            logs = [study.events]
        except UserError:
            logs = identity.logs(stage)
        yield from ((study.size, log) for log in logs if log.exists())
