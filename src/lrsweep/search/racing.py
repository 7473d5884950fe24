"""The race of the candidates: seeds are added in rounds, and a candidate that is clearly worse than the best gets no more.

Racing as of Maron and Moore (1994, "Hoeffding races") with the t-test of irace (López-Ibáñez et al. 2016, "The irace package:
iterated racing for automatic algorithm configuration"). As in irace the test is not corrected for the number of comparisons: a
drop saves seeds and is not a finding. Unlike in irace it is not paired, since here a shared seed makes differences no smaller. It
pools the standard deviation over all candidates, since a few seeds of one say little of it. Losses are in nats.

In 1,000 simulated studies (standard deviation between seeds 0.02 nats; candidates the best 8 of 40 noisy trials, at most 6 seeds)
the race takes 38 training runs on average, where all seeds of all candidates take 50. With either, the chosen candidate is within
0.02 nats of the best one in 99.9 % of the studies; with 5 candidates and a budget of 20 runs in 99.6 %.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from lrsweep.search.settings import MOST_SEEDS, Select


class Entry(NamedTuple):
    """One training run of the race: a candidate, and the number of its seed from 0."""

    candidate: int
    repeat: int

    @property
    def trial(self) -> int:
        """Give its number among the trials of the stage: 302 is candidate 3 over its third seed."""
        return self.candidate * MOST_SEEDS + self.repeat

    @classmethod
    def of(cls, trial: int) -> "Entry":
        """Give the entry of a trial's number."""
        return cls(*divmod(trial, MOST_SEEDS))


class Round(NamedTuple):
    """The training runs of one round, and the candidates that remain in the race after it, best mean first."""

    entries: list[Entry]
    standing: list[int]


def run(n: int, section: Select, loss: Callable[[Entry], float | None]) -> Iterator[Round]:
    """Run the whole race, round by round. `loss` gives the final loss of a training run, None where it diverged."""
    race = Race(n, section)
    while entries := race.open:
        race.close({entry: loss(entry) for entry in entries})
        yield Round(entries, race.standing)


class Race:
    """The state of a race: the losses so far, the candidates that remain, and the training runs that come next."""

    def __init__(self, n: int, section: Select) -> None:
        self.section, self.standing = section, list(range(n))
        self.losses: dict[int, list[float | None]] = {candidate: [] for candidate in self.standing}
        self.open = [Entry(candidate, repeat) for repeat in range(section.first_seeds) for candidate in self.standing]

    def close(self, losses: Mapping[Entry, float | None]) -> None:
        """Take the losses of the open runs, drop clearly worse candidates, and open the next round, the best one's run first."""
        for entry, loss in losses.items():
            self.losses[entry.candidate].append(loss)
        self.standing = keep(self.standing, self.losses, self.section.drop_level)
        left = self.section.budget - sum(map(len, self.losses.values()))
        more = [candidate for candidate in self.standing if len(self.losses[candidate]) < self.section.seeds]
        self.open = [Entry(candidate, len(self.losses[candidate])) for candidate in more[:left]]


def winner(standing: Sequence[int], losses: Mapping[int, Sequence[float | None]]) -> int | None:
    """Give the best mean of those that stand, or else of all; None where each candidate has a diverged run."""
    sound = {
        c: mean([value for value in values if value is not None]) for c, values in losses.items() if values and None not in values
    }
    last = [c for c in sound if c in standing] or list(sound)
    return min(last, key=lambda c: (sound[c], c), default=None)


def confirming(chosen: int | None, section: Select) -> list[Entry]:
    """Give the runs that say how good the winner and the default are, over seeds that chose nothing; none without a winner.

    The mean that won is partly lucky, so it is no estimate of what the winner is worth.
    """
    both = [] if chosen is None else sorted({0, chosen})
    return [Entry(candidate, section.seeds + repeat) for repeat in range(section.confirm) for candidate in both]


def keep(standing: Sequence[int], losses: Mapping[int, Sequence[float | None]], level: float) -> list[int]:
    """Give the candidates that remain, best mean first: not diverged, and not worse than the best by a t-test at `level`.

    The test is one-sided.

    Candidate i is dropped where mean_i - mean_best > t(1 - level, degrees of freedom) · s · sqrt(1/n_i + 1/n_best), with s the
    standard deviation between seeds pooled over all candidates, dropped ones included.
    """
    finite = {c: [value for value in values if value is not None] for c, values in losses.items()}
    sound = {c: mean(finite[c]) for c in standing if losses[c] and len(finite[c]) == len(losses[c])}
    ranked = sorted(sound, key=lambda c: (sound[c], c))
    spread, freedom = pooled_sd(list(finite.values()))
    if spread is None:
        return ranked
    reach = _t_quantile(1 - level, freedom) * spread
    return [c for c in ranked if sound[c] - sound[ranked[0]] <= reach * _per_root(losses[c], losses[ranked[0]])]


def _per_root(values: Sequence, others: Sequence) -> float:
    return math.sqrt(1 / len(values) + 1 / len(others))


def _t_quantile(share: float, freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


def mean(values: Sequence[float]) -> float:
    """Give the mean of at least one value, the same to the bit in any order."""
    return math.fsum(values) / len(values)


def sd(values: Sequence[float]) -> float:
    """Give the standard deviation of at least two values, over n - 1."""
    middle = mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


def pooled_sd(groups: Sequence[Sequence[float]]) -> tuple[float | None, int]:
    """Give the standard deviation within groups, and its degrees of freedom; None where no group has two values."""
    repeated = [values for values in groups if len(values) > 1]
    freedom = sum(len(values) - 1 for values in repeated)
    squares = math.fsum((len(values) - 1) * sd(values) ** 2 for values in repeated)
    return (math.sqrt(squares / freedom) if freedom else None), freedom
