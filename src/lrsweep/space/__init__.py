"""What a study varies: named dimensions (Float, Int, Choice), configurations of them, and the length of a trial."""

from lrsweep.space.budget import Budget
from lrsweep.space.dimension import Choice, Dimension, Float, Int, Value
from lrsweep.space.space import Plain, Space, Values

__all__ = ["Budget", "Choice", "Dimension", "Float", "Int", "Plain", "Space", "Value", "Values"]
