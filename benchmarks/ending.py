"""The ending of phase 2: the steps at which it comes, and what the race then chooses, in worlds whose truth is known.

    python -m benchmarks.ending --seeds 50 [--pools stories hard] [--jobs 2] [--tables]

Writes docs/benchmarks/ending.csv, a row a pool. The pools are those of benchmarks.search, and *hard* and *drift* of
benchmarks.worlds. The study and the race are as params.yaml has them; the study searches the whole space of the pool and knows
nothing of phase 1. An interrupted call goes on where it was: each seed's outcome lies in work/search, under a digest of the code
and the pool.

A race is truly right within the share by which the chosen configuration's true loss is above the best in the space. Wasted is a
proposal after the block whose true loss is more than a tenth above that.
"""

import argparse
import json
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks import outcomes, search
from benchmarks.clock import trial_seed
from benchmarks.frame import FOLDER
from benchmarks.our_studies import PARAMS, variant
from benchmarks.ours import OurStudy
from benchmarks.outcomes import STUDY, Needs
from benchmarks.pool import SPACE
from benchmarks.world import World
from benchmarks.worlds import warped
from lrsweep import files
from lrsweep.search import racing, repeats, study
from lrsweep.search.ending import ended_at

POOLS = (*search.POOLS, "hard", "drift")
NEEDS = Needs(
    (*STUDY.files, "worlds", "ending"),
    (*STUDY.modules, "search.ending", "search.racing", "search.repeats"),
    STUDY.sections | {"select"},
)
RACE = 200_000  # so its seeds show other noise than phase 2's
WASTED, RIGHT, NEAR = 0.1, 0.005, 0.01  # shares of the best true loss
STEPS_GOAL, RIGHT_GOAL, NEAR_GOAL = 9_000, 0.9, 1.0  # of the median; of the seeds


@dataclass(frozen=True)
class Outcome:
    """A study with its race. `regret` is the share by which the chosen true loss is above the best."""

    trials: int
    steps: int
    ended_by_rule: bool
    wasted: float  # share of the proposals after the block
    within: bool  # whether some complete trial is right
    race_runs: int
    regret: float


def outcome(world: World, seed: int) -> Outcome:
    """Plays a study to its ending, and the race that follows."""
    section, best = PARAMS.sweep_bayes, world.best()
    ours = OurStudy(variant(), world, seed)
    while True:
        promises = {k: one.promise for k, one in enumerate(ours.proposals) if k >= section.first_block}
        if ended_at(promises, section) is not None and len(ours.records) >= (ended_at(promises, section) or 0):
            break
        ours.grow()
    regrets = np.array([float(world.truth(ours.place(k)[None])[0, -1]) / best - 1 for k in range(len(ours.records))])
    rows = [study.trial_row(record, section.metric, section.metric.name) for record in ours.records]
    runs, chosen = race(world, rows, seed)
    complete = [k for k, row in enumerate(rows) if row["state"] == study.COMPLETE]
    return Outcome(
        trials=len(rows),
        steps=sum(row["steps"] for row in rows),
        ended_by_rule=len(rows) < section.trials,
        wasted=float((regrets[section.first_block :] > WASTED).mean()),
        within=bool((regrets[complete] <= RIGHT).any()),
        race_runs=runs,
        regret=chosen / best - 1,
    )


def race(world: World, rows: list[study.Row], seed: int) -> tuple[int, float]:
    """Races the best trials over other seeds; gives the number of its runs, and the chosen true loss."""
    section = PARAMS.select
    found = repeats.candidates(rows, SPACE, section.candidates, section.default)
    places = [world.place(dict(one.values)) for one in found]

    def loss(entry: racing.Entry) -> float:
        return float(world.observe(places[entry.candidate], trial_seed(seed, RACE + entry.trial))[-1])

    rounds = list(racing.run(len(found), section, loss))
    chosen = places[rounds[-1].standing[0]]
    return sum(len(one.entries) for one in rounds), float(world.truth(chosen[None])[0, -1])


def folder_of(pool: str) -> Path:
    """Where the outcomes of a pool lie."""
    return outcomes.folder_for(table_of(pool), NEEDS) / f"ending-{pool}"


def table_of(pool: str) -> Path:
    """The curves that a pool is, or is drawn from."""
    return search.table_of(pool if pool in search.POOLS else search.POOLS[0])


@threadpool_limits.wrap(limits=1)
def play(pool: str, seeds: Iterable[int]) -> None:
    """Plays the seeds that have no outcome yet."""
    base = search.build(table_of(pool))
    for seed in seeds:
        path = folder_of(pool) / f"{seed}.json"
        if not path.exists():
            found = outcome(base if pool in search.POOLS else warped(base, pool, seed), seed)
            files.write_text(path, json.dumps(asdict(found)))
            print(f"{pool} {seed}: {found}", flush=True)


def row_of(pool: str, seeds: int) -> dict[str, object]:
    """Sums up what there is of a pool."""
    paths = [folder_of(pool) / f"{seed}.json" for seed in range(seeds)]
    found = [Outcome(**json.loads(path.read_text())) for path in paths if path.exists()]
    if not found:
        return {"pool": pool, "seeds": 0}
    steps, regrets = [one.steps for one in found], np.array([one.regret for one in found])
    right, near = (float((regrets <= share).mean()) for share in (RIGHT, NEAR))
    return {
        "pool": pool,
        "seeds": len(found),
        "ended_by_rule": sum(one.ended_by_rule for one in found),
        "trials_median": median(one.trials for one in found),
        "steps_median": median(steps),
        "steps_low": np.quantile(steps, 0.25),
        "steps_high": np.quantile(steps, 0.75),
        "steps_goal": STEPS_GOAL,
        "wasted": round(float(np.mean([one.wasted for one in found])), 3),
        "some_trial_within_half_percent": sum(one.within for one in found),
        "race_runs": round(float(np.mean([one.race_runs for one in found])), 1),
        "chosen_within_half_percent": int((regrets <= RIGHT).sum()),
        "chosen_within_one_percent": int((regrets <= NEAR).sum()),
        "chosen_median_percent": round(100 * float(np.median(regrets)), 3),
        "chosen_worst_percent": round(100 * float(regrets.max()), 3),
        "met": median(steps) <= STEPS_GOAL and right >= RIGHT_GOAL and near >= NEAR_GOAL,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--pools", nargs="*", default=POOLS, choices=POOLS)
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--tables", action="store_true", help="play nothing, and write the table of what is there")
    args = parser.parse_args()
    if not args.tables:
        parts = [(pool, range(part, args.seeds, args.jobs)) for pool, part in product(args.pools, range(args.jobs))]
        with ProcessPoolExecutor(args.jobs) as workers:
            list(workers.map(play, *zip(*parts, strict=True)))
    table = pd.DataFrame([row_of(pool, args.seeds) for pool in POOLS])
    with files.atomic_writer(FOLDER / "ending.csv") as file:
        file.write(table.to_csv(index=False, lineterminator="\n").encode())
    print(table.T.to_string(header=False))


if __name__ == "__main__":
    main()
