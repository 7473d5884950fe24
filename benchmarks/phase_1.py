"""Phase 1 in the world of the replay: its trials as params.yaml has them, and the LR range that phase 2 takes from its edge."""

from dataclasses import replace

import pandas as pd

from benchmarks.clock import trial_seed
from benchmarks.ours import trained
from benchmarks.pool import SPACE
from benchmarks.world import World
from lrsweep.analysis.edge import NOT_REFINED, find_edge
from lrsweep.config.params import Params
from lrsweep.search import study
from lrsweep.search.evals import eval_rows
from lrsweep.search.trial import Record
from lrsweep.search.uniform import uniform
from lrsweep.space import Float

FIRST = 100_000  # so its trials show other noise than phase 2's of the same number


def trials(world: World, p: Params, seed: int) -> list[Record]:
    """Phase 1's trials, each trained to its end."""
    section, found = p.sweep_uniform, []
    fixed = {name: getattr(p.optimizer, name) for name in SPACE if name != "lr"}
    for k in range(section.trials):
        drawn = uniform(seed, "sweep_uniform", k, section.lr)
        proposal = replace(drawn, values={**drawn.values, **fixed})
        found.append(trained(world, proposal, section, trial_seed(seed, FIRST + k), section.steps))
    return found


def lr_range(world: World, found: list[Record], p: Params, seed: int) -> Float:
    """Phase 2's range around the edge, as the stage `edge` gives it; its spikes, which a pool has none of, do not enter it."""
    metric = p.sweep_bayes.metric
    table = pd.DataFrame([study.trial_row(record, metric, None) for record in found])
    evals = pd.DataFrame([row for record in found for row in eval_rows(record, metric)])
    steps = pd.DataFrame({name: pd.Series(dtype=float) for name in ("trial", "step", "lr", "grad_norm")})
    edge, _ = find_edge(table, evals, steps, p.edge, p.sweep_uniform, seed, NOT_REFINED)
    around = edge.lr_range
    return Float(min=around.min, max=min(around.max, float(world.most_D[0])), scale=around.scale)  # beyond, a pool knows nothing
