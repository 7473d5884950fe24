"""sweep_uniform: train phase 1, trials at uniformly drawn LRs."""

from lrsweep.config.params import Params
from lrsweep.runner.sweeps import SweepUniform
from lrsweep.space import Space
from lrsweep.stages.sweep import write_tables
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Train what is missing; write the tables of phase 1."""
    write_tables(SweepUniform(params, results), Space({"lr": params.sweep_uniform.lr}), None)
