"""Questions of the write-up about a study: whether M_u ranks better than the loss, whether it favours runs that first rise, and
whether a higher learning rate goes with a lower loss.

`known` are the trials whose final loss is known, on whole curves: the complete ones with weight 1, and the audited ones with the
number of pruned trials that each stands for. Losses are in nats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lrsweep.analysis.endings import catapult
from lrsweep.analysis.ranks import Correlation, difference_within, resampled, spearman, spearman_within
from lrsweep.analysis.settings import Assess
from lrsweep.search.replaying import finals, values_at
from lrsweep.search.trial import COMPLETE
from lrsweep.seeding import generator


@dataclass(frozen=True)
class AgainstLoss:
    """Spearman's correlation of M_u with the final loss less that of the plain loss, at a rung; below 0 M_u ranks worse."""

    rung: int
    difference: Correlation


@dataclass(frozen=True)
class Rises:
    """Trials that reached a rung, by whether their eval loss rose near the peak LR before; how many of each survived.

    with_m_u, with_loss: rank correlation of the rise with M_u and with the loss at the rung; with_final: with the final loss.
    """

    rung: int
    risen: int
    risen_survived: int
    calm: int
    calm_survived: int
    with_m_u: Correlation
    with_loss: Correlation
    with_final: Correlation


@dataclass(frozen=True)
class OfLr:
    """Rank correlation of the maximum LR with the final loss: over all, and up to and from the LR of the best trial on."""

    best_lr: float | None
    over_all: Correlation
    up_to_best: Correlation
    from_best: Correlation


class Known:
    """The final losses that are known, with their weights."""

    def __init__(self, known: pd.DataFrame, weights: Mapping[int, float], section: Assess, seed: int) -> None:
        self.ends, self.weights, self.section, self.seed = finals(known), weights, section, seed

    def correlate(self, values: Mapping[int, float], targets: Mapping[int, float]) -> Correlation:
        """Give Spearman's correlation between values and targets of trials, weighted, with its interval."""
        trials = self._in_all(values, targets)
        if len(trials) < self.section.fewest_trials:
            return Correlation(len(trials), None, None, None)
        return spearman_within(_of(trials, values), _of(trials, targets), self._weights(trials))

    def compare(self, purpose: str, values: Mapping[int, float], others: Mapping[int, float]) -> Correlation:
        """Give the correlation of values with the final losses less that of others, with its interval."""
        trials = self._in_all(values, others, self.ends)
        if len(trials) < self.section.fewest_trials:
            return Correlation(len(trials), None, None, None)
        weights_N, y_N = self._weights(trials), _of(trials, self.ends)
        weights_BN = resampled(weights_N, self.section.bootstrap, generator(self.seed, f"assess/{purpose}"))
        first_B, second_B = (spearman(_of(trials, one), y_N, weights_BN) for one in (values, others))
        return difference_within(first_B - second_B, weights_N)

    def _in_all(self, *values: Mapping[int, float]) -> list[int]:
        """Give the trials that have a finite value in each mapping."""
        both = set(values[0]).intersection(*values[1:])
        return sorted(trial for trial in both if np.isfinite([one[trial] for one in values]).all())

    def _weights(self, trials: Sequence[int]) -> np.ndarray:
        return np.array([self.weights.get(trial, 1.0) for trial in trials])


def _of(trials: Sequence[int], values: Mapping[int, float]) -> np.ndarray:
    return np.array([values[trial] for trial in trials], float)


def against_loss(known: Known, curves: pd.DataFrame, rungs: Sequence[int]) -> tuple[AgainstLoss, ...]:
    """Test M_u against the plain loss at each rung at which it is defined."""
    found = []
    for rung in rungs:
        m_u, loss = (values_at(curves, name, rung) for name in ("m_u", "loss"))
        if m_u:
            found.append(AgainstLoss(int(rung), known.compare(f"m_u against loss/{rung}", m_u, loss)))
    return tuple(found)


def rises(known: Known, trials: pd.DataFrame, evals: pd.DataFrame, rungs: Sequence[int], rho: float) -> Rises | None:
    """Relate the rise of the eval loss near the peak LR (`catapult`) to survival and to M_u, at the first rung that has M_u.

    None where no rung has M_u.
    """
    rung = next((rung for rung in rungs if values_at(evals, "m_u", rung)), None)
    if rung is None:
        return None
    m_u, loss = (values_at(evals, name, rung) for name in ("m_u", "loss"))
    lrs, states = (dict(zip(trials["trial"].tolist(), trials[name].tolist(), strict=True)) for name in ("lr", "state"))
    until = evals[(evals["step"] <= rung) & (evals["step"] > 0) & evals["trial"].isin(list(m_u))].sort_values("step")
    rose = {}
    for trial, curve in until.groupby("trial"):
        rise = catapult(curve["lr"].to_numpy(), curve["loss_nats"].to_numpy(), float(lrs[trial]), rho).rise_nats
        rose[int(trial)] = 0.0 if rise is None else rise
    risen = [trial for trial, rise in rose.items() if rise > 0]
    survived = {trial for trial in rose if states[trial] == COMPLETE}
    equal = Known(trials, {}, known.section, known.seed)  # each trial that reached the rung stands for itself
    return Rises(
        rung=int(rung),
        risen=len(risen),
        risen_survived=len(survived & set(risen)),
        calm=len(rose) - len(risen),
        calm_survived=len(survived - set(risen)),
        with_m_u=equal.correlate(rose, m_u),
        with_loss=equal.correlate(rose, loss),
        with_final=known.correlate(rose, known.ends),
    )


def of_lr(known: Known, trials: pd.DataFrame) -> OfLr:
    """Relate the maximum LR to the final loss."""
    lrs = {trial: lr for trial, lr in zip(trials["trial"].tolist(), trials["lr"].tolist(), strict=True) if trial in known.ends}
    best = lrs[min(known.ends, key=lambda trial: (known.ends[trial], trial))] if known.ends else None
    sides = [{trial: lr for trial, lr in lrs.items() if best is None or side * lr <= side * best} for side in (0, 1, -1)]
    over_all, up_to, onward = (known.correlate(part, known.ends) for part in sides)
    return OfLr(best, over_all, up_to, onward)
