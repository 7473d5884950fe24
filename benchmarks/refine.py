"""The runs that refine phase 1, simulated: how often each interval holds the truth, and how wide it is.

    python -m benchmarks.refine --seeds 40

Best LR: the valleys of `benchmarks.profile`, on the recorded pools and at three widths. Phase 1 draws its LRs as params.yaml has
them, and the profile starts at the best of these. Maximum stable LR: half of the runs break at a planted LR, over a planted
width; phase 1 draws its LRs, and the further runs are placed. Crossing of curvature: half of the probed runs exceed at a planted
LR. Rise of the gradient norm: it rises in the warm-up of each trial of phase 1 at an LR of its own, about a planted one. Writes
docs/benchmarks/refine.csv.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from benchmarks.frame import FOLDER
from benchmarks.our_studies import PARAMS
from benchmarks.profile import BAND, NEAR_OPTIMAL, Valley, valley
from benchmarks.search import POOLS, build, table_of
from benchmarks.world import draws
from lrsweep import files
from lrsweep.analysis.profile import Run, next_lr, profile_of
from lrsweep.analysis.ranges import Bounded
from lrsweep.analysis.rising import rise_of
from lrsweep.analysis.stability import Breaks
from lrsweep.runner.refining import HIGHEST
from lrsweep.search.uniform import uniform

WIDTHS = (0.5, 1.0, 2.0)  # of the valleys
HALVES, RISES = (0.1, 0.35), (0.05, 0.2, 0.5)  # LR at which half of the runs break, and the width of the rise in nats of log LR
PROBED = (0.0115, 0.51)  # ends of the LRs of sharpness.lrs, those of the recorded run
NORMS = (0.03, 0.07, 0.15)  # LR by which the norm of half of the trials has risen
Held = dict[str, float]


def phase_1(seed: int) -> list[float]:
    section = PARAMS.sweep_uniform
    return [uniform(seed, "sweep_uniform", k, section.lr).lr for k in range(section.trials)]


def profiled(truth: Valley, seed: int) -> Held:
    """Whether each interval of the profile holds the truth, and the ratio of its ends."""
    section = PARAMS.edge.refine
    lrs = phase_1(seed)
    losses = [truth.observe(float(np.log(lr)), draws(seed, "refine/phase 1", k)) for k, lr in enumerate(lrs)]
    start, runs = lrs[int(np.argmin(losses))], list[Run]()
    for k in range(section.profile):
        placed = next_lr(runs, [], start, section.factor, seed)
        runs.append(Run(placed.lr, k, truth.observe(float(np.log(placed.lr)), draws(seed, "refine/run", k))))
    found, band = profile_of(runs, seed), truth.within(BAND)
    right = {
        "best_lr": (found.lr, np.exp(truth.best)),
        "band_low_lr": (found.band_low, np.exp(band[0])),
        "band_high_lr": (found.band_high, np.exp(band[1])),
        "near_optimal_lr": (found.near_optimal_lr, np.exp(truth.within(NEAR_OPTIMAL)[1])),
        "best_loss_nats": (found.loss_nats, truth.true(truth.best)),
    }
    inside = {name: float(one.low <= value <= one.high) for name, (one, value) in right.items()}
    return {**inside, **{f"{name}_ratio": one.high / one.low for name, (one, _) in right.items()}}


def broken(half: float, rise: float, seed: int) -> Held:
    """Whether the interval of the maximum stable LR holds the truth, and the ratio of its ends; infinite where one is open."""
    chance, section = draws(seed, "refine/breaks"), PARAMS.edge

    def breaks(lr: float) -> bool:
        return bool(chance.random() < 1 / (1 + (half / lr) ** (1 / rise)))

    lrs = phase_1(seed)
    ends, seen = (min(lrs), HIGHEST * max(lrs)), [breaks(lr) for lr in lrs]
    for _ in range(section.refine.breaks):
        lrs.append(Breaks(np.log(lrs), np.array(seen)).next_lr(section.stable_to, *ends))
        seen.append(breaks(lrs[-1]))
    said = Breaks(np.log(lrs), np.array(seen))
    truth = half * (section.stable_to / (1 - section.stable_to)) ** rise
    return {
        **held("max_stable_lr", said.lr_at(section.stable_to, seed), truth),
        **held("half_breaks_lr", said.lr_at(0.5, seed), half),
    }


def held(name: str, found: Bounded, truth: float) -> Held:
    """Whether an interval holds the truth, and the ratio of its ends; infinite where one is open."""
    low, high = found.low or 0.0, found.high or np.inf
    return {name: float(low <= truth <= high), f"{name}_ratio": high / low if low else np.inf}


def crossed(rise: float, seed: int) -> Held:
    """The crossing of curvature, at a planted LR among those that are probed, over a planted width."""
    chance = draws(seed, "refine/crossing")
    lrs = np.geomspace(*PROBED, PARAMS.sharpness.lrs)
    half = float(np.exp(chance.uniform(*np.log(PROBED))))
    seen = chance.random(len(lrs)) < 1 / (1 + (half / lrs) ** (1 / rise))
    return held("crossing_lr", Breaks(np.log(lrs), seen).lr_at(0.5, seed), half)


def risen(median: float, spread: float, seed: int) -> Held:
    """The rise of the norm: that of a trial is at a log LR that is normal about the planted one."""
    chance, rows, warmup = draws(seed, f"refine/norm/{median}"), [], PARAMS.sweep_uniform.warmup_steps
    for trial, most in enumerate(phase_1(seed)):
        lrs, own = most * np.arange(1, warmup + 1) / warmup, median * np.exp(spread * chance.normal())
        norms = np.exp(0.1 * chance.normal(size=warmup)) * np.where(lrs >= own, 10.0, 1.0)
        rows.append(pd.DataFrame({"trial": trial, "step": range(1, warmup + 1), "lr": lrs, "grad_norm": norms}))
    found = rise_of(pd.concat(rows, ignore_index=True), warmup, seed)
    assert found
    return held("norm_rise_lr", found.lr, median)


def summary(found: list[Held]) -> dict[str, float]:
    """Shares of what was held, and medians of ratios."""
    table = pd.DataFrame(found)
    return {name: table[name].median() if name.endswith("_ratio") else table[name].mean() for name in table}


def cases() -> Iterator[tuple[str, float, Callable[[int], Held]]]:
    """What is planted, over which width, and how a seed of it is played."""
    for pool in POOLS:
        world = build(table_of(pool))
        for width in WIDTHS:
            yield pool, width, lambda seed, world=world, width=width: profiled(valley(world, width, seed), seed)
    for half, rise in product(HALVES, RISES):
        yield f"half break at {half}", rise, partial(broken, half, rise)
    for rise in RISES:
        yield "curvature crosses", rise, partial(crossed, rise)
    for median, rise in product(NORMS, RISES):
        yield f"norm rises at {median}", rise, partial(risen, median, rise)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, required=True)
    seeds, rows = range(parser.parse_args().seeds), []
    for truth, width, play in cases():
        rows.append({"truth": truth, "width": width, **summary([play(seed) for seed in seeds])})
        print(rows[-1], flush=True)
    write = partial(pd.DataFrame(rows).to_csv, index=False, float_format="%.3g", lineterminator="\n")
    files.write_text(FOLDER / "refine.csv", write())


if __name__ == "__main__":
    main()
