"""Spaces of the tests: the usual one, and one with every kind of dimension."""

import numpy as np
import pandas as pd

from lrsweep.space import Choice, Float, Int, Plain, Space, Value

LR = Float(min=1e-3, max=0.1, scale="log")
PHASE_1 = Space({"lr": Float(min=1e-4, max=0.1, scale="linear")})
USUAL = Space(
    {
        "lr": LR,
        "beta2": Float(min=0.95, max=0.999, scale="linear"),
        "weight_decay": Float(min=1e-3, max=0.1, scale="log"),
    }
)
OPEN = Space(
    {
        "lr": LR,
        "beta1": Float(min=0.8, max=0.98, scale="linear"),
        "warmup_steps": Int(type="int", min=5, max=60, scale="linear"),
        "batch_size": Int(type="int", min=8, max=64, scale="log"),
        "optimizer": Choice(choices=("adamw", "muon")),
        "schedule": Choice(choices=("cosine", "wsd")),
    }
)
CARRIED = Space(
    {
        "lr": LR,
        "averaging_share": Float(min=0.1, max=30.0, scale="log"),
        "beta2_share": Float(min=0.02, max=2.0, scale="log"),
        "warmup_share": Float(min=0.02, max=0.3, scale="log"),
    },
    {
        "averaging_share": Plain("weight_decay", False),
        "beta2_share": Plain("beta2", False),
        "warmup_share": Plain("warmup_steps", True),
    },
)


def held(table: pd.DataFrame, space: Space) -> pd.DataFrame:
    """The table as it is read back: it carries the space of its configurations."""
    table.attrs = {"space": space}
    return table


def drawn(space: Space, n: int, seed: int = 0) -> list[dict[str, Value]]:
    """Configurations drawn uniformly."""
    return [space.draw(shares_D) for shares_D in np.random.default_rng(seed).random((n, len(space)))]
