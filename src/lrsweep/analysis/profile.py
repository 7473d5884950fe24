"""Profile: the loss of one configuration against its maximum LR, and where the next run of it goes.

The log of the loss is modelled as a valley over x = log LR, with noise that depends on the seed:

    y = c + k ((exp(a (x - m)) - 1) / a)^2 + e,    var(e) = s^2 + (MISFIT k (...)^2)^2

m is the log of the best LR, c the log loss there, k the curvature, a the skew (Morse 1929, Phys. Rev. 34, 57: a parabola whose
sides may differ). s is the noise between seeds. A run far up the valley says less, since the shape is known only to the share
MISFIT. The posterior over (m, k, a, s) is summed on a grid, with c integrated out, so that few runs give honest intervals: all
are 95 % intervals, whose coverage docs/evidence.md states.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrsweep.analysis.features import means_by_lr
from lrsweep.errors import UserError
from lrsweep.seeding import generator

FEWEST = 3  # LRs of a profile
BAND = 0.005  # share of the best loss within which LRs form the band
NEAR_OPTIMAL = 0.02  # share of the best loss up to which an LR is near-optimal
MISFIT = 0.4  # share of its excess by which the loss of a real valley differs from the model
SHARED = 0.5  # share of their excess by which all runs of a real valley may lie too high or too low together
REACH = 1.5  # nats of log LR beyond the runs that the best LR may lie at
CURVATURES = np.geomspace(0.002, 1.5, 17)  # relative loss per squared nat of log LR
SKEWS = np.array([-0.6, -0.3, 0.01, 0.3, 0.6, 0.9])  # per nat of log LR
NOISES = np.geomspace(0.0004, 0.08, 9)  # relative loss
CURVATURE_PRIOR = (np.log(0.04), 1.4)  # of the log: valleys of language models, pools of docs/benchmarks
SKEW_PRIOR = (0.15, 0.35)
NOISE_PRIOR = (np.log(0.01), 1.0)  # of the log
FARTHER = 1.3  # times the distance at which a run tells most where only m is unknown (measured on the pools)
DISTANCES = (0.3, 1.3)  # nats of log LR from the best one at which a further run is placed
DRAWS = 2000
LEVELS = (0.025, 0.975)


@dataclass(frozen=True)
class Run:
    """A training run: its maximum LR, its seed, and its final loss in nats, None where it diverged."""

    lr: float
    seed: int
    loss_nats: float | None


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, draws: np.ndarray) -> "Interval":
        """Give the median of draws from a posterior, and the interval between their quantiles at LEVELS."""
        low, middle, high = np.quantile(draws, [LEVELS[0], 0.5, LEVELS[1]]).tolist()
        return cls(middle, low, high)


@dataclass(frozen=True)
class Profile:
    """What the runs of one configuration say. LRs are maximum learning rates.

    lr: the best one. band_low, band_high: the ends of the LRs within BAND of the best loss. near_optimal_lr: the largest one
    within a share of it. sensitivity_nats: mean loss above the best, evenly in log LR over the LRs tried (Wortsman et al. 2023,
    arXiv 2309.14322). log_lr_sd: standard deviation of the log of the best LR. at_border: the best lies at or beyond the lowest
    or the highest LR tried.
    """

    lr: Interval
    band_low: Interval
    band_high: Interval
    near_optimal_lr: Interval
    loss_nats: Interval
    sensitivity_nats: Interval
    log_lr_sd: float
    at_border: bool
    runs: int


@dataclass(frozen=True)
class Posterior:
    """Draws of the valley's values, each of shape DRAWS: m, k, a, s and c of the module's formula."""

    best: np.ndarray
    curvature: np.ndarray
    skew: np.ndarray
    noise: np.ndarray
    floor: np.ndarray


def excess(from_best: np.ndarray, curvature: np.ndarray, skew: np.ndarray) -> np.ndarray:
    """Give the log loss above the best, at a distance in log LR from the best LR."""
    return curvature * (np.expm1(np.clip(skew * from_best, -20, 20)) / skew) ** 2


def posterior(runs: Sequence[Run], seed: int) -> Posterior:
    """Draw from the posterior of the valley, given runs of which at least one did not diverge.

    The best LR is below every LR at which all runs diverged, and within REACH of the runs that did not.
    """
    xs, ys = _logs(runs)
    assert len(xs), "a profile needs a run that did not diverge"
    low, high = xs.min() - REACH, min(xs.max() + REACH, _diverging(runs))
    coarse = np.linspace(low, high, 41)
    weights = _weights(coarse, xs, ys)[0].sum((1, 2, 3))
    inside = coarse[weights > 1e-5]
    step = coarse[1] - coarse[0]
    fine = np.linspace(max(low, inside[0] - step), min(high, inside[-1] + step), 81)
    weights, centre, spread = _weights(fine, xs, ys)
    draws = generator(seed, "profile")
    index = draws.choice(weights.size, DRAWS, p=weights.ravel())
    m, k, a, s = np.unravel_index(index, weights.shape)
    within = (fine[1] - fine[0]) * (draws.random(DRAWS) - 0.5)
    floor = centre.ravel()[index] + spread.ravel()[index] * draws.standard_normal(DRAWS)
    best = np.clip(fine[m] + within, low, high)
    return Posterior(best, CURVATURES[k], SKEWS[a], NOISES[s], floor)


def _logs(runs: Sequence[Run]) -> tuple[np.ndarray, np.ndarray]:
    """Give log LR and log loss of the runs that did not diverge.

    Raises:
        UserError: a loss is not above 0.
    """
    for run in runs:
        if run.loss_nats is not None and run.loss_nats <= 0:
            found = (
                f"found a final loss of {run.loss_nats:g} at LR {run.lr:g}, expected losses above 0, whose logarithm is fitted"
            )
            remedy = "log such a loss, as cross-entropy is, or set edge.refine, scale and ablate to null in params.yaml"
            raise UserError(f"profile: {found}; {remedy}")
    ended = [(np.log(run.lr), np.log(run.loss_nats)) for run in runs if run.loss_nats is not None]
    table: np.ndarray = np.array(ended).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _diverging(runs: Sequence[Run]) -> float:
    """Give the least log LR above all others at which no run came to an end; infinite where there is none."""
    whole = max(run.lr for run in runs if run.loss_nats is not None)
    return min((float(np.log(run.lr)) for run in runs if run.loss_nats is None and run.lr > whole), default=np.inf)


def _weights(bests: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give posterior weights M x K x A x S of the grid, and mean and deviation of the floor c in each of its cells.

    The runs may all lie higher or lower above the floor than the model says, by SHARED of their mean excess.
    """
    m, k, a, s = np.meshgrid(bests, CURVATURES, SKEWS, NOISES, indexing="ij", sparse=True)
    total, first, second, logs, above = (np.zeros(1) for _ in range(5))
    for x, y in zip(xs, ys, strict=True):
        height = excess(x - m, k, a)
        variance = s**2 + (MISFIT * height) ** 2
        rest = y - height - ys.min()
        total, first, second = total + 1 / variance, first + rest / variance, second + rest**2 / variance
        logs, above = logs + np.log(variance), above + height / variance
    priors = ((np.log(k), CURVATURE_PRIOR), (a, SKEW_PRIOR), (np.log(s), NOISE_PRIOR))
    prior = sum(((value - mean) / sd) ** 2 for value, (mean, sd) in priors)
    log_weights = -0.5 * (second - first**2 / total + logs + np.log(total) + prior)
    weights = np.exp(log_weights - log_weights.max())
    deviation = np.hypot(total**-0.5, SHARED * above / total)
    return weights / weights.sum(), first / total + ys.min(), deviation


