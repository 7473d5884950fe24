"""The noise between seeds, and what follows from it: intervals of means and of differences, and what it cannot separate.

One configuration has few seeds, and a standard deviation from two of them says almost nothing. So the variance within
configurations is pooled over those that are alike, and every interval takes Student's t with the pooled degrees of freedom
(Student 1908). `python -m benchmarks.intervals` measures how often the intervals hold the truth. Losses are in nats; each
sequence of losses is that of one configuration.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from lrsweep.search.racing import mean, pooled_sd

LEVEL = 0.95
LEAST_FREEDOM = 3  # degrees of freedom below which an interval is too wide to help anybody, and is not given


@dataclass(frozen=True)
class Noise:
    """The standard deviation between seeds, pooled over configurations; None where no configuration has two finite runs."""

    sd_nats: float | None
    degrees_of_freedom: int

    @classmethod
    def of(cls, groups: Sequence[Sequence[float]]) -> "Noise":
        """Pool the variance within the groups."""
        return cls(*pooled_sd(groups))

    def at_least(self, own: "Noise") -> "Noise":
        """Give the larger of this deviation and a configuration's own, with the degrees of freedom of this one.

        Configurations are not all as noisy, and the best of several is more often one of the noisier ones. So the pooled
        deviation alone would be too small for it.
        """
        wider = self.sd_nats is not None and own.sd_nats is not None and own.sd_nats > self.sd_nats
        return Noise(own.sd_nats, self.degrees_of_freedom) if wider else self

    @property
    def known(self) -> bool:
        """Whether there are enough degrees of freedom for an interval."""
        return self.sd_nats is not None and self.degrees_of_freedom >= LEAST_FREEDOM

    def reach(self, *counts: int) -> float | None:
        """Give t · s · sqrt(sum of 1 / n): half the width of a 95 % interval; None with too few degrees of freedom.

        counts: the numbers of runs behind the means that are compared; one count is a mean alone, and a single run counts 1.
        """
        if self.sd_nats is None or not self.known:
            return None
        return _t_quantile(self.degrees_of_freedom) * self.sd_nats * _root(*counts)


@dataclass(frozen=True)
class Estimate:
    """The mean loss over n finite runs with its 95 % interval."""

    n: int
    mean_nats: float
    low_nats: float | None
    high_nats: float | None

    @classmethod
    def of(cls, losses_nats: Sequence[float], noise: Noise) -> "Estimate | None":
        """Estimate the mean of a configuration; None where it has no finite run."""
        if not losses_nats:
            return None
        middle, reach = mean(losses_nats), noise.reach(len(losses_nats))
        ends = (None, None) if reach is None else (middle - reach, middle + reach)
        return cls(len(losses_nats), middle, *ends)


@dataclass(frozen=True)
class Difference:
    """A difference of two means with its 95 % interval."""

    difference_nats: float
    low_nats: float | None
    high_nats: float | None

    @classmethod
    def of(
        cls, losses_nats: Sequence[float], noise: Noise, others_nats: Sequence[float], other_noise: Noise
    ) -> "Difference | None":
        """Compare two configurations, the first minus the second, each with a noise of its own; None where one has no finite run.

        The degrees of freedom are those of Welch and Satterthwaite (Welch 1947): with variances v of the two means,
        (v_1 + v_2)² / (v_1² / f_1 + v_2² / f_2), here in shares of v_1 + v_2.
        """
        if not losses_nats or not others_nats:
            return None
        gap = mean(losses_nats) - mean(others_nats)
        if noise.sd_nats is None or other_noise.sd_nats is None or not (noise.known and other_noise.known):
            return cls(gap, None, None)
        first, second = noise.sd_nats**2 / len(losses_nats), other_noise.sd_nats**2 / len(others_nats)
        if first + second == 0:
            return cls(gap, gap, gap)
        share = first / (first + second)
        parts = share**2 / noise.degrees_of_freedom + (1 - share) ** 2 / other_noise.degrees_of_freedom
        reach = _t_quantile(1 / parts) * math.sqrt(first + second)
        return cls(gap, gap - reach, gap + reach)


def indistinct(losses: Mapping[int, Sequence[float]], chosen: int, noise: Noise) -> tuple[int, ...]:
    """Give the configurations that the noise does not separate from the chosen one, by number; all of them without an interval.

    Two means are apart where they differ by more than q / sqrt(2) · s · sqrt(1 / n_i + 1 / n_j), with q the 95 % quantile of the
    studentized range of all k means (Tukey 1953; Kramer 1956 for unequal numbers of runs). That holds for all pairs at once, and
    so also where the chosen one is the best of the k.
    """
    others = [number for number in losses if number != chosen and losses[number]]
    if noise.sd_nats is None or not noise.known or not losses[chosen]:
        return tuple(others)
    reach = _range_quantile(len(others) + 1, noise.degrees_of_freedom) / math.sqrt(2) * noise.sd_nats
    middle, n = mean(losses[chosen]), len(losses[chosen])
    return tuple(i for i in others if abs(mean(losses[i]) - middle) <= reach * _root(len(losses[i]), n))


def expected_greatest(n: int) -> float:
    """Give the expected greatest of n standard normals, the integral of n x φ(x) Φ(x)^(n-1) (Tippett 1925).

    >>> round(expected_greatest(2) * math.sqrt(math.pi), 6)
    1.0
    """
    from scipy.special import ndtr

    x = np.linspace(-10, 10, 4001)
    return float(np.trapezoid(n * x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi) * ndtr(x) ** (n - 1), x))


def _root(*counts: int) -> float:
    return math.sqrt(sum(1 / n for n in counts))


def _t_quantile(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


@cache
def _range_quantile(groups: int, freedom: int) -> float:
    """Give the quantile of the studentized range, which is 0 for a single group."""
    from scipy.stats import studentized_range  # only here: the page needs just the types

    return float(studentized_range.ppf(LEVEL, groups, freedom)) if groups > 1 else 0.0
