"""How far the intervals of ablations can be trusted: planted valleys, runs placed as the stage places them.

    python -m benchmarks.ablations --studies 100

Each study has a baseline, four variants without a difference but with other best and breaking LRs, and one that is 5 % worse.
"""

import argparse
import math

import numpy as np

from lrsweep.analysis import breaking, profile
from lrsweep.analysis.ablations import Setting, Tried, compare
from lrsweep.analysis.profile import Run

LR, FACTOR, LADDER, SEEDS, PROFILE_RUNS, EDGE_RUNS = 0.02, 3.0, (0, -1, -2, -3, 1, 2, 3), 3, 5, 2  # as the preset has them
FLOOR_NATS, UNTRAINED_NATS, LIMIT_NATS = 2.0, 6.0, 4.0
WORSE = 0.05  # relative loss


class World:
    """A configuration: the log of its loss is a skewed valley with noise between seeds, and breaks from an LR on."""

    def __init__(self, random: np.random.Generator, worse: float) -> None:
        self.random, self.worse = random, worse
        self.best, self.breaks = (math.exp(random.normal(math.log(lr), 0.6)) for lr in (0.02, 0.3))
        self.curvature, self.skew = math.exp(random.normal(math.log(0.03), 0.5)), random.uniform(-0.2, 0.4)
        self.noise, self.width = math.exp(random.normal(math.log(0.008), 0.4)), math.exp(random.normal(math.log(0.1), 0.5))

    def run(self, lr: float, number: int) -> Run:
        """Train."""
        if math.log(lr / self.breaks) + self.random.logistic(0, self.width) > 0:
            return Run(lr, number, None if self.random.random() < 0.5 else 5.5)
        height = self.curvature * (math.expm1(self.skew * math.log(lr / self.best)) / self.skew) ** 2
        noise = self.noise * float(self.random.standard_normal())
        return Run(lr, number, min(UNTRAINED_NATS, FLOOR_NATS * (1 + self.worse) * math.exp(height + noise)))

    def runs(self, seed: int) -> list[Run]:
        """Train what the stage trains of a variant."""
        lrs = [*(LR * FACTOR**power for power in LADDER), *(LR for _ in range(SEEDS - 1))]
        found = [self.run(lr, number) for number, lr in enumerate(lrs)]
        for _ in range(PROFILE_RUNS):
            whole = breaking.without_loss(found, LIMIT_NATS)
            found.append(self.run(profile.next_lr(whole, [], LR, FACTOR, seed).lr, len(found)))
        for _ in range(EDGE_RUNS):
            found.append(self.run(breaking.next_lr(found, LIMIT_NATS, FACTOR), len(found)))
        return found


def main() -> None:
    """Print the shares of studies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=100)
    studies = parser.parse_args().studies
    setting = Setting(LR, (LR / FACTOR**3, LR * FACTOR**3), LIMIT_NATS, UNTRAINED_NATS)
    none, found, held, breaks, bests, widths = 0, 0, [], [], [], []
    for study in range(studies):
        random = np.random.default_rng(study)
        worlds = [World(random, WORSE if number == 5 else 0.0) for number in range(6)]
        tried = [Tried(str(number), {}, None, world.runs(study)) for number, world in enumerate(worlds)]
        ablated = compare(tried, setting, study).variants
        gaps = [one.difference for one in ablated[1:]]
        none += not any(gap and gap.p <= 0.05 for gap in gaps[:4])
        found += bool(gaps[4] and gaps[4].p <= 0.05)
        truths = [0.0] * 4 + [WORSE * FLOOR_NATS]
        held += [gap.low <= truth <= gap.high for gap, truth in zip(gaps, truths, strict=True) if gap]
        widths += [gap.high - gap.low for gap in gaps if gap]
        for one, world in zip(ablated, worlds, strict=True):
            breaks.append((one.breaks_lr.low or 0) <= world.breaks <= (one.breaks_lr.high or math.inf))
            bests += [one.profile.lr.low <= world.best <= one.profile.lr.high] if one.profile else []
    print(f"{none} of {studies} studies find no difference among four variants that have none (95 % are asked for)")
    print(f"{found} of {studies} find the variant that is {WORSE * FLOOR_NATS:.2f} nats worse")
    shares = {"corrected interval": held, "where training breaks": breaks, "best LR": bests}
    print("; ".join(f"{name}: {np.mean(its):.1%} of {len(its)} intervals hold the truth" for name, its in shares.items()))
    print(f"median width of a corrected interval: {np.median(widths):.3f} nats")


if __name__ == "__main__":
    main()
