"""The world that searches are replayed in: what a trial would have shown, from a pool of whole curves.

Truth is a Gaussian-process smoother of the pool, fitted on the log of the final loss and applied to every eval. What a search
observes is truth times the residual curve of a pool member with a near learning rate. numpy alone, and no package of ours: the
peers in environments of their own meet the same world, from the file that `benchmarks.search` writes for them.
"""

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

NEAR = 12  # pool members that a residual is drawn from
WORST_NATS = 7.0  # stands for a loss that is not finite or above it
NAMES = ("lr", "beta2", "weight_decay")
JITTER = 1e-6


@dataclass(frozen=True)
class World:
    """A pool of N whole curves with D hyperparameters in [0, 1] and E evals, and the smoother of their ends.

    least, most: D ends of the ranges. log_scale: D truth values. raw: logarithms of the smoother's D lengths and two variances.
    map_NE: what the smoother multiplies its kernel by to give log losses less mean_E.
    """

    least_D: np.ndarray
    most_D: np.ndarray
    log_scale_D: np.ndarray
    points_ND: np.ndarray
    mean_E: np.ndarray
    map_NE: np.ndarray
    residuals_NE: np.ndarray
    steps_E: np.ndarray
    raw_P: np.ndarray

    @property
    def end(self) -> int:
        """Steps of a whole trial."""
        return int(self.steps_E[-1])

    def values(self, shares_D: np.ndarray) -> dict[str, float]:
        """The hyperparameters at a point of [0, 1]^D."""
        found = {}
        for i, name in enumerate(NAMES):
            ends = np.array([self.least_D[i], self.most_D[i]])
            low, high = np.log(ends) if self.log_scale_D[i] else ends
            value = low + float(shares_D[i]) * (high - low)
            found[name] = float(np.clip(np.exp(value) if self.log_scale_D[i] else value, *ends))
        return found

    def place(self, values: dict[str, float]) -> np.ndarray:
        """The point of [0, 1]^D of these hyperparameters."""
        at = np.array([values[name] for name in NAMES])
        least, most = self.least_D.copy(), self.most_D.copy()
        for ends in (at, least, most):
            ends[self.log_scale_D] = np.log(ends[self.log_scale_D])
        return (at - least) / (most - least)

    def truth(self, shares_MD: np.ndarray) -> np.ndarray:
        """The true losses M x E in nats."""
        return np.exp(self.mean_E + kernel(shares_MD, self.points_ND, self.raw_P) @ self.map_NE)

    def observe(self, shares_D: np.ndarray, seed: int) -> np.ndarray:
        """A noisy curve of E losses in nats: the same for the same seed, however much of it is trained."""
        near = np.argsort(np.abs(self.points_ND[:, 0] - shares_D[0]), kind="stable")[:NEAR]
        member = near[draws(seed, "observe").integers(NEAR)]
        return self.truth(shares_D[None])[0] * np.exp(self.residuals_NE[member])

    def best(self) -> float:
        """The least true final loss, in nats, over a dense sample of the space."""
        return float(self.truth(draws(0, "best").random((20_000, len(NAMES))))[:, -1].min())

    def save(self, path: Path) -> None:
        """Writes the world for another process."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})


def load(path: Path) -> World:
    """Reads a world that was saved."""
    with np.load(path, allow_pickle=False) as arrays:
        return World(**dict(arrays))


def draws(seed: int, purpose: str, trial: int = 0) -> np.random.Generator:
    """A generator for (seed, purpose, trial)."""
    digest = hashlib.sha256(f"search/{seed}/{purpose}/{trial}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "big")))


def kernel(a_ND: np.ndarray, b_MD: np.ndarray, raw_P: np.ndarray) -> np.ndarray:
    """The smoother's Matérn 5/2 kernel; see lrsweep.smoothing."""
    squares_NM = (((a_ND[:, None] - b_MD[None]) * np.exp(-raw_P[:-2])) ** 2).sum(-1)
    root_NM = np.sqrt(5 * squares_NM)
    return np.exp(raw_P[-2]) * (1 + root_NM + root_NM**2 / 3) * np.exp(-root_NM)
