"""The choice: the best few trials of phase 2 and the default are raced over seeds (racing.py), and the best mean wins.

The least of many noisy values is lucky, so the study's best value is compared with the mean of its repetitions. Differences have
Welch's interval (Welch 1947), which requires neither equal variances nor equal numbers of seeds. Losses are in nats.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lrsweep.analysis.ranges import Range
from lrsweep.search.racing import mean, pooled_sd, sd
from lrsweep.search.repeats import Candidate
from lrsweep.search.settings import Select
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from lrsweep.space import Choice as Choices
from lrsweep.space import Space, Value
from lrsweep.store.tables import space_of


@dataclass(frozen=True)
class Difference:
    """A difference of two means with its 95 % interval."""

    difference_nats: float
    low_nats: float | None
    high_nats: float | None


@dataclass(frozen=True)
class Raced:
    """A candidate after the race: the mean over its n finite runs with its 95 % interval, and the deviation between seeds.

    Candidate 0 is the default, which has no trial in phase 2. `stands`: whether it remained in the race to the end.
    """

    candidate: int
    trial: int | None
    values: dict[str, Value]
    stands: bool
    n: int
    n_diverged: int
    mean_nats: float | None
    sd_nats: float | None
    low_nats: float | None
    high_nats: float | None
    difference_to_default: Difference | None

    @property
    def lr(self) -> float:
        """The maximum learning rate."""
        return float(self.values["lr"])


@dataclass(frozen=True)
class Noise:
    """The standard deviation between seeds, pooled over the candidates."""

    sd_nats: float | None
    degrees_of_freedom: int


@dataclass(frozen=True)
class Luck:
    """The study's best value minus the mean of its repetitions: a negative difference is luck.

    alike: the number of trials whose single run is within noise of the best. expected_nats: the expected luck of the best of so
    many trials if all were equal.
    """

    trial: int | None
    observed_nats: float
    mean_nats: float
    difference_nats: float
    low_nats: float | None
    high_nats: float | None
    alike: int | None
    expected_nats: float | None


@dataclass(frozen=True)
class BorderWarning:
    """A chosen value at the `lower` or `upper` border of its range, and a wider range to try."""

    hyperparameter: str
    value: float
    border: str
    range: Range
    wider: Range


@dataclass(frozen=True)
class Choice:
    """The selected configuration, and what it was compared with; candidates are named by their numbers.

    lower_lr, higher_lr: of the candidates within noise of the selected one, those with the lowest and the highest LR.
    """

    selected: dict[str, Value]
    default: dict[str, Value]
    candidate: int
    trial: int | None
    difference_to_default: Difference | None
    candidates: tuple[Raced, ...]
    noise: Noise
    luck: Luck | None
    within_noise: tuple[int, ...]
    lower_lr: int | None
    higher_lr: int | None
    border_warnings: tuple[BorderWarning, ...]
    message: str | None

    @property
    def chosen(self) -> Raced:
        """The selected candidate."""
        return self.candidates[self.candidate]


def choose(
    candidates: Sequence[Candidate],
    replicates: pd.DataFrame,
    standing: Sequence[int],
    trials: pd.DataFrame,
    section: Select,
) -> Choice:
    """Choose from the runs of the race. A candidate with a diverged run is out; where all are out, the default is taken.

    candidates: all candidates in order of their numbers, the default first, each with all names of the space.
    standing: the candidates that remained in the race; a dropped one is not within noise, whatever its few seeds say.
    """
    finals = replicates[replicates["state"] == COMPLETE].set_index("candidate")["final_loss_nats"].astype(float)
    losses = [finals[finals.index == one.number].tolist() for one in candidates]
    table = [_summarize(one, replicates, number in standing, losses) for number, one in enumerate(candidates)]
    sound = [row for row in table if row.n and not row.n_diverged]
    last = [row for row in sound if row.stands] or sound
    chosen = min(last, key=lambda row: (row.mean_nats, row.candidate), default=table[0])
    within, noise = _within_noise(last, chosen, losses), Noise(*pooled_sd(losses))
    lower, higher = ([row for row in within if side * row.lr > side * chosen.lr] for side in (-1, 1))
    return Choice(
        selected=chosen.values,
        default=table[0].values,
        candidate=chosen.candidate,
        trial=chosen.trial,
        difference_to_default=chosen.difference_to_default,
        candidates=tuple(table),
        noise=noise,
        luck=_luck(trials, table, noise),
        within_noise=tuple(row.candidate for row in within),
        lower_lr=min(lower, key=lambda row: row.lr).candidate if lower else None,
        higher_lr=max(higher, key=lambda row: row.lr).candidate if higher else None,
        border_warnings=_border_warnings(chosen, section, space_of(trials)) if chosen.candidate else (),
        message=_message(table, sound, chosen.candidate, trials["state"].value_counts().to_dict()),
    )


def _message(table: Sequence[Raced], sound: Sequence[Raced], number: int, states: Mapping[str, int]) -> str | None:
    """Say why no candidate is chosen, or give None; states: the number of trials of phase 2 in each state."""
    own = "" if any(row.candidate == 0 for row in sound) else ", which diverged as well: lower select.default.lr too"
    if len(table) == 1:
        diverged, pruned, n = states.get(DIVERGED, 0), states.get(PRUNED, 0), sum(states.values())
        ends = f"{diverged} of {n} diverged" + (f", {pruned} were stopped" if pruned else "")
        remedy = "lower its LR range (where sweep_bayes.space.lr is auto, sweep_uniform.lr.min)"
        more = ", or give sweep_bayes more trials" if pruned else ""
        return f"Phase 2 has no complete trial ({ends}): {remedy}{more}. The default is taken{own}"
    if not any(row.candidate for row in sound):
        return f"Every candidate diverged for at least one seed: lower phase 2's LR range. The default is taken{own}"
    return None if number else "No candidate has a lower mean loss than the default, so the default is kept"


def _summarize(one: Candidate, replicates: pd.DataFrame, stands: bool, losses: Sequence[list[float]]) -> Raced:
    """Give mean, standard deviation between seeds, and the 95 % t interval of the mean."""
    values = losses[one.number]
    n, middle, spread = len(values), mean(values) if values else None, sd(values) if len(values) > 1 else None
    half = None if spread is None else _t_quantile(n - 1) * spread / math.sqrt(n)
    return Raced(
        candidate=one.number,
        trial=one.trial,
        values=dict(one.values),
        stands=stands,
        n=n,
        n_diverged=int((replicates["candidate"] == one.number).sum()) - n,
        mean_nats=middle,
        sd_nats=spread,
        low_nats=None if middle is None or half is None else middle - half,
        high_nats=None if middle is None or half is None else middle + half,
        difference_to_default=welch(values, losses[0]) if one.number else None,
    )


def _t_quantile(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))


def welch(values: list[float], others: list[float]) -> Difference | None:
    """Give mean(values) - mean(others) with its 95 % interval, with the degrees of freedom of Welch and Satterthwaite.

    None where one of the two is empty; without an interval where one of them has a single value.

    >>> welch([1.0, 3.0], [2.0, 4.0]).difference_nats
    -1.0
    """
    if not values or not others:
        return None
    difference = mean(values) - mean(others)
    if min(len(values), len(others)) < 2:
        return Difference(difference, None, None)
    parts = [sd(one) ** 2 / len(one) for one in (values, others)]
    half = 0.0
    if sum(parts) > 0:
        freedom = sum(parts) ** 2 / sum(part**2 / (len(one) - 1) for part, one in zip(parts, (values, others), strict=True))
        half = _t_quantile(freedom) * math.sqrt(sum(parts))
    return Difference(difference, difference - half, difference + half)


def _within_noise(sound: Sequence[Raced], chosen: Raced, losses: Sequence[list[float]]) -> list[Raced]:
    """Give the other candidates whose difference to the chosen one has 0 in its interval, or no interval."""
    rows = []
    for row in sound:
        gap = welch(losses[row.candidate], losses[chosen.candidate])
        assert gap is not None, "a sound candidate has a loss"
        apart = gap.low_nats is not None and gap.high_nats is not None and not gap.low_nats <= 0 <= gap.high_nats
        if row.candidate != chosen.candidate and not apart:
            rows.append(row)
    return rows


def _luck(trials: pd.DataFrame, table: Sequence[Raced], noise: Noise) -> Luck | None:
    """Compare the study's best trial with its repetitions.

    The expected luck is -sd · E[the greatest of m standard normals]. m is the number of trials whose single run is within noise
    of the best: if all of them were equal, the best of them would look better than it is by that much.
    """
    best = next((row for row in table if row.candidate == 1), None)
    if best is None or best.mean_nats is None:
        return None
    observed = float(trials.loc[trials["trial"] == best.trial, "final_loss_nats"].iloc[0])
    alike, expected = _expected_luck(trials["final_loss_nats"].dropna().to_numpy(float), noise)
    return Luck(
        trial=best.trial,
        observed_nats=observed,
        mean_nats=best.mean_nats,
        difference_nats=observed - best.mean_nats,
        low_nats=None if best.high_nats is None else observed - best.high_nats,
        high_nats=None if best.low_nats is None else observed - best.low_nats,
        alike=alike,
        expected_nats=expected,
    )


def _expected_luck(finals: np.ndarray, noise: Noise) -> tuple[int | None, float | None]:
    if noise.sd_nats is None:
        return None, None
    reach = _t_quantile(noise.degrees_of_freedom) * noise.sd_nats * math.sqrt(2)
    alike = int((finals <= finals.min() + reach).sum())
    return alike, -noise.sd_nats * expected_greatest(alike)


def expected_greatest(n: int) -> float:
    """Give the expected greatest of n standard normals, the integral of n x φ(x) Φ(x)^(n-1) (Tippett 1925).

    >>> round(expected_greatest(2) * math.sqrt(math.pi), 6)
    1.0
    """
    from scipy.special import ndtr

    x = np.linspace(-10, 10, 4001)
    return float(np.trapezoid(n * x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi) * ndtr(x) ** (n - 1), x))


def _border_warnings(chosen: Raced, section: Select, space: Space) -> tuple[BorderWarning, ...]:
    """Warn of chosen numbers at a border of their range; choices have no border, nor has a range without width."""
    found = []
    for name, one in space.dimensions.items():
        if isinstance(one, Choices) or one.min >= one.max:
            continue
        value, tried = chosen.values[name], Range.of(one)
        place = one.share(value)
        if section.border <= place <= 1 - section.border:
            continue
        border = "lower" if place < section.border else "upper"
        wider = tried.wider(border, section.widen)
        if wider != tried:  # a range from 0 cannot be widened downwards
            found.append(BorderWarning(name, float(value), border, tried, wider))
    return tuple(found)
