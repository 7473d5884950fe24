"""Ablations: the variants of a configuration, each compared with it at its own best LR, and at the baseline's.

A difference at the own best LR is that of two floors of valleys (profile.py): its interval comes from the draws of both. How many
differences were looked at counts: their p-values are corrected by Holm (1979, "A simple sequentially rejective multiple test
procedure"), and each interval has the level at which Holm decides on its difference, so that it holds 0 where he finds none.
Differences at the baseline's LR are of means over seeds, with pooled noise, and are corrected for nothing: they show what a
borrowed LR would have said. Losses are in nats.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from lrsweep.analysis import breaking
from lrsweep.analysis.features import magnitude, means_by_lr
from lrsweep.analysis.noise import Difference, Noise
from lrsweep.analysis.profile import DRAWS, Interval, Posterior, Profile, Run, are_enough, posterior, profile_of
from lrsweep.analysis.ranges import Bounded
from lrsweep.search.racing import mean
from lrsweep.seeding import derive_seed, generator
from lrsweep.space import Value

LEVEL = 0.05  # of all differences together


@dataclass(frozen=True)
class Tried:
    """A variant and its runs. The baseline comes first; `parts` are the numbers of the two variants that are crossed, if any."""

    name: str
    overrides: Mapping[str, Value]
    parts: tuple[int, int] | None
    runs: Sequence[Run]


@dataclass(frozen=True)
class Setting:
    """What all variants share: the selected LR, the ends of the ladder, and the losses that a run is judged by.

    limit_nats: the loss above which a run is broken. untrained_nats: the baseline's loss before its first step. Both None where
    they are not known.
    """

    lr: float
    ladder: tuple[float, float]
    limit_nats: float | None
    untrained_nats: float | None


@dataclass(frozen=True)
class Corrected:
    """A difference in nats with an interval and a p-value that know how many differences were compared."""

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Moved:
    """The ratio of two LRs with its 95 % interval; an end that is not known is None."""

    times: float
    low: float | None
    high: float | None

    @property
    def is_clear(self) -> bool:
        """Whether the interval does not hold 1."""
        return (self.low is not None and self.low > 1) or (self.high is not None and self.high < 1)


@dataclass(frozen=True)
class Ablated:
    """What the runs of a variant say.

    profile: None where too few LRs trained. breaks_lr: the LR at which half of the runs break. trained_lr: the highest LR that
    trained; broken_lr: the lowest that broke. at_lr: mean over seeds at the baseline's LR, over n_at_lr runs that did not
    diverge; broken_at_lr are broken. best_moved, near_optimal_moved, breaks_moved: its LRs as multiples of the baseline's.
    """

    name: str
    overrides: Mapping[str, Value]
    parts: tuple[int, int] | None
    runs: int
    broken: int
    profile: Profile | None
    breaks_lr: Bounded
    trained_lr: float | None
    broken_lr: float | None
    at_lr: Interval | None
    n_at_lr: int
    broken_at_lr: int
    sensitivity_nats: Interval | None
    difference: Corrected | None
    difference_at_lr: Difference | None
    best_moved: Moved | None
    near_optimal_moved: Moved | None
    breaks_moved: Moved | None


@dataclass(frozen=True)
class Interaction:
    """How far two variants together differ from the sum of both."""

    name: str
    first: str
    second: str
    difference: Corrected


@dataclass(frozen=True)
class Ablations:
    """The answer. `compared` counts the differences that Holm's correction knows of. setting: None where nothing was trained."""

    setting: Setting | None
    compared: int
    variants: tuple[Ablated, ...]
    interactions: tuple[Interaction, ...]


@dataclass(frozen=True)
class _Known:
    """A variant's profile and its draws of the floor, in nats; without either where too few LRs trained."""

    profile: Profile | None
    floors: np.ndarray | None
    drawn: Posterior | None


