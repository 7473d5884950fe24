"""The sampler `mfgp`: expected improvement under a multi-fidelity Gaussian process over all rungs.

A trial tells its value at every rung that it reached. The value at a rung is that at the end less one smooth change for each rung
between (the autoregressive model of Kennedy and O'Hagan 2000, "Predicting the output from a complex computer code when fast
approximations are available", with a scale of one), so a stopped trial tells of where it was stopped, and no more. Value and
changes have a quadratic mean in log LR, its coefficients with a normal prior (Rasmussen and Williams 2006, section 2.7), as the
loss is close to convex in it (Step Law, arXiv 2503.04715). The kernel is fitted on a grid: its answer hinges on no last bits.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.special import ndtr

# Inputs are in [0, 1], the LR first, and values in shares of the spread from the least to the cap. Medians and spreads of the
# logarithm of log-normal priors, and all other numbers here: tried by replay on one pool of curves (docs/benchmarks/search.md).
PRIORS = {
    "lr_length": (0.2, 0.7),
    "other_length": (2.0, 0.7),
    "signal": (0.25, 1.0),
    "change": (0.02, 1.0),
    "noise": (0.002, 1.0),
}
QUADRATIC = 0.1  # variance of the coefficients of the mean
CHANGE_QUADRATIC = 0.3  # the same of a change's mean, in units of the change's variance
CHANGE_LENGTHS = (0.5, 2.0)  # in LR and in the others: changes are smoother than values
TRIAL_NOISE = 0.001  # variance of what sets a trial's whole curve apart, as its seed does
STEPS = (1.4, 0.7)  # steps of the fit's search in the logarithm of a parameter
GAIN = 1e-6  # gain in log evidence below which the fit's search does not move
CANDIDATES, NEAR_BEST, BEST, SPREAD = 1000, 500, 5, 0.05  # random places, and as many round the best that were tried


@dataclass(frozen=True)
class Kernel:
    """Lengths in shares of the ranges, and variances in shares of the values' spread, squared."""

    lr_length: float
    other_length: float
    signal: float
    change: float
    noise: float

    def log_prior(self) -> float:
        """The logarithm of its prior density, but for a constant."""
        logs = [np.log(getattr(self, name) / median) / spread for name, (median, spread) in PRIORS.items()]
        return -0.5 * float(np.sum(np.square(logs)))


@dataclass(frozen=True)
class Observations:
    """N values in [0, 1], each of a trial at a level: 0 is the first rung, `end` the end."""

    points_ND: np.ndarray
    trial_N: np.ndarray
    level_N: np.ndarray
    values_N: np.ndarray
    end: int

    @cached_property
    def pairs(self) -> "Pairs":
        """What the covariances between all of them are made of."""
        return Pairs.of(self.points_ND, self.level_N, self.points_ND, self.level_N, self.end)

    @cached_property
    def same_trial_NN(self) -> np.ndarray:
        """1 where two are of the same trial, else 0."""
        return (self.trial_N[:, None] == self.trial_N).astype(float)

    def with_ends(self, points_MD: np.ndarray, values_M: np.ndarray) -> "Observations":
        """These, and the values at the end of M more trials."""
        count = len(points_MD)
        return Observations(
            np.vstack([self.points_ND, points_MD]),
            np.concatenate([self.trial_N, self.trial_N.max() + 1 + np.arange(count)]),
            np.concatenate([self.level_N, np.full(count, self.end)]),
            np.concatenate([self.values_N, values_M]),
            self.end,
        )


@dataclass(frozen=True)
class Pairs:
    """Of N places and M others: squared distances in LR and in the rest, and those parts of the kernel that are not fitted."""

    lr_NM: np.ndarray
    other_NM: np.ndarray
    mean_NM: np.ndarray
    change_NM: np.ndarray

    @classmethod
    def of(cls, a_ND: np.ndarray, level_N: np.ndarray, b_MD: np.ndarray, level_M: np.ndarray, end: int) -> "Pairs":
        """Changes up to the later of two levels are in neither value; those after it both lack."""
        squares_NMD = (a_ND[:, None] - b_MD) ** 2
        lr_NM, other_NM, basis_NM = squares_NMD[..., 0], squares_NMD[..., 1:].sum(-1), _basis(a_ND) @ _basis(b_MD).T
        lr_length, other_length = CHANGE_LENGTHS
        change_NM = matern(lr_NM / lr_length**2 + other_NM / other_length**2) + CHANGE_QUADRATIC * basis_NM
        return cls(lr_NM, other_NM, QUADRATIC * basis_NM, (end - np.maximum(level_N[:, None], level_M)) * change_NM)

    def covariance(self, kernel: Kernel) -> np.ndarray:
        """The prior covariances N x M, without noise."""
        squares_NM = self.lr_NM / kernel.lr_length**2 + self.other_NM / kernel.other_length**2
        return kernel.signal * matern(squares_NM) + self.mean_NM + kernel.change * self.change_NM


