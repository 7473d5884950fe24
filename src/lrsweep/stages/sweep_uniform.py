"""sweep_uniform: train phase 1, trials at uniformly drawn LRs."""

from lrsweep.config.params import Params
from lrsweep.runner.sweeps import SweepUniform
from lrsweep.runner.worker import complete
from lrsweep.search.plan import Task
from lrsweep.space import Space
from lrsweep.stages.sweep import write_tables
from lrsweep.store import imported
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Train what is missing; write the tables of phase 1."""
    section = params.sweep_uniform
    if section.imported:
        found = list(imported.load("sweep_uniform", section))
    else:
        study = complete(SweepUniform(params, results))
        tasks = [Task(trial, 0, section.steps) for trial in range(section.trials)]
        found = [(study.done[task], study.path(task)) for task in tasks]
    write_tables("sweep_uniform", params, results, found, Space({"lr": section.lr}), None)
