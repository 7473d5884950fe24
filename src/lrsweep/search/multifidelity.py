"""The sampler `mfgp`: noisy expected improvement under a multi-fidelity Gaussian process over all rungs.

A trial tells its value at every rung that it reached. The value at a rung is that at the end less one smooth change for each rung
between (the autoregressive model of Kennedy and O'Hagan 2000, "Predicting the output from a complex computer code when fast
approximations are available", with a scale of one), so a stopped trial tells of where it was stopped, and no more. A value is the
sum of what the LR does alone, as the loss hangs on it most, and of a smaller part of all hyperparameters together. Value and
changes have a quadratic mean in log LR, its coefficients with a normal prior (Rasmussen and Williams 2006, section 2.7), as the
loss is close to convex in it (Step Law, arXiv 2503.04715).

No one kernel is believed: few noisy values leave open whether a hyperparameter matters, and who takes it for irrelevant never
looks again. So the acquisition is averaged over kernels drawn from their posterior (Snoek et al. 2012, arXiv 1206.2944,
section 3.2).
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.special import ndtr

# Inputs are in [0, 1], the LR first, and values in shares of the spread from the least to the cap. All numbers here were chosen
# by replay on one pool of curves and on variations of it (docs/benchmarks/search.md).
QUADRATIC = 0.1  # variance of the coefficients of the mean
CHANGE_QUADRATIC = 0.3  # the same of a change's mean, in units of the change's variance
CLIMB, GAIN = 1.4, 1e-6  # step of the climb to likely kernels, in spreads of the prior; gain in log evidence that it needs
KERNELS, MOVES, MOVE = 4, 8, 0.35  # kernels that are drawn, moves between two of them, and their size in spreads of the prior
DRAWS = 32  # of what was reached so far, behind a noisy expected improvement
CANDIDATES, NEAR_BEST, BEST, SPREAD = 1000, 500, 5, 0.05  # random places, and as many round the best that were tried
JITTER, LEAST_VARIANCE = 1e-6, 1e-12
NOTHING_YET = 1.0  # where nothing is complete: an improvement is one on the cap


@dataclass(frozen=True)
class Kernel:
    """Lengths in shares of the ranges, and variances in shares of the values' spread, squared."""

    lr_length: float  # of what the LR does alone
    lr_signal: float
    joint_lr_length: float  # of what all do together
    joint_beta2_length: float
    joint_weight_decay_length: float
    joint_signal: float
    change_lr_length: float
    change_other_length: float
    change: float  # from a rung to the next
    noise: float  # of one value at a rung
    end_noise: float  # of one at the end
    trial_noise: float  # of what sets a trial's whole curve apart, as its seed does

    @property
    def joint_lengths(self) -> np.ndarray:
        """Those of the D inputs."""
        return np.array([self.joint_lr_length, self.joint_beta2_length, self.joint_weight_decay_length])

    @property
    def change_lengths(self) -> np.ndarray:
        """Those of a change in the D inputs."""
        return np.array([self.change_lr_length, self.change_other_length, self.change_other_length])


PRIOR = Kernel(0.2, 0.2, 0.4, 1.0, 1.0, 0.02, 0.3, 1.5, 0.01, 0.005, 0.005, 0.001)  # medians of log-normal priors
SPREADS = Kernel(0.7, 1.0, 0.7, 0.7, 0.7, 1.2, 0.7, 0.7, 1.2, 1.2, 1.2, 1.0)  # standard deviations of the logarithms
MEDIAN_P, SPREAD_P = np.log(astuple(PRIOR)), np.array(astuple(SPREADS))


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
        return Pairs.of(self.points_ND, self.points_ND)

    @cached_property
    def after_NN(self) -> np.ndarray:
        """How many changes neither of two has been through yet, and both lack."""
        return self.end - np.maximum(self.level_N[:, None], self.level_N)

    @cached_property
    def same_trial_NN(self) -> np.ndarray:
        """1 where two are of the same trial, else 0."""
        return (self.trial_N[:, None] == self.trial_N).astype(float)

    @cached_property
    def complete_KD(self) -> np.ndarray:
        """The places of the trials that reached the end."""
        return self.points_ND[self.level_N == self.end]


