"""One dimension of a space: a range of real or whole numbers, or a few choices.

A dimension maps its values to coordinates in [0, 1] (`encode`) and back (`decode`). A range has one coordinate, on its scale.
Choices have one coordinate each, 1 for the chosen one and 0 for the others, so that any two choices are equally far apart.
"""

import math
from typing import Annotated, Literal

from pydantic import Field

from lrsweep.section import Real, Section, Text

Value = float | int | str

SIGNIFICANT_DIGITS = 4  # rounding makes a proposal the same where BLAS differs in its last digits


class _Range(Section):
    """An interval, uniform in its values or in their logarithms."""

    scale: Literal["linear", "log"]
    """linear: values are drawn uniformly | log: their logarithms are"""

    @property
    def _ends(self) -> tuple[float, float]:
        raise NotImplementedError

    @property
    def width(self) -> int:
        """The number of coordinates."""
        return 1

    @property
    def is_log(self) -> bool:
        """Whether the scale is logarithmic."""
        return self.scale == "log"

    def share(self, value: Value) -> float:
        """Give the share of the interval at which a value lies: 0 at the lower end, 1 at the upper, more or less outside."""
        low, high = self._ends
        assert not isinstance(value, str), "a range holds numbers"
        if self.is_log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    def _at(self, share: float) -> float:
        low, high = self._ends
        if self.is_log:
            return float(low * (high / low) ** share)
        return float(low + share * (high - low))

    def encode(self, value: Value) -> list[float]:
        """Give the coordinates of a value."""
        return [self.share(value)]


class Float(_Range):
    """A range of real numbers."""

    min: Real
    """lower end of the range"""
    max: Real
    """upper end of the range"""

    @property
    def _ends(self) -> tuple[float, float]:
        return self.min, self.max

    def at(self, share: float) -> float:
        """Give the value at a share of the interval, unrounded: 0 gives min, 1 gives max."""
        return self._at(share)

    def round(self, value: float) -> float:
        """Round to SIGNIFICANT_DIGITS, but never out of the range."""
        return min(max(float(f"{value:.{SIGNIFICANT_DIGITS}g}"), self.min), self.max)

    def draw(self, share: float) -> float:
        """Give the rounded value at a share of the interval."""
        return self.round(self.at(share))

    def decode(self, coordinates: list[float]) -> float:
        """Give the rounded value at these coordinates."""
        return self.draw(coordinates[0])

    def contains(self, value: Value) -> bool:
        """Say whether a value lies in the range."""
        return not isinstance(value, str) and self.min <= value <= self.max


class Int(_Range):
    """A range of whole numbers, both ends included."""

    type: Literal["int"]
    """int: whole numbers"""
    min: int
    """lower end of the range"""
    max: int
    """upper end of the range"""

    @property
    def _ends(self) -> tuple[float, float]:
        return self.min, self.max

    def draw(self, share: float) -> int:
        """Give the whole number nearest to a share of the interval."""
        return min(max(round(self._at(share)), self.min), self.max)

    def decode(self, coordinates: list[float]) -> int:
        """Give the whole number nearest to these coordinates."""
        return self.draw(coordinates[0])

    def contains(self, value: Value) -> bool:
        """Say whether a value is a whole number of the range."""
        return isinstance(value, int) and self.min <= value <= self.max


class Choice(Section):
    """A few values without an order."""

    choices: Annotated[tuple[Text | int | Real, ...], Field(min_length=2, strict=False)]
    """the values that may be chosen"""

    @property
    def width(self) -> int:
        """The number of coordinates."""
        return len(self.choices)

    @property
    def is_log(self) -> bool:
        """Choices have no scale."""
        return False

    def draw(self, share: float) -> Value:
        """Give the choice at a share of [0, 1], which the choices divide equally."""
        return self.choices[min(int(share * len(self.choices)), len(self.choices) - 1)]

    def encode(self, value: Value) -> list[float]:
        """Give the coordinates of a choice."""
        return [float(value == choice) for choice in self.choices]

    def decode(self, coordinates: list[float]) -> Value:
        """Give the choice with the greatest coordinate, the first where several are equal."""
        return self.choices[max(range(len(self.choices)), key=lambda i: (coordinates[i], -i))]

    def contains(self, value: Value) -> bool:
        """Say whether a value is one of the choices."""
        return value in self.choices


Dimension = Int | Float | Choice
