"""A space: the named dimensions that a study varies, and the configurations in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from pydantic import TypeAdapter

from lrsweep.space.dimension import Choice, Dimension, Float, Value

Values = Mapping[str, Value]  # a configuration: a value for each name

_DIMENSIONS: TypeAdapter[dict[str, Dimension]] = TypeAdapter(dict[str, Dimension])


class Plain(NamedTuple):
    """The name of what a run is trained with in the place of a name, and whether its values are whole numbers."""

    name: str
    whole: bool


@dataclass(frozen=True)
class Space:
    """Dimensions by their names, in order; `lr`, a Float, comes first. Shapes: N configurations, D names, E coordinates.

    plain: for a name that a run turns into another one, as a share of its length into steps, that one.
    """

    dimensions: Mapping[str, Dimension]
    plain: Mapping[str, Plain] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert next(iter(self.dimensions)) == "lr" and isinstance(self.dimensions["lr"], Float), "lr comes first"

    @classmethod
    def of(cls, dimensions: Mapping[str, Dimension], lr: Float) -> "Space":
        """Put the range of the learning rate before the other dimensions."""
        return cls({"lr": lr, **{name: one for name, one in dimensions.items() if name != "lr"}})

    @classmethod
    def from_json(cls, tree: Any, plain: Mapping[str, Plain]) -> "Space":
        """Read a space from what `to_json` gave."""
        return cls(_DIMENSIONS.validate_python(tree), plain)

    def to_json(self) -> dict[str, Any]:
        """Give the dimensions as JSON; which names are plain is known to the trainer."""
        return {name: one.model_dump(mode="json") for name, one in self.dimensions.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self.dimensions)

    def __len__(self) -> int:
        return len(self.dimensions)

    def __getitem__(self, name: str) -> Dimension:
        return self.dimensions[name]

    @property
    def names(self) -> tuple[str, ...]:
        """The names, `lr` first."""
        return tuple(self.dimensions)

    @property
    def lr(self) -> Float:
        """The range of the maximum learning rate."""
        found = self.dimensions["lr"]
        assert isinstance(found, Float)
        return found

    @property
    def width(self) -> int:
        """E, the number of coordinates."""
        return sum(one.width for one in self.dimensions.values())

    @property
    def slices(self) -> dict[str, slice]:
        """The coordinates of each name."""
        found, start = {}, 0
        for name, one in self.dimensions.items():
            found[name] = slice(start, start + one.width)
            start += one.width
        return found

    def draw(self, shares_D: Sequence[float]) -> dict[str, Value]:
        """Turn a uniform draw into a configuration: one share of its dimension for each name."""
        return {name: one.draw(share) for (name, one), share in zip(self.dimensions.items(), shares_D, strict=True)}

    def encode(self, values: Values) -> np.ndarray:
        """Give the E coordinates of a configuration, float64, in [0, 1] where it lies in the space."""
        return np.array([x for name, one in self.dimensions.items() for x in one.encode(values[name])])

    def encode_all(self, configurations: Sequence[Values]) -> np.ndarray:
        """Give the coordinates N x E of configurations."""
        return np.array([self.encode(values) for values in configurations]).reshape(len(configurations), self.width)

    def decode(self, point_E: np.ndarray) -> dict[str, Value]:
        """Give the configuration at these coordinates, with each value rounded as its dimension does."""
        return {name: self.dimensions[name].decode(point_E[part].tolist()) for name, part in self.slices.items()}

    def contains(self, values: Values) -> bool:
        """Say whether each value of a configuration lies in its dimension."""
        return all(one.contains(values[name]) for name, one in self.dimensions.items())

    def is_choice(self, name: str) -> bool:
        """Say whether a name has choices and not a range."""
        return isinstance(self.dimensions[name], Choice)
