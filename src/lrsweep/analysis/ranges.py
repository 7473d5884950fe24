"""Ranges as artifacts hold them: an LR with its interval; and a range of a space, which can be widened at a border."""

from dataclasses import dataclass

from lrsweep.space import Float, Int


@dataclass(frozen=True)
class Bounded:
    """An LR with its 95 % interval. None stands for what lies outside the LRs tried, of which nothing is known."""

    lr: float | None
    low: float | None
    high: float | None


def agreement(one: Bounded, other: Bounded | None) -> str | None:
    """Say how an LR lies to another: below, above, or within where their intervals overlap; None where one is not known."""
    if other is None or other.lr is None or one.lr is None:
        return None
    if one.high is not None and other.low is not None and one.high < other.low:
        return "below"
    if one.low is not None and other.high is not None and one.low > other.high:
        return "above"
    return "within"


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