class Posterior:
    """The Gaussian process, conditioned on the observations."""

    def __init__(self, seen: Observations, kernel: Kernel) -> None:
        noise_NN = TRIAL_NOISE * seen.same_trial_NN + kernel.noise * np.eye(len(seen.values_N))
        self.seen, self.kernel = seen, kernel
        self.factor_NN = cholesky(seen.pairs.covariance(kernel) + noise_NN, lower=True, check_finite=False)
        self.white_N = solve_triangular(self.factor_NN, seen.values_N, lower=True, check_finite=False)

    def log_evidence(self) -> float:
        """The logarithm of the values' density, but for a constant (Rasmussen and Williams 2006, equation 2.30)."""
        return float(-0.5 * self.white_N @ self.white_N - np.log(np.diag(self.factor_NN)).sum())

    def at_end(self, points_MD: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations M of the noiseless values at the end (equations 2.25 and 2.26)."""
        seen, level_M = self.seen, np.full(len(points_MD), self.seen.end)
        cross_NM = Pairs.of(seen.points_ND, seen.level_N, points_MD, level_M, seen.end).covariance(self.kernel)
        white_NM = solve_triangular(self.factor_NN, cross_NM, lower=True, check_finite=False)
        prior_M = self.kernel.signal + QUADRATIC * (_basis(points_MD) ** 2).sum(1)
        return white_NM.T @ self.white_N, np.sqrt(np.maximum(prior_M - (white_NM**2).sum(0), 1e-10))


def matern(squares: np.ndarray) -> np.ndarray:
    """The Matérn 5/2 kernel of squared distances in lengths (Rasmussen and Williams 2006, equation 4.17)."""
    root = np.sqrt(5 * squares)
    return (1 + root + root * root / 3) * np.exp(-root)


def observe(points_TD: np.ndarray, curves_TL: np.ndarray, diverged_T: np.ndarray, cap_quantile: float) -> Observations:
    """What is told of T trials, of each the value at every level that it reached, NaN at the others; the last level is the end.

    Each level is shifted by the median change to the next of the trials that reached both. All are capped at the `cap_quantile`
    of the trials' last values; a diverged trial counts as the cap at the end. One that did not diverge has a value at least.
    """
    values_TL = curves_TL.copy()
    for level in range(values_TL.shape[1] - 2, -1, -1):
        changes_T = values_TL[:, level + 1] - values_TL[:, level]
        if np.isfinite(changes_T).any():
            values_TL[:, level] += np.median(changes_T[np.isfinite(changes_T)])
    known_T = np.isfinite(values_TL).any(1) & ~diverged_T
    last_K = np.array([row[np.isfinite(row)][-1] for row in values_TL[known_T]])
    least, cap = last_K.min(), np.quantile(last_K, cap_quantile)
    shares_TL = np.minimum((values_TL - least) / (cap - least if cap > least else 1.0), 1.0)
    shares_TL[diverged_T, -1] = 1.0
    trial_N, level_N = np.nonzero(np.isfinite(shares_TL))
    return Observations(points_TD[trial_N], trial_N, level_N, shares_TL[trial_N, level_N], shares_TL.shape[1] - 1)


def fit(seen: Observations) -> Posterior:
    """The kernel at a maximum of its parameters' posterior on a grid, one parameter after another from the priors' medians."""
    best = Posterior(seen, Kernel(**{name: median for name, (median, _) in PRIORS.items()}))
    height = best.log_evidence()
    for step in STEPS:
        for name in PRIORS:
            for factor in (np.exp(step), np.exp(-step)):
                moved = False
                while True:
                    kernel = replace(best.kernel, **{name: getattr(best.kernel, name) * factor})
                    tried = Posterior(seen, kernel)
                    found = tried.log_evidence() + kernel.log_prior()
                    if found <= height + GAIN:
                        break
                    best, height, moved = tried, found, True
                if moved:
                    break
    return best


def suggest(seen: Observations, pending_MD: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The point D, of random ones and of ones near the best, where a trial's expected improvement is greatest.

    Pending trials count as their posterior means ("kriging believer": Ginsbourger et al. 2010, "Kriging is well-suited to
    parallelize optimization"). The improvement is over the least posterior mean where a trial was: over the least of noisy
    values it would be over luck (the plug-in of Picheny et al. 2013, "A benchmark of kriging-based infill criteria").
    """
    posterior = fit(seen)
    tried = np.unique(seen.points_ND, axis=0)
    best = tried[np.argsort(posterior.at_end(tried)[0], kind="stable")[:BEST]]
    near = best[random.integers(len(best), size=NEAR_BEST)] + random.normal(0, SPREAD, (NEAR_BEST, tried.shape[1]))
    candidates_CD = np.vstack([random.random((CANDIDATES, tried.shape[1])), np.clip(near, 0, 1)])
    if len(pending_MD):
        seen = seen.with_ends(pending_MD, posterior.at_end(pending_MD)[0])
        posterior = Posterior(seen, posterior.kernel)
    least = posterior.at_end(np.unique(seen.points_ND, axis=0))[0].min()
    mean_C, deviation_C = posterior.at_end(candidates_CD)
    return candidates_CD[expected_improvement(least - mean_C, deviation_C).argmax()]


def expected_improvement(gain: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Of normal values, by how much their means are below the least so far (Jones et al. 1998, equation 15)."""
    z = gain / deviation
    return gain * ndtr(z) + deviation * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _basis(points_ND: np.ndarray) -> np.ndarray:
    lr_N = 2 * points_ND[:, 0] - 1
    return np.stack([np.ones_like(lr_N), lr_N, lr_N**2], 1)
