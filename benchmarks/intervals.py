"""How often the intervals that `select` states hold the truth, in simulated studies on the recorded pools.

    python -m benchmarks.intervals --studies 1000

A study draws trials around the pool's best LR and observes each once; the race, what confirms it and the choice then go as in
params.yaml. A run observes the smooth truth of the pool times the residual of one of the 12 curves of the pool that are nearest
in LR, about their mean: so noise is neither normal nor the same at each LR. The truth of a configuration is its mean over the 12.
Writes docs/benchmarks/intervals.csv.
"""

import argparse
import math
from functools import partial

import numpy as np
import pandas as pd

from benchmarks.frame import FOLDER
from benchmarks.our_studies import PARAMS
from benchmarks.pool import SPACE
from benchmarks.search import POOLS, build, table_of
from benchmarks.world import NEAR, World, draws
from lrsweep import files
from lrsweep.analysis.noise import Estimate, Noise
from lrsweep.analysis.selection import choose
from lrsweep.search import racing, repeats
from lrsweep.search.racing import Entry
from lrsweep.search.trial import COMPLETE

TRIALS, SPREAD = 60, 0.1  # of a study; standard deviation of their LRs, in shares of the pool's range
GOAL = 0.93


class Noisy:
    """Configurations of a world (shares M x D) with their true means in nats, and their runs."""

    def __init__(self, world: World, shares_MD: np.ndarray) -> None:
        smooth_M = world.truth(shares_MD)[:, -1]
        near_MN = np.argsort(np.abs(shares_MD[:, :1] - world.points_ND[:, 0]), axis=1, kind="stable")[:, :NEAR]
        residuals_MN = world.residuals_NE[near_MN, -1]
        centred_MN = (residuals_MN - residuals_MN.mean(1, keepdims=True)) * math.sqrt(NEAR / (NEAR - 1))
        self.losses_MN = smooth_M[:, None] * np.exp(centred_MN)

    def true(self, number: int) -> float:
        """The mean loss of a configuration."""
        return float(self.losses_MN[number].mean())

    def run(self, number: int, random: np.random.Generator) -> float:
        """The loss of one run."""
        return float(self.losses_MN[number, random.integers(NEAR)])


def studied(world: World, best_lr: float, seed: int) -> dict[str, float]:
    """Play a study, its race and what confirms it: 1 where an interval holds the truth, 0 where not, and the errors in nats."""
    random, section = draws(seed, "intervals"), PARAMS.select
    shares_MD = random.random((TRIALS, len(SPACE)))
    shares_MD[:, 0] = np.clip(best_lr + SPREAD * random.normal(size=TRIALS), 0, 1)
    values = [SPACE.draw(shares) for shares in shares_MD]
    world_M = Noisy(world, np.vstack([[world.place(one) for one in values], world.place(section.default)]))
    rows = [{"trial": k, "state": COMPLETE, **one, "final_loss_nats": world_M.run(k, random)} for k, one in enumerate(values)]
    found = repeats.candidates(rows, SPACE, section.candidates, section.default)
    of = [TRIALS if one.trial is None else one.trial for one in found]
    losses: dict[Entry, float] = {}

    def loss(entry: Entry) -> float:
        losses[entry] = world_M.run(of[entry.candidate], random)
        return losses[entry]

    standing = list(racing.run(len(found), section, loss))[-1].standing
    raced = {c: [value for entry, value in losses.items() if entry.candidate == c] for c in range(len(found))}
    won = racing.winner(standing, raced)
    table = [(entry.candidate, 0.0, value) for entry, value in losses.items()]
    table += [(entry.candidate, math.nan, loss(entry)) for entry in racing.confirming(won, section)]
    replicates = pd.DataFrame(table, columns=["candidate", "round", "final_loss_nats"]).assign(state=COMPLETE)
    trials = pd.DataFrame(rows)
    trials.attrs = {"space": SPACE}
    choice = choose(found, replicates, standing, trials, section)
    chosen, true = of[choice.candidate], [world_M.true(number) for number in of]
    lucky, gap = next(one for one in found if one.trial == choice.luck.trial), true[choice.candidate] - true[0]
    single = world_M.run(lucky.trial, random)
    alone = Estimate.of(raced[choice.candidate], Noise.of([raced[c] for c in range(1, len(found))]))
    apart = [c for c in range(len(found)) if c != choice.candidate and c not in choice.within_noise]
    return {
        "loss": choice.loss.low_nats <= world_M.true(chosen) <= choice.loss.high_nats,
        "loss_by_the_race": alone.low_nats <= world_M.true(chosen) <= alone.high_nats,
        "gain": choice.difference_to_default.low_nats <= gap <= choice.difference_to_default.high_nats,
        "luck": abs(single - choice.luck.mean_nats) <= choice.luck.usual_nats,
        "apart_are_worse": all(true[c] > true[choice.candidate] for c in apart),
        "loss_error_nats": choice.loss.mean_nats - world_M.true(chosen),
        "race_error_nats": alone.mean_nats - world_M.true(chosen),
        "width_nats": choice.loss.high_nats - choice.loss.low_nats,
        "regret": world_M.true(chosen) / min(world_M.losses_MN.mean(1)) - 1,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, required=True)
    studies, rows = parser.parse_args().studies, []
    for pool in POOLS:
        world = build(table_of(pool))
        dense_MD = draws(0, "best").random((4_000, len(SPACE)))
        best_lr = float(dense_MD[world.truth(dense_MD)[:, -1].argmin(), 0])
        found = pd.DataFrame([studied(world, best_lr, seed) for seed in range(studies)]).astype(float)
        stated = found[["loss", "gain", "luck", "apart_are_worse"]].mean()
        rows.append({"pool": pool, "studies": studies, **found.mean(), "goal": GOAL, "met": bool((stated >= GOAL).all())})
        print({name: value if isinstance(value, str) else round(float(value), 4) for name, value in rows[-1].items()}, flush=True)
    write = partial(pd.DataFrame(rows).to_csv, index=False, float_format="%.4g", lineterminator="\n")
    files.write_text(FOLDER / "intervals.csv", write())


if __name__ == "__main__":
    main()