def reach(tolerance: float, curvature: np.ndarray, skew: np.ndarray, side: int) -> np.ndarray:
    """Give the distance in log LR, on one side (-1 or 1) of the best, at which the excess is log(1 + tolerance)."""
    root = side * skew * np.sqrt(np.log1p(tolerance) / curvature)
    return side * np.log(np.maximum(1 + root, 1e-3)) / skew


def are_enough(runs: Sequence[Run]) -> bool:
    """Say whether runs make a profile: whether FEWEST LRs or more did not diverge."""
    return len({run.lr for run in runs if run.loss_nats is not None}) >= FEWEST


def profile_of(runs: Sequence[Run], seed: int, near: float = NEAR_OPTIMAL) -> Profile:
    """Find the best LR, the band, the near-optimal LRs, the loss at the best and the LR sensitivity, each with its 95 % interval.

    seed: of the posterior's draws. near: share of the best loss up to which an LR is near-optimal. At least one run did not
    diverge.
    """
    drawn = posterior(runs, seed)
    tried, _ = _logs(runs)
    misfit = np.exp(MISFIT * generator(seed, "profile/misfit").standard_normal((3, DRAWS)))
    ends = {
        name: drawn.best + side * reach(share, drawn.curvature * misfit[row], drawn.skew, side)
        for row, (name, side, share) in enumerate((("low", -1, BAND), ("high", 1, BAND), ("near", 1, near)))
    }
    lr = Interval.of(np.exp(drawn.best))
    return Profile(
        lr=lr,
        band_low=Interval.of(np.exp(ends["low"])),
        band_high=Interval.of(np.exp(ends["high"])),
        near_optimal_lr=Interval.of(np.exp(ends["near"])),
        loss_nats=Interval.of(np.exp(drawn.floor)),
        sensitivity_nats=Interval.of(_sensitivity(runs, drawn)),
        log_lr_sd=float(drawn.best.std()),
        at_border=not np.exp(tried.min()) < lr.value < np.exp(tried.max()),
        runs=len(runs),
    )