def compare(tried: Sequence[Tried], setting: Setting | None, seed: int) -> Ablations:
    """Compare the variants with the baseline, which comes first; nothing is compared without a setting."""
    if setting is None:
        return Ablations(None, 0, (), ())
    known = [_known(one, setting, derive_seed(seed, f"ablate/{one.name}")) for one in tried]
    base = known[0].floors
    gaps = {
        number: one.floors - base for number, one in enumerate(known) if number and one.floors is not None and base is not None
    }
    crossed = {number: gaps[number] - gaps[i] - gaps[j] for number, i, j in _pairs(tried) if {number, i, j} <= gaps.keys()}
    differences, interactions = _corrected(gaps), _corrected(crossed)
    losses = [[run.loss_nats for run in one.runs if run.lr == setting.lr and run.loss_nats is not None] for one in tried]
    noise = Noise.of(losses)
    found = [
        _ablated(one, own, setting, its, noise, differences.get(number), derive_seed(seed, f"ablate/{one.name}"))
        for number, (one, own, its) in enumerate(zip(tried, known, losses, strict=True))
    ]
    named = [tried[i].name for i in range(len(tried))]
    parts = {number: (named[i], named[j]) for number, i, j in _pairs(tried)}
    return Ablations(
        setting=setting,
        compared=len(gaps),
        variants=tuple(_beside(one, its, found[0], losses[0], noise) for one, its in zip(found, losses, strict=True)),
        interactions=tuple(Interaction(named[number], *parts[number], one) for number, one in interactions.items()),
    )


def _pairs(tried: Sequence[Tried]) -> list[tuple[int, int, int]]:
    return [(number, *one.parts) for number, one in enumerate(tried) if one.parts]


def _known(one: Tried, setting: Setting, seed: int) -> _Known:
    """Find the profile; a seed of its own makes the draws of two variants independent."""
    whole = breaking.without_loss(one.runs, setting.limit_nats)
    if not are_enough(whole):
        return _Known(None, None, None)
    drawn = posterior(whole, seed)
    return _Known(profile_of(whole, seed), np.exp(drawn.floor), drawn)


def _ablated(
    one: Tried,
    known: _Known,
    setting: Setting,
    losses: Sequence[float],
    noise: Noise,
    difference: Corrected | None,
    seed: int,
) -> Ablated:
    broken = [run.lr for run in one.runs if breaking.is_broken(run, setting.limit_nats)]
    trained = [run.lr for run in one.runs if not breaking.is_broken(run, setting.limit_nats)]
    return Ablated(
        name=one.name,
        overrides=dict(one.overrides),
        parts=one.parts,
        runs=len(one.runs),
        broken=len(broken),
        profile=known.profile,
        breaks_lr=breaking.breaking(one.runs, setting.limit_nats, seed),
        trained_lr=max(trained, default=None),
        broken_lr=min(broken, default=None),
        at_lr=_mean(losses, noise),
        n_at_lr=len(losses),
        broken_at_lr=broken.count(setting.lr),
        sensitivity_nats=_sensitivity(one.runs, known, setting, seed),
        difference=difference,
        difference_at_lr=None,
        best_moved=None,
        near_optimal_moved=None,
        breaks_moved=None,
    )


def _beside(one: Ablated, losses: list[float], base: Ablated, base_losses: list[float], noise: Noise) -> Ablated:
    """Add what a variant is beside the baseline."""
    if one is base:
        return one
    own, other = one.profile, base.profile
    return Ablated(
        **{
            **vars(one),
            "difference_at_lr": _gap(losses, base_losses, noise),
            "best_moved": ratio(own.lr, other.lr) if own and other else None,
            "near_optimal_moved": ratio(own.near_optimal_lr, other.near_optimal_lr) if own and other else None,
            "breaks_moved": ratio(one.breaks_lr, base.breaks_lr),
        }
    )


def _mean(losses: Sequence[float], noise: Noise) -> Interval | None:
    """Give the mean over seeds with its 95 % interval; the noise is pooled over the variants."""
    reach = noise.reach(len(losses)) if losses else None
    return None if reach is None else Interval(mean(losses), mean(losses) - reach, mean(losses) + reach)


