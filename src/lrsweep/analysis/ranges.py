"""A range as artifacts hold it: its ends and its scale, and how it is widened at a border."""

from dataclasses import dataclass

from lrsweep.space import Float, Int


@dataclass(frozen=True)
class Range:
    """A range of a space; the ends of an Int are whole numbers."""

    min: float
    max: float
    scale: str

    @classmethod
    def of(cls, dimension: Float | Int) -> "Range":
        """Take the ends and the scale of a dimension."""
        return cls(dimension.min, dimension.max, dimension.scale)

    def wider(self, border: str, widen: float) -> "Range":
        """Widen at the `lower` or `upper` border by this share of the width, on the scale of the range.

        A positive linear range stays positive, and one below 1 stays below 1, as decays and shares must. Whole ends stay whole.
        """
        low, high = self.min, self.max
        if self.scale == "log":
            factor = (high / low) ** widen
            down, up = low / factor, high * factor
        else:
            down, up = low - widen * (high - low), high + widen * (high - low)
            down = down if down > 0 else low / 2
            up = up if up < 1 or high >= 1 else 1 - (1 - high) / 2
        low, high = (down, high) if border == "lower" else (low, up)
        if isinstance(self.min, int) and isinstance(self.max, int):
            return Range(int(low), round(high), self.scale)
        return Range(float(f"{low:.4g}"), float(f"{high:.4g}"), self.scale)
