"""The stopping rule: successive halving, synchronous in a study's first block and trial by trial after it.

The rule for single trials is that of Hyperband (Li et al. 2018, arXiv 1603.06560) in the form of the W&B sweep engine with
`strict: true`, but for two things. The resource is counted in steps. And there is a slack, since a rung tells hopeless trials
from good ones, but says little of which good one ends best.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Verdict(NamedTuple):
    """The outcome of one comparison; threshold is None where there was nothing to compare with."""

    threshold: float | None
    stopped: bool


def threshold(values: Sequence[float], eta: float) -> float:
    """Give the greatest value at a rung that goes on: sorted(values)[int(n / eta)], over the references and the trial itself."""
    return sorted(values)[int(len(values) / eta)]


def judge(value: float, references: Sequence[float], eta: float, slack: float = 0.0) -> Verdict:
    """Compare a trial with those that reached the rung before it: it stops when it is strictly worse than the threshold.

    The threshold is raised by `slack`, a share of itself.
    """
    if not references:
        return Verdict(None, False)
    limit = threshold([*references, value], eta)
    limit += slack * abs(limit)
    return Verdict(limit, value > limit)


def halve(values: Mapping[int, float | None], n: int, eta: int) -> list[int]:
    """Give the trials of a block of n that go on past a rung, in trial order: the best n // eta of those with a value.

    A trial without a value has diverged. Ties go to the lower trial number.
    """
    ranked = sorted((value, trial) for trial, value in values.items() if value is not None)
    return sorted(trial for _, trial in ranked[: n // eta])
