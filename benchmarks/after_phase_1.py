"""Our study after phase 1: in the LR range that it gives, told of its trials, or both.

Phase 1's own steps are not counted: the pipeline trains it for the edge, with or without these.
"""

from benchmarks import phase_1
from benchmarks.our_studies import PARAMS, variant
from benchmarks.ours import Start, whole
from benchmarks.ours import play as play  # replay's way to time a study that is made in trial order
from benchmarks.pool import SPACE
from benchmarks.world import World
from lrsweep.space import Space


def _range_alone(world: World, seed: int) -> Start:
    return _both(world, seed)._replace(prior=[])


def _trials_alone(world: World, seed: int) -> Start:
    return whole(world, seed)._replace(prior=phase_1.trials(world, PARAMS, seed))


def _both(world: World, seed: int) -> Start:
    known = phase_1.trials(world, PARAMS, seed)
    return Start(Space.of(SPACE.dimensions, phase_1.lr_range(world, known, PARAMS, seed)), known)


_TOLD = {"prior": "sweep_uniform", "first_block": 0}
CONTESTANTS = {
    "ours, in the range of phase 1": variant(start=_range_alone),
    "ours, in the range of phase 1 and told of it": variant(start=_both, **_TOLD),
    "ours, told of phase 1": variant(start=_trials_alone, **_TOLD),
}