def _sensitivity(runs: Sequence[Run], drawn: Posterior) -> np.ndarray:
    """Average the loss above the best over log LR, in each draw: the valley, bent to meet the mean loss at each LR tried.

    What lies between two LRs is known to half the share SHARED.
    """
    log_lrs, logs = _logs(runs)
    xs, means, counts = means_by_lr(log_lrs, logs, np.ones(len(logs)))
    if len(xs) < 2:
        return np.zeros(DRAWS)
    grid = np.linspace(xs[0], xs[-1], 101)
    m, k, a, c = (values[:, None] for values in (drawn.best, drawn.curvature, drawn.skew, drawn.floor))
    draws = generator(0, "profile/sensitivity")
    noise = draws.standard_normal((DRAWS, len(xs))) * drawn.noise[:, None] / np.sqrt(counts)
    rest = means + noise - c - excess(xs - m, k, a)
    bent = [np.interp(grid, xs, row) for row in rest]
    above = np.clip(excess(grid - m, k, a) + np.array(bent), 0, None)
    between = np.exp(SHARED / 2 * draws.standard_normal(DRAWS))
    return between * (np.exp(c + above) - np.exp(c)).mean(1)  # not exp(c) times the rest, which alone may be no float


@dataclass(frozen=True)
class Placement:
    """Where the next run of a profile goes."""

    lr: float
    seed: int


def next_lr(known: Sequence[Run], pending: Sequence[float], start: float, step: float, seed: int) -> Placement:
    """Place the next run of a profile, from the runs that ended and the LRs that are being trained; each run has another seed.

    The first three go to `start`, above and below it by the factor `step`. From then on a run goes to that side of the likely
    best LR about which less is known, to the distance u at which it tells most of it: for the parabola of the module's formula
    the information 4 k^2 u^2 / (s^2 + (MISFIT k u^2)^2) is greatest at u^2 = s / (MISFIT k). Since k is not known either, it
    goes FARTHER.
    """
    count = len(known) + len(pending)
    taken = [*(run.lr for run in known), *pending]
    ended = [run for run in known if run.loss_nats is not None]
    if count < 3:
        lr = start * step ** (0, 1, -1)[count]
    elif not ended:
        lr = min(taken) / step
    else:
        drawn = posterior(known, seed)
        best, curvature, noise = (float(np.median(values)) for values in (drawn.best, drawn.curvature, drawn.noise))
        distance = float(np.clip(FARTHER * np.sqrt(noise / (MISFIT * curvature)), *DISTANCES))
        diverged = {run.lr for run in known if run.loss_nats is None}
        from_best = np.log([lr for lr in taken if lr not in diverged]) - best
        told = (curvature * from_best) ** 2 / (noise**2 + (MISFIT * curvature * from_best**2) ** 2)
        side = 1 if told[from_best > 0].sum() <= told[from_best < 0].sum() else -1
        lr = float(np.exp(min(best + side * distance, _diverging(known))))
    return Placement(float(f"{lr:.4g}"), count)
