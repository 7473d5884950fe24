"""Random search, with and without our stopping rule over all trials that reached the rung before."""

import numpy as np

from benchmarks.world import NAMES, World, draws


class RandomSearch:
    """Random points, stopped at no rung, or at RUNGS where worse than sorted(values)[int(n / 2)], itself among them."""

    def __init__(self, world: World, seed: int, rungs: tuple[int, ...]) -> None:
        self.seed, self.count = seed, 0
        self.reached: dict[int, list[float]] = {rung: [] for rung in rungs}

    def ask(self) -> np.ndarray:
        self.count += 1
        return draws(self.seed, "random", self.count).random(len(NAMES))

    def tell(self, trial: int, at: int, loss_nats: float) -> bool:
        if at not in self.reached:
            return False
        values = self.reached[at]
        values.append(loss_nats)
        return len(values) > 1 and loss_nats > sorted(values)[int(len(values) / 2)]

    def close(self, trial: int, complete: bool) -> None:
        """Nothing is learned."""


CONTESTANTS = {
    "random": lambda world, seed: RandomSearch(world, seed, ()),
    "random, our stopping rule": lambda world, seed: RandomSearch(world, seed, (4, 8, 16)),
}
