"""How often phase 2's LR range holds what is worth finding, beside the same range without the edge's interval.

    python -m benchmarks.ranges --seeds 50

Phase 1 is replayed on each pool, with its draws up to each of MAXIMA. Prints the table of docs/evidence.md: how many ranges hold
at least half of the places that end truly within 0.5 % of the best, and how many hold none.
"""

import argparse

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import phase_1
from benchmarks.frame import markdown
from benchmarks.our_studies import PARAMS
from benchmarks.replay import WITHIN
from benchmarks.search import POOLS, build, table_of
from benchmarks.world import NAMES, World, draws
from lrsweep.config.params import Params

MAXIMA = (0.1, 0.5, 1.0)  # of phase 1's LRs
PLACES = 20_000
HALF = 0.5


def good_lrs(world: World) -> np.ndarray:
    """The LRs of the places that are truly within 0.5 % of the best, of a dense sample of the space."""
    places_ND = draws(0, "ranges").random((PLACES, len(NAMES)))
    good = world.truth(places_ND)[:, -1] <= world.best() * (1 + WITHIN)
    return np.array([world.values(place)["lr"] for place in places_ND[good]])


def shares(world: World, p: Params, seeds: int) -> np.ndarray:
    """The share of the good places in the range of each seed: with the edge's interval, and without; 2 x seeds."""
    good, found = good_lrs(world), []
    plain = p.model_copy(update={"edge": p.edge.model_copy(update={"bootstrap": 0})})  # no interval, so below the edge itself
    for seed in range(seeds):
        trials = phase_1.trials(world, p, seed)
        both = [phase_1.lr_range(world, trials, one, seed) for one in (p, plain)]
        found.append([np.mean((good >= lr.min) & (good <= lr.max)) for lr in both])
    return np.array(found).T


def with_maximum(most: float) -> Params:
    """params.yaml with phase 1's draws up to this LR."""
    section = PARAMS.sweep_uniform
    section = section.model_copy(update={"lr": section.lr.model_copy(update={"max": most})})
    return PARAMS.model_copy(update={"sweep_uniform": section})


def cell(of_pools: list[np.ndarray]) -> str:
    """How many of each pool's ranges hold half of the good places, and how many hold none."""
    half = ", ".join(str(int((one >= HALF).sum())) for one in of_pools)
    none = ", ".join(str(int((one == 0).sum())) for one in of_pools)
    return f"{half} ({none} hold none)" if any((one == 0).any() for one in of_pools) else half


@threadpool_limits.wrap(limits=1)
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, required=True)
    args = parser.parse_args()
    worlds = [build(table_of(pool)) for pool in POOLS]
    rows = []
    for most in MAXIMA:
        found = [shares(world, with_maximum(most), args.seeds) for world in worlds]
        rows.append([f"{most:g}", *(cell([one[i] for one in found]) for i in range(2))])
    starts = [f"from {end} / {PARAMS.edge.below:g}" for end in ("the interval's lower end", "the edge")]
    print(markdown(["phase 1 draws up to", *starts], rows))


if __name__ == "__main__":
    main()
