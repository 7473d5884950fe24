"""Candidates for a proposal: coordinates of configurations anywhere in a space, or near known ones.

Shapes: M candidates, D names, E coordinates, B known points.
"""

import numpy as np

from lrsweep.space import Choice, Dimension, Float, Space

SPREAD = 0.05  # standard deviation of a step away from a known number, in shares of its range
ANEW = 0.2  # share of the whole numbers and choices that are drawn anew, since a small step leaves most of them as they are


def drawn(space: Space, count: int, random: np.random.Generator) -> np.ndarray:
    """Draw coordinates M x E uniformly."""
    shares_MD = random.random((count, len(space)))
    return np.hstack([_held(space[name], shares_MD[:, i]) for i, name in enumerate(space)])


def near(space: Space, known_BE: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Draw coordinates M x E near known ones. The known ones may lie outside the space."""
    start_ME = known_BE[random.integers(len(known_BE), size=count)]
    steps_MD = random.normal(0, SPREAD, (count, len(space)))
    others_ME = drawn(space, count, random)
    anew_MD = random.random((count, len(space))) < ANEW
    for i, (name, part) in enumerate(space.slices.items()):
        one, own = space[name], start_ME[:, part]
        if isinstance(one, Choice):
            own = np.eye(one.width)[own.argmax(1)]
        else:
            own = _held(one, np.clip(own[:, 0] + steps_MD[:, i], 0, 1))
        anew_M1 = anew_MD[:, i, None] & (not isinstance(one, Float))
        start_ME[:, part] = np.where(anew_M1, others_ME[:, part], own)
    return start_ME


def _held(dimension: Dimension, shares_M: np.ndarray) -> np.ndarray:
    """Give the coordinates of the values at shares of a dimension; a real number is not rounded, as that changes nothing."""
    if isinstance(dimension, Float):
        return shares_M[:, None]
    return np.array([dimension.encode(dimension.draw(share)) for share in shares_M.tolist()])
