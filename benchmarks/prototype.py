"""A proposal that was tried, and is not (yet) the study's: one Gaussian process over all rungs, its kernel fixed.

A value at a rung is that at the end less a smooth change for each rung between (Kennedy and O'Hagan 2000, "Predicting
the output from a complex computer code when fast approximations are available"), so a pruned trial tells where it was stopped
and no more. Both have a quadratic mean in log LR with a prior on its coefficients (Rasmussen and Williams 2006, section 2.7).
Pending trials count as their posterior means. It has the signature of lrsweep.proposing.propose.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from lrsweep import artifacts
from lrsweep.curves import values_by_step
from lrsweep.params import VARIED, Range, SweepBayes
from lrsweep.proposing import propose as sobol_or_gp
from lrsweep.records import Proposal, Record
from lrsweep.seeding import derive_seed, generator

# Values are shares of the spread between the least loss and the cap. Chosen on the first pool.
LENGTHS, CHANGE_LENGTHS = (0.15, 2.0, 2.0), (0.5, 2.0, 2.0)
SIGNAL, QUADRATIC, CHANGE = 0.25, 0.1, 0.02  # variances
NOISE = 0.04  # standard deviation
CANDIDATES, NEAR_BEST, SPREAD = 1500, 500, 0.05


def _matern(a_ND: np.ndarray, b_MD: np.ndarray, lengths: Sequence[float]) -> np.ndarray:
    root = np.sqrt(5 * (((a_ND[:, None] - b_MD[None]) / np.array(lengths)) ** 2).sum(-1))
    return (1 + root + root**2 / 3) * np.exp(-root)


def _basis(points_ND: np.ndarray) -> np.ndarray:
    lr = 2 * points_ND[:, 0] - 1
    return np.stack([np.ones_like(lr), lr, lr**2], 1)


def _kernel(a_ND: np.ndarray, a_rung_N: np.ndarray, b_MD: np.ndarray, b_rung_M: np.ndarray, end: int) -> np.ndarray:
    quadratic = _basis(a_ND) @ _basis(b_MD).T
    shared = end - np.maximum(a_rung_N[:, None], b_rung_M[None])  # changes that both lack
    signal = SIGNAL * _matern(a_ND, b_MD, LENGTHS) + QUADRATIC * quadratic
    return signal + shared * CHANGE * (_matern(a_ND, b_MD, CHANGE_LENGTHS) + quadratic)


def _posterior(points_ND, rung_N, values_N, at_MD, end):
    """Means and standard deviations M of the value at the end."""
    at_rung = np.full(len(at_MD), end)
    factor = np.linalg.cholesky(_kernel(points_ND, rung_N, points_ND, rung_N, end) + NOISE**2 * np.eye(len(points_ND)))
    white = np.linalg.solve(factor, _kernel(points_ND, rung_N, at_MD, at_rung, end))
    prior = SIGNAL + QUADRATIC * (_basis(at_MD) ** 2).sum(1)
    mean = white.T @ np.linalg.solve(factor, values_N)
    return mean, np.sqrt(np.maximum(prior - (white**2).sum(0), 1e-12))


def _observations(records: Sequence[Record], section: SweepBayes, place) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, rungs and values: every rung that a trial reached, as a share of the spread at that rung."""
    levels, rows = [*section.rungs, section.steps], []
    for record in records:
        own = values_by_step(record, section.metric)
        rows += [(place(record.proposal), i, np.log(own[s])) for i, s in enumerate(levels) if s in own and s <= record.steps]
    points, rung, values = np.array([p for p, _, _ in rows]), np.array([i for _, i, _ in rows]), np.array([v for _, _, v in rows])
    spread = np.quantile(values[rung == 0], section.cap_quantile) - values[rung == 0].min()
    for level in set(rung.tolist()):
        here = rung == level
        values[here] = np.minimum((values[here] - values[here].min()) / max(spread, 1e-3), 1.0)
    return points, rung, values


def propose(
    records: Sequence[Record], pending: Sequence[Proposal], k: int, section: SweepBayes, lr: Range, seed: int
) -> Proposal:
    """The values of trial k, at the greatest expected improvement among random candidates."""
    if k < section.first_block:
        return sobol_or_gp(records, pending, k, section, lr, seed)
    ranges = {"lr": lr, "beta2": section.beta2, "weight_decay": section.weight_decay}

    def place(proposal: Proposal) -> list[float]:
        return [ranges[name].share(getattr(proposal, name)) for name in VARIED]

    end = len(section.rungs)
    points, rung, values = _observations(records, section, place)
    random = generator(seed, "prototype", k)
    near = points[random.choice(np.argsort(values + 0.05 * (end - rung), kind="stable")[:5], NEAR_BEST)]
    near = np.clip(near + random.normal(0, SPREAD, near.shape), 0, 1)
    candidates = np.vstack([random.random((CANDIDATES, len(VARIED))), near])
    if pending:
        waiting = np.array([place(proposal) for proposal in pending])
        guessed, _ = _posterior(points, rung, values, waiting, end)
        points, values = np.vstack([points, waiting]), np.r_[values, guessed]
        rung = np.r_[rung, np.full(len(waiting), end)]
    mean, deviation = _posterior(points, rung, values, np.vstack([candidates, points]), end)
    gain = mean[len(candidates) :].min() - mean[: len(candidates)]
    deviation = deviation[: len(candidates)]
    improvement = gain * norm.cdf(gain / deviation) + deviation * norm.pdf(gain / deviation)
    chosen = dict(zip(VARIED, candidates[improvement.argmax()].tolist(), strict=True))
    states = [record.state for record in records]
    counts = [states.count(state) for state in (artifacts.COMPLETE, artifacts.PRUNED, artifacts.DIVERGED)]
    values = {name: float(f"{ranges[name].at(u):.4g}") for name, u in chosen.items()}
    return Proposal(
        k,
        **values,
        sampler="prototype",
        n_complete=counts[0],
        n_pruned=counts[1],
        n_diverged=counts[2],
        n_pending=len(pending),
        seed=derive_seed(seed, "prototype", k),
    )