@dataclass(frozen=True)
class Pairs:
    """Of N places and M others: what their covariances are made of and no kernel changes."""

    squares_NMD: np.ndarray
    basis_NM: np.ndarray

    @classmethod
    def of(cls, a_ND: np.ndarray, b_MD: np.ndarray) -> "Pairs":
        """Those of each place of `a` with each of `b`."""
        return cls((a_ND[:, None] - b_MD) ** 2, _basis(a_ND) @ _basis(b_MD).T)

    def at_end(self, kernel: Kernel) -> np.ndarray:
        """The prior covariances N x M of noiseless values at the end."""
        alone_NM = kernel.lr_signal * matern(self.squares_NMD[..., 0] / kernel.lr_length**2)
        joint_NM = kernel.joint_signal * matern(self.squares_NMD @ kernel.joint_lengths**-2.0)
        return alone_NM + joint_NM + QUADRATIC * self.basis_NM

    def of_change(self, kernel: Kernel) -> np.ndarray:
        """The prior covariances N x M of one change."""
        return kernel.change * (matern(self.squares_NMD @ kernel.change_lengths**-2.0) + CHANGE_QUADRATIC * self.basis_NM)


@dataclass(frozen=True)
class Places:
    """C places where values are asked for: the first K are those of complete and pending trials."""

    points_CD: np.ndarray
    known: int
    to_seen: Pairs  # N x C
    to_known: Pairs  # K x C

    @classmethod
    def of(cls, seen: Observations, known_KD: np.ndarray, others_MD: np.ndarray) -> "Places":
        """The known places, then the others."""
        points_CD = np.vstack([known_KD, others_MD])
        return cls(points_CD, len(known_KD), Pairs.of(seen.points_ND, points_CD), Pairs.of(known_KD, points_CD))


class Posterior:
    """The Gaussian process, conditioned on the observations."""

    def __init__(self, seen: Observations, kernel: Kernel) -> None:
        noise_N = np.where(seen.level_N == seen.end, kernel.end_noise, kernel.noise) + JITTER
        noise_NN = kernel.trial_noise * seen.same_trial_NN + np.diag(noise_N)
        changes_NN = seen.after_NN * seen.pairs.of_change(kernel)
        self.seen, self.kernel = seen, kernel
        self.factor_NN = cholesky(seen.pairs.at_end(kernel) + changes_NN + noise_NN, lower=True, check_finite=False)
        self.white_N = _divide(self.factor_NN, seen.values_N)

    def log_evidence(self) -> float:
        """The logarithm of the values' density, but for a constant (Rasmussen and Williams 2006, equation 2.30)."""
        return float(-0.5 * self.white_N @ self.white_N - np.log(np.diag(self.factor_NN)).sum())


class Prediction:
    """What a posterior says of C places: means and variances of the noiseless values at the end, where no change is left.

    Equations 2.25 and 2.26 of Rasmussen and Williams (2006).
    """

    def __init__(self, posterior: Posterior, places: Places) -> None:
        self.places, self.kernel = places, posterior.kernel
        self.white_NC = _divide(posterior.factor_NN, places.to_seen.at_end(self.kernel))
        squares_C = (_basis(places.points_CD) ** 2).sum(1)
        prior_C = self.kernel.lr_signal + self.kernel.joint_signal + QUADRATIC * squares_C
        self.mean_C = self.white_NC.T @ posterior.white_N
        self.variance_C = np.maximum(prior_C - (self.white_NC**2).sum(0), LEAST_VARIANCE)

    def between(self) -> np.ndarray:
        """Covariances K x C of the known places with all (equation 2.24)."""
        return self.places.to_known.at_end(self.kernel) - self.white_NC[:, : self.places.known].T @ self.white_NC


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


class Fit:
    """A kernel in the logarithms of its P parameters, how likely it is, and the posterior that it gives."""

    def __init__(self, seen: Observations, raw_P: np.ndarray) -> None:
        self.seen, self.raw_P = seen, raw_P
        self.posterior = Posterior(seen, Kernel(*np.exp(raw_P).tolist()))
        shares_P = (raw_P - MEDIAN_P) / SPREAD_P
        self.height = self.posterior.log_evidence() - 0.5 * float(shares_P @ shares_P)

    def moved(self, shares_P: np.ndarray) -> "Fit":
        """The kernel that is this many spreads of the prior away."""
        return Fit(self.seen, self.raw_P + shares_P * SPREAD_P)


