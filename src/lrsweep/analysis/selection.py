"""The choice: candidates of phase 2 and the default are raced over seeds (racing.py), and the best mean wins.

The least of many noisy means is lucky. So the winner and the default are then trained over seeds that chose nothing, and what is
said of the winner's loss and of its gain on the default rests on these alone. Losses are in nats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lrsweep.analysis.noise import Difference, Estimate, Noise, expected_greatest, indistinct
from lrsweep.analysis.ranges import Range
from lrsweep.search.racing import mean, winner
from lrsweep.search.repeats import Candidate
from lrsweep.search.settings import Select
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from lrsweep.space import Choice as Choices
from lrsweep.space import Space, Value
from lrsweep.store.tables import space_of


@dataclass(frozen=True)
class Raced:
    """A candidate after the race: the mean over its n finite runs there.

    Candidate 0 is the default, which has no trial in phase 2. `stands`: whether it remained in the race to the end. `plain`: what
    values come to in the race, by the names that the space calls plain.
    """

    candidate: int
    trial: int | None
    values: dict[str, Value]
    plain: dict[str, Value]
    stands: bool
    n: int
    n_diverged: int
    mean_nats: float | None

    @property
    def lr(self) -> float:
        """The maximum learning rate."""
        return float(self.values["lr"])


@dataclass(frozen=True)
class Luck:
    """The best single run of the candidates in phase 2, minus the mean of its n repetitions: a negative difference is luck.

    usual_nats: 95 % of single runs lie within so much of such a mean. alike: the number of trials of phase 2 whose single run is
    within noise of the best. expected_nats: the expected luck of the best of so many trials if all were equal.
    """

    trial: int
    observed_nats: float
    n: int
    mean_nats: float
    difference_nats: float
    usual_nats: float | None
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

    loss, difference_to_default: over the seeds that confirm, which chose nothing; the default has the mean default_mean_nats
    there. diverged: how many of these runs of the selected configuration diverged. noise: pooled over the candidates without the
    default, whose noise can be another. within_noise: the candidates, also dropped ones and the default, that the noise does not
    separate from the selected one. lower_lr, higher_lr: of these the one with the lowest and the one with the highest LR.
    """

    selected: dict[str, Value]
    default: dict[str, Value]
    candidate: int
    trial: int | None
    loss: Estimate | None
    diverged: int
    default_mean_nats: float | None
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


@dataclass(frozen=True)
class Runs:
    """The losses of each candidate by its number, None where a run diverged: those of the race, and those that confirm."""

    raced: dict[int, list[float | None]]
    confirming: dict[int, list[float | None]]

    @classmethod
    def of(cls, replicates: pd.DataFrame, candidates: int) -> "Runs":
        """Read them from the table of replicates."""
        ends = replicates["final_loss_nats"].astype(float).where(replicates["state"] == COMPLETE)
        losses = [None if np.isnan(loss) else loss for loss in ends.tolist()]
        found = cls(*({number: list[float | None]() for number in range(candidates)} for _ in range(2)))
        for number, is_round, loss in zip(replicates["candidate"], replicates["round"].notna(), losses, strict=True):
            (found.raced if is_round else found.confirming)[number].append(loss)
        return found

    def groups(self, numbers: Sequence[int]) -> list[list[float]]:
        """Give the finite runs of these candidates; those of the race and those that confirm are groups of their own."""
        return [finite(runs[number]) for number in numbers for runs in (self.raced, self.confirming)]


def finite(losses: Sequence[float | None]) -> list[float]:
    """Give the losses of the runs that did not diverge."""
    return [loss for loss in losses if loss is not None]


