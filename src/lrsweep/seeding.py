"""Random numbers, derived from (seed, purpose, trial) and from nothing else."""

import hashlib

import numpy as np


def derive_seed(seed: int, purpose: str, trial: int = 0) -> int:
    """Derive a 63-bit seed, independent between purposes and trials, and the same on every machine."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{trial}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, purpose: str, trial: int = 0) -> np.random.Generator:
    """Make the numpy generator of (seed, purpose, trial)."""

    return np.random.Generator(np.random.PCG64(derive_seed(seed, purpose, trial)))
