"""Worlds that are harder than the pools, drawn from the first pool's: *hard* and *drift*, another one for each seed.

*Hard*: the best LR is moved by up to 0.2 of the range, and sheared by beta2 and weight decay; these two add up to 5 % of loss,
with an optimum that may be a corner; the effect of the LR is up to 2.5 times, and the noise at the end up to 4 times as large.
*Drift*: the same, and the best LR at the first evals is up to 0.12 of the range away from that at the end.
"""

from dataclasses import dataclass, fields

import numpy as np

from benchmarks.world import NEAR, World, draws, kernel

MOVED, SHEARED, DRIFTED = 0.2, 0.15, 0.12  # shares of the LR's range
BOWL, EFFECT, NOISE = 0.05, 2.5, 4.0
OUTSIDE = 0.25  # how far outside [0, 1] the optimum of the bowl is drawn, before it is put on the border
DENSE = 20_000


@dataclass(frozen=True)
class Warped(World):
    """A world whose truth is another one's at other points, stretched, with a bowl in the other names on top."""

    moved: float
    drifted: float
    sheared: np.ndarray  # by each of the names after the LR
    optimum: np.ndarray  # of the bowl in these
    bowl: float
    effect: float
    noise: float
    floor_E: np.ndarray  # logarithms of the least true losses of the pool

    @property
    def _ages(self) -> np.ndarray:
        """The share of the training that has passed at each eval."""
        return self.steps_E / self.steps_E[-1]

    def _at(self, shares_MD: np.ndarray, at: slice) -> np.ndarray:
        others_MD = shares_MD[:, 1:]
        base_M = shares_MD[:, 0] - self.moved - (others_MD - 0.5) @ self.sheared
        reach_D = np.maximum(self.optimum, 1 - self.optimum)
        bowl_M = self.bowl * (((others_MD - self.optimum) / reach_D) ** 2).mean(1)
        found_ME = np.empty((len(shares_MD), len(self.mean_E[at])))
        evals = zip(self._ages[at], self.mean_E[at], self.map_NE.T[at], self.floor_E[at], strict=True)
        for i, (age, mean, map_N, floor) in enumerate(evals):
            lr_M = np.clip(base_M - self.drifted * (1 - age), 0, 1)
            own_MN = kernel(np.column_stack([lr_M, others_MD]), self.points_ND, self.raw_P)
            found_ME[:, i] = floor + self.effect * (mean + own_MN @ map_N - floor) + bowl_M * age
        return np.exp(found_ME)

    def truth(self, shares_MD: np.ndarray) -> np.ndarray:
        """The true losses M x E in nats."""
        return self._at(shares_MD, slice(None))

    def best(self) -> float:
        """The least true final loss, in nats, over a dense sample of the space."""
        return float(self._at(draws(0, "best").random((DENSE, len(self.least_D))), slice(-1, None)).min())

    def observe(self, shares_D: np.ndarray, seed: int) -> np.ndarray:
        """A noisy curve, as in World, with more noise towards its end."""
        near = np.argsort(np.abs(self.points_ND[:, 0] - shares_D[0]), kind="stable")[:NEAR]
        member = near[draws(seed, "observe").integers(NEAR)]
        return self.truth(shares_D[None])[0] * np.exp(self.residuals_NE[member] * (1 + (self.noise - 1) * self._ages))


def warped(world: World, kind: str, seed: int) -> Warped:
    """Draws the world of a seed, *hard* or *drift*."""
    random, others = draws(seed, kind), len(world.least_D) - 1
    moved, drifted = random.uniform(-MOVED, MOVED), random.uniform(-DRIFTED, DRIFTED)
    floor_E = np.log(world.truth(draws(0, "floor").random((DENSE, others + 1)))).min(0)
    return Warped(
        **{field.name: getattr(world, field.name) for field in fields(World)},
        moved=moved,
        drifted=drifted if kind == "drift" else 0.0,
        sheared=random.uniform(-SHEARED, SHEARED, others),
        optimum=np.clip(random.uniform(-OUTSIDE, 1 + OUTSIDE, others), 0, 1),
        bowl=random.uniform(0, BOWL),
        effect=random.uniform(1, EFFECT),
        noise=random.uniform(1, NOISE),
        floor_E=floor_E,
    )