def climb(seen: Observations) -> Fit:
    """A likely kernel: from the priors' medians, one parameter after another up or down as long as that gains."""
    best = Fit(seen, MEDIAN_P)
    for direction_P in np.eye(len(MEDIAN_P)):
        for step in (CLIMB, -CLIMB):
            start = best
            while (tried := best.moved(step * direction_P)).height > best.height + GAIN:
                best = tried
            if best is not start:
                break
    return best


def walk(start: Fit, random: np.random.Generator) -> Iterator[Posterior]:
    """KERNELS posteriors, of kernels by the Metropolis rule: a move to a less likely one is made with the ratio of the two."""
    here = start
    for _ in range(KERNELS):
        for _ in range(MOVES):
            some_P = random.random(len(MEDIAN_P)) < 0.5
            tried = here.moved(MOVE * some_P * random.normal(size=len(MEDIAN_P)))
            if np.log(random.random()) < tried.height - here.height:
                here = tried
        yield here.posterior


def suggest(seen: Observations, pending_MD: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The point D, of random ones and of ones near the best, of the greatest noisy expected improvement.

    It is one on the trials that are complete or pending: a stopped one's place, however good, is still to be reached.
    """
    start = climb(seen)
    tried, nothing = np.unique(seen.points_ND, axis=0), np.empty((0, seen.points_ND.shape[1]))
    means = Prediction(start.posterior, Places.of(seen, nothing, tried)).mean_C
    best = tried[np.argsort(means, kind="stable")[:BEST]]
    near = best[random.integers(len(best), size=NEAR_BEST)] + random.normal(0, SPREAD, (NEAR_BEST, tried.shape[1]))
    candidates_MD = np.vstack([random.random((CANDIDATES, tried.shape[1])), np.clip(near, 0, 1)])
    known_KD = np.unique(np.vstack([seen.complete_KD, pending_MD]), axis=0)
    draws_KS = random.normal(size=(len(known_KD), DRAWS))
    places, promise_M = Places.of(seen, known_KD, candidates_MD), np.zeros(len(candidates_MD))
    for posterior in walk(start, random):
        promise_M += noisy_expected_improvement(Prediction(posterior, places), draws_KS)
    return candidates_MD[np.argmax(promise_M)]


def noisy_expected_improvement(prediction: Prediction, draws_KS: np.ndarray) -> np.ndarray:
    """By how much M candidates are expected to be truly better than the truly best of the K places that are known.

    Noise makes nothing better, so to ask at a known place again gains nothing; expected improvement, which takes what it would
    see for what is there, comes to rest on such a place. The K true values are drawn together S times from their posterior,
    `draws_KS` being standard normal, and given these the improvement is the ordinary one (Letham et al. 2019, arXiv 1706.07094,
    equation 6).
    """
    many = prediction.places.known
    own_KK, cross_KM = np.split(prediction.between(), [many], axis=1)
    factor_KK = cholesky(own_KK + JITTER * np.eye(many), lower=True, check_finite=False)
    white_KM = _divide(factor_KK, cross_KM)
    least_S = (prediction.mean_C[:many, None] + factor_KK @ draws_KS).min(0, initial=NOTHING_YET)
    mean_MS = prediction.mean_C[many:, None] + white_KM.T @ draws_KS
    deviation_M = np.sqrt(np.maximum(prediction.variance_C[many:] - (white_KM**2).sum(0), LEAST_VARIANCE))
    return expected_improvement(least_S - mean_MS, deviation_M[:, None]).mean(1)


def expected_improvement(gain: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Of normal values, by how much their means are below the least so far (Jones et al. 1998, equation 15)."""
    z = gain / deviation
    return gain * ndtr(z) + deviation * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _divide(factor_NN: np.ndarray, right: np.ndarray) -> np.ndarray:
    return solve_triangular(factor_NN, right, lower=True, check_finite=False)


def _basis(points_ND: np.ndarray) -> np.ndarray:
    lr_N = 2 * points_ND[:, 0] - 1
    return np.stack([np.ones_like(lr_N), lr_N, lr_N**2], 1)