def _gap(losses: Sequence[float], others: Sequence[float], noise: Noise) -> Difference | None:
    """Give the difference of two means over seeds with its 95 % interval, where there is enough noise to know it."""
    if not losses or not others:
        return None
    gap, reach = mean(losses) - mean(others), noise.reach(len(losses), len(others))
    return Difference(gap, None, None) if reach is None else Difference(gap, gap - reach, gap + reach)


def ratio(one: Interval | Bounded, other: Interval | Bounded) -> Moved | None:
    """Give the ratio of two independent LRs, with an interval from both of theirs (Zou and Donner 2008, MOVER), in logs.

    An end is None where an end that it depends on is not known. None where one of the LRs is not.

    >>> round(ratio(Interval(2.0, 1.0, 4.0), Interval(1.0, 1.0, 1.0)).high, 9)
    4.0
    """
    (a, a_low, a_high), (b, b_low, b_high) = ([x and math.log(x) for x in vars(one_of).values()] for one_of in (one, other))
    if a is None or b is None:
        return None
    low = None if a_low is None or b_high is None else math.exp(a - b - math.hypot(a - a_low, b_high - b))
    high = None if a_high is None or b_low is None else math.exp(a - b + math.hypot(a_high - a, b - b_low))
    return Moved(math.exp(a - b), low, high)


def _sensitivity(runs: Sequence[Run], known: _Known, setting: Setting, seed: int) -> Interval | None:
    """Average min(loss, untrained loss) - best loss over log LR along the ladder (Wortsman et al. 2023, arXiv 2309.14322).

    Linear between the LRs tried there. All variants share the ladder, so that their values can be compared.
    """
    if known.floors is None or known.drawn is None or setting.untrained_nats is None:
        return None
    low, high = setting.ladder
    capped = [(run.lr, min(run.loss_nats or math.inf, setting.untrained_nats)) for run in runs if low <= run.lr <= high]
    lrs, losses = np.array(capped).T
    xs, means, counts = means_by_lr(np.log(lrs), losses, np.ones(len(lrs)))
    noise = generator(seed, "ablate/sensitivity").standard_normal((DRAWS, len(xs))) * known.drawn.noise[:, None]
    heights = means * (1 + noise / np.sqrt(counts))
    mean_heights = np.trapezoid(heights, xs, axis=1) / (xs[-1] - xs[0])
    return Interval.of(np.clip(mean_heights - known.floors, 0, None))


def _corrected(gaps: Mapping[int, np.ndarray]) -> dict[int, Corrected]:
    """Give each difference, from its draws, with the interval and the p-value that Holm's correction gives it."""
    if not gaps:
        return {}
    units = {number: magnitude(one) for number, one in gaps.items()}
    middles, sds = ({number: float(f(one / units[number])) for number, one in gaps.items()} for f in (np.mean, np.std))
    raw = {number: 2 * NormalDist().cdf(-abs(middles[number]) / sds[number]) if sds[number] else 1.0 for number in gaps}
    ps, levels = holm(list(raw.values()))
    found = {}
    for number, p, level in zip(raw, ps, levels, strict=True):
        middle, half = (units[number] * value for value in (middles[number], NormalDist().inv_cdf(1 - level / 2) * sds[number]))
        found[number] = Corrected(middle, middle - half, middle + half, p)
    return found


def holm(ps: Sequence[float]) -> tuple[list[float], list[float]]:
    """Correct p-values for their number, and give the level at which each is decided; none is decided after one that is kept.

    >>> holm([0.04, 0.01])
    ([0.04, 0.02], [0.05, 0.025])
    """
    order, count = sorted(range(len(ps)), key=lambda i: ps[i]), len(ps)
    corrected, levels = [1.0] * count, [LEVEL] * count
    highest, level, stopped = 0.0, LEVEL, False
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (count - rank) * ps[i]))
        level = level if stopped else LEVEL / (count - rank)
        stopped = stopped or ps[i] > level
        corrected[i], levels[i] = highest, level
    return corrected, levels