def choose(
    candidates: Sequence[Candidate],
    replicates: pd.DataFrame,
    standing: Sequence[int],
    trials: pd.DataFrame,
    section: Select,
) -> Choice:
    """Choose from the runs of the race. A candidate with a diverged run is out; where all are out, the default is taken.

    candidates: all candidates in order of their numbers, the default first, each with all names of the space.
    standing: the candidates that remained in the race.
    """
    runs, own = Runs.of(replicates, len(candidates)), replicates.drop_duplicates("candidate").set_index("candidate")
    plain = own[[one.name for one in space_of(trials).plain.values()]].to_dict("index")
    table = [_summarize(one, plain[one.number], runs.raced[one.number], one.number in standing) for one in candidates]
    won = winner(standing, runs.raced)
    chosen = table[won or 0]
    noise, default_noise = Noise.of(runs.groups(range(1, len(table)))), Noise.of(runs.groups([0]))
    fresh, default = finite(runs.confirming[chosen.candidate]), finite(runs.confirming[0])
    own_noise = noise.at_least(Noise.of(runs.groups([chosen.candidate]))) if chosen.candidate else default_noise
    within = [table[number] for number in _alike(runs, chosen.candidate, noise)] if won is not None else []
    lower, higher = ([row for row in within if side * row.lr > side * chosen.lr] for side in (-1, 1))
    return Choice(
        selected=chosen.values,
        default=table[0].values,
        candidate=chosen.candidate,
        trial=chosen.trial,
        loss=Estimate.of(fresh, own_noise),
        diverged=len(runs.confirming[chosen.candidate]) - len(fresh),
        default_mean_nats=mean(default) if default else None,
        difference_to_default=Difference.of(fresh, own_noise, default, default_noise) if chosen.candidate else None,
        candidates=tuple(table),
        noise=noise,
        luck=_luck(trials, table, runs, noise),
        within_noise=tuple(row.candidate for row in within),
        lower_lr=min(lower, key=lambda row: row.lr).candidate if lower else None,
        higher_lr=max(higher, key=lambda row: row.lr).candidate if higher else None,
        border_warnings=_border_warnings(chosen, section, space_of(trials)) if chosen.candidate else (),
        message=_message(table, won, trials["state"].value_counts().to_dict()),
    )


def _message(table: Sequence[Raced], won: int | None, states: Mapping[str, int]) -> str | None:
    """Say why no candidate is chosen, or give None; states: the number of trials of phase 2 in each state."""
    own = ", which diverged as well: lower select.default.lr too" if table[0].n_diverged else ""
    if len(table) == 1:
        diverged, pruned, n = states.get(DIVERGED, 0), states.get(PRUNED, 0), sum(states.values())
        ends = f"{diverged} of {n} diverged" + (f", {pruned} were stopped" if pruned else "")
        remedy = "lower its LR range (where sweep_bayes.space.lr is auto, sweep_uniform.lr.min)"
        more = ", or give sweep_bayes more trials" if pruned else ""
        return f"Phase 2 has no complete trial ({ends}): {remedy}{more}. The default is taken{own}"
    if all(row.n_diverged for row in table[1:]):
        return f"Every candidate diverged for at least one seed: lower phase 2's LR range. The default is taken{own}"
    return None if won else "No candidate has a lower mean loss than the default, so the default is kept"


def _summarize(one: Candidate, plain: dict[Any, Any], losses: Sequence[float | None], stands: bool) -> Raced:
    known = finite(losses)
    middle = mean(known) if known else None
    return Raced(one.number, one.trial, dict(one.values), plain, stands, len(known), len(losses) - len(known), middle)


def _alike(runs: Runs, chosen: int, noise: Noise) -> tuple[int, ...]:
    """Give the candidates without a divergence that the noise does not separate from the chosen one, over all of their runs."""
    both = {number: [*runs.raced[number], *runs.confirming[number]] for number in runs.raced}
    sound = {number: finite(losses) for number, losses in both.items() if number == chosen or None not in losses}
    return indistinct(sound, chosen, noise)


def _luck(trials: pd.DataFrame, table: Sequence[Raced], runs: Runs, noise: Noise) -> Luck | None:
    """Compare the best single run of the candidates with its repetitions: those that confirm it, or else those of the race.

    A single run lies around a mean of n others with the variance s² (1 + 1 / n). The expected luck is
    -s · E[the greatest of m standard normals], with m the trials whose single run is within noise of the best.
    """
    ends = trials.set_index("trial")["final_loss_nats"].astype(float)
    best = min((row for row in table if row.trial is not None), key=lambda row: (ends[row.trial], row.candidate), default=None)
    if best is None or best.trial is None:
        return None
    again = finite(runs.confirming[best.candidate]) or finite(runs.raced[best.candidate])
    if not again:
        return None
    observed, reach = float(ends[best.trial]), noise.reach(1, 1)
    alike = None if reach is None else int((ends <= observed + reach).sum())
    return Luck(
        trial=best.trial,
        observed_nats=observed,
        n=len(again),
        mean_nats=mean(again),
        difference_nats=observed - mean(again),
        usual_nats=noise.at_least(Noise.of(runs.groups([best.candidate]))).reach(1, len(again)),
        alike=alike,
        expected_nats=None if alike is None or noise.sd_nats is None else -noise.sd_nats * expected_greatest(alike),
    )


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
