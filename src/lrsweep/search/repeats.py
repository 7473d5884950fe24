"""The trials that are trained again: the candidates of the race, the audit of the pruned trials, the probes of sharpness.

They are chosen here and analysed elsewhere, so that a change of the analysis trains nothing again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from lrsweep.search.smoothing import smooth_with_noise
from lrsweep.search.trial import COMPLETE, PRUNED
from lrsweep.seeding import generator
from lrsweep.space import Space, Values

Row = Mapping[str, Any]  # of the table `trials`

FITTED, CAP = 256, 0.7  # complete trials, the best by their single runs, that are fitted; quantile that caps their losses
NEAR_SHARE = 0.75  # of the audit's places: for pruned trials that were near to going on


@dataclass(frozen=True)
class Candidate:
    """A configuration in the race; `trial` is its trial in phase 2, None for the default."""

    number: int
    trial: int | None
    values: Values


def candidates(trials: Sequence[Row], space: Space, most: int, default: Values) -> list[Candidate]:
    """Give the default as candidate 0, then up to `most` complete trials: likely good ones, spread over those that are near-best.

    The least of many single runs is lucky, and its neighbours say so: a Gaussian process over the complete trials gives each a
    mean. The first candidate has the least mean. The next ones are far from those before, among the trials whose mean lies within
    one standard deviation of the noise above the least, and where these are used up by their means. `space` is what phase 2
    varies; the default has a value for each of its names.
    """
    complete = [row for row in trials if row["state"] == COMPLETE]
    best = sorted(complete, key=lambda row: (row["final_loss_nats"], row["trial"]))[:FITTED]
    chosen = [best[i] for i in _spread(space.encode_all(best), [row["final_loss_nats"] for row in best], most)] if best else []
    found = [Candidate(i, row["trial"], {name: row[name] for name in space}) for i, row in enumerate(chosen, start=1)]
    return [Candidate(0, None, {name: default[name] for name in space}), *found]


def _spread(points_NE: np.ndarray, losses: Sequence[float], most: int) -> list[int]:
    """Choose up to `most` of N points by their posterior means and their distances."""
    values_N = np.minimum(losses, np.quantile(losses, CAP))  # a training that went wrong would bend the fit
    with threadpool_limits(limits=1):  # workers must agree, and a sum over threads depends on their number
        means_N, noise = smooth_with_noise(points_NE, values_N)
    ranked = np.argsort(means_N, kind="stable").tolist()
    near = [i for i in ranked if means_N[i] <= means_N[ranked[0]] + noise]
    chosen = ranked[:1]
    while len(chosen) < min(most, len(ranked)):
        left = [i for i in near if i not in chosen] or [i for i in ranked if i not in chosen][:1]
        gaps = [float(np.square(points_NE[chosen] - points_NE[i]).sum(1).min()) for i in left]
        chosen.append(left[int(np.argmax(gaps))])
    return chosen


@dataclass(frozen=True)
class Audited:
    """A pruned trial that is trained to its end, and the number of pruned trials that it stands for."""

    trial: int
    stands_for: float


def audit_sample(trials: Sequence[Row], most: int, seed: int) -> list[Audited]:
    """Draw up to `most` pruned trials to train to their end, most of them where stopping may have been wrong.

    Of the trials that were stopped at a rung, the half with the lower losses there is near to going on. Three of four places go
    to these halves, the others to the rest, so that each has a known share of its trials in the sample.
    """
    pruned = sorted((row["steps"], row["last_loss_nats"], row["trial"]) for row in trials if row["state"] == PRUNED)
    near, far = list[int](), list[int]()
    for _, part in groupby(pruned, key=lambda one: one[0]):
        numbers = [trial for *_, trial in part]
        near += numbers[: -(-len(numbers) // 2)]
        far += numbers[-(-len(numbers) // 2) :]
    random = generator(seed, "assess/audit")
    places = max(round(NEAR_SHARE * most), most - len(far))
    found = []
    for half, count in ((near, places), (far, most - min(places, len(near)))):
        drawn = random.permutation(sorted(half)).tolist()[:count]
        found += [Audited(trial, len(half) / len(drawn)) for trial in drawn]
    return found
