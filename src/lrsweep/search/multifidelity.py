"""The sampler `mfgp`: noisy expected improvement under a multi-fidelity Gaussian process over all rungs.

Every rung that a trial reached is one observation. The value at a rung is the value at the end minus one smooth change for each
rung in between: the autoregressive model of Kennedy and O'Hagan (2000, "Predicting the output from a complex computer code when
fast approximations are available"), with a scale of one. So a stopped trial informs about the rung where it stopped, and less
about the end. The value at the end is the sum of a function of the LR alone, on which the loss depends most, and of a smaller
function of all names. Both it and the changes have a mean that is quadratic in log LR, with a normal prior on the coefficients
(Rasmussen and Williams 2006, section 2.7), since the loss is close to convex in log LR (Step Law, arXiv 2503.04715).

A few noisy values leave open whether a name matters, and a single fitted kernel that takes it for irrelevant never looks again.
So the acquisition is averaged over kernels drawn from their posterior (Snoek et al. 2012, arXiv 1206.2944, section 3.2).

Shapes: N observations of T trials; C points, K of them known; D names with E coordinates; P parameters of a kernel.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.special import ndtr

from lrsweep.search.candidates import drawn, near
from lrsweep.search.evals import LARGEST
from lrsweep.search.kernel import Kernel, Pairs, end_variance, prior
from lrsweep.space import Space, Value

# Coordinates are in [0, 1], the LR first. Values are scaled so that the least is 0 and the cap is 1. All numbers here were chosen
# by replay on one pool of curves and on variations of it (docs/benchmarks/search.md).
CLIMB, GAIN = 1.4, 1e-6  # step of the climb to likely kernels, in spreads of the prior; gain in log evidence that it needs
KERNELS, MOVES, MOVE = 4, 8, 0.35  # kernels that are drawn, moves between two of them, and their size in spreads of the prior
MOVED = 6  # mean number of parameters that a move changes
DRAWS = 32  # joint draws of the true values so far, behind a noisy expected improvement
CANDIDATES, NEAR_BEST, BEST = 1000, 500, 5  # random candidates; candidates near the best trials; how many trials count as best
JITTER, LEAST_VARIANCE = 1e-6, 1e-12
NOTHING_YET = 1.0  # the cap, which a trial has to improve on where none is complete


@dataclass(frozen=True)
class Observations:
    """N values in [0, 1] of T trials, each at a level: 0 is the first rung, `end` the end."""

    points_TE: np.ndarray
    parts: tuple[slice, ...]  # the coordinates of each of the D names
    trial_N: np.ndarray
    level_N: np.ndarray
    values_N: np.ndarray
    end: int
    unit: float  # what a value of 1 is in the unit of the curves, above a value of 0

    @cached_property
    def pairs(self) -> "Pairs":
        """Distances and mean terms between the trials, which no kernel changes."""
        return Pairs.of(self.points_TE, self.points_TE, self.parts)

    @cached_property
    def pair_NN(self) -> np.ndarray:
        """The index in a flat T x T matrix of the trials of two observations."""
        return self.trial_N[:, None] * len(self.points_TE) + self.trial_N

    @cached_property
    def after_NN(self) -> np.ndarray:
        """The number of changes that two observations share: those from the later of their levels to the end."""
        return (self.end - np.maximum(self.level_N[:, None], self.level_N)).astype(float)

    @cached_property
    def of_trial_NT(self) -> np.ndarray:
        """1 where an observation belongs to a trial, else 0."""
        return (self.trial_N[:, None] == np.arange(len(self.points_TE))).astype(float)

    @cached_property
    def complete_KE(self) -> np.ndarray:
        """The points of the trials that reached the end."""
        return self.points_TE[self.trial_N[self.level_N == self.end]]


@dataclass(frozen=True)
class Places:
    """C points at which values are predicted: the first K are those of complete and pending trials."""

    points_CE: np.ndarray
    known: int
    to_trials: Pairs  # T x C
    to_known: Pairs  # K x C

    @classmethod
    def of(cls, seen: Observations, known_KE: np.ndarray, others_ME: np.ndarray) -> "Places":
        """Put the known points before the others."""
        points_CE = np.vstack([known_KE, others_ME])
        to_trials, to_known = (Pairs.of(own, points_CE, seen.parts) for own in (seen.points_TE, known_KE))
        return cls(points_CE, len(known_KE), to_trials, to_known)


class Suggestion(NamedTuple):
    """A configuration, and what the Gaussian process expects of it, in the unit of the curves."""

    values: dict[str, Value]
    gain: float  # expected improvement of its true value on the best true value of the trials that are complete or pending
    noise: float  # standard deviation between seeds of a value at the end


class Posterior:
    """The Gaussian process, conditioned on the observations.

    Covariances are computed between trials and then copied to their observations, since T is about a third of N.
    """

    def __init__(self, seen: Observations, kernel: Kernel) -> None:
        self.seen, self.kernel = seen, kernel
        end_TT, change_TT = seen.pairs.at_end(kernel), seen.pairs.of_change(kernel)
        end_TT.ravel()[:: len(end_TT) + 1] += kernel.trial_noise
        covariance_NN = change_TT.ravel()[seen.pair_NN]
        covariance_NN *= seen.after_NN
        covariance_NN += end_TT.ravel()[seen.pair_NN]
        noise_N = np.where(seen.level_N == seen.end, kernel.end_noise, kernel.noise) + JITTER
        covariance_NN.ravel()[:: len(noise_N) + 1] += noise_N
        self.factor_NN = cholesky(covariance_NN.T, lower=True, overwrite_a=True, check_finite=False)
        self.white_N = _divide(self.factor_NN, seen.values_N)

    def log_evidence(self) -> float:
        """Give the log marginal likelihood, up to a constant (Rasmussen and Williams 2006, equation 2.30)."""
        return float(-0.5 * self.white_N @ self.white_N - np.log(np.diag(self.factor_NN)).sum())

    @cached_property
    def white_NT(self) -> np.ndarray:
        """The inverse of the factor times of_trial_NT."""
        return _divide(self.factor_NN, self.seen.of_trial_NT)


class Prediction:
    """The prediction of a posterior for C points: means and variances of the noiseless values at the end.

    Equations 2.25 and 2.26 of Rasmussen and Williams (2006), with observations summed by trial.
    """

    def __init__(self, posterior: Posterior, places: Places) -> None:
        self.places, self.kernel = places, posterior.kernel
        white_NT = posterior.white_NT
        self.prior_TC = places.to_trials.at_end(self.kernel)
        self.divided_TC = (white_NT.T @ white_NT) @ self.prior_TC
        prior_C = end_variance(places.points_CE, self.kernel)
        self.mean_C = (white_NT.T @ posterior.white_N) @ self.prior_TC
        self.variance_C = np.maximum(prior_C - np.einsum("tc,tc->c", self.prior_TC, self.divided_TC), LEAST_VARIANCE)

    def between(self) -> np.ndarray:
        """Give the posterior covariances K x C of the known points with all points (equation 2.24)."""
        return self.places.to_known.at_end(self.kernel) - self.prior_TC[:, : self.places.known].T @ self.divided_TC


def observe(
    points_TE: np.ndarray,
    parts: tuple[slice, ...],
    curves_TL: np.ndarray,
    diverged_T: np.ndarray,
    drawn_T: np.ndarray,
    cap_quantile: float,
) -> Observations:
    """Scale the curves of T trials into observations. curves_TL has NaN at levels that were not reached; the last is the end.

    Each level is shifted by the median change to the next level, over the trials that reached both. Values are capped at the
    `cap_quantile` of the last values of the trials that were drawn (`drawn_T`), of all trials where none was. A quantile of all
    sinks with every good proposal, until the cap hides what is known to be bad. A diverged trial counts as the cap at the end.
    At least one trial must have a value and not have diverged.
    """
    values_TL = np.clip(curves_TL, -LARGEST, LARGEST)
    for level in range(values_TL.shape[1] - 2, -1, -1):
        changes_T = values_TL[:, level + 1] - values_TL[:, level]
        if np.isfinite(changes_T).any():
            values_TL[:, level] += np.median(changes_T[np.isfinite(changes_T)])
    known_T = np.isfinite(values_TL).any(1) & ~diverged_T
    last_K, drawn_K = np.array([row[np.isfinite(row)][-1] for row in values_TL[known_T]]), drawn_T[known_T]
    least, cap = last_K.min(), np.quantile(last_K[drawn_K] if drawn_K.any() else last_K, cap_quantile)
    unit = float(cap - least) if cap > least else 1.0
    shares_TL = np.minimum((values_TL - least) / unit, 1.0)
    shares_TL[diverged_T, -1] = 1.0
    told_T = np.isfinite(shares_TL).any(1)
    points_TE, shares_TL = points_TE[told_T], shares_TL[told_T]
    trial_N, level_N = np.nonzero(np.isfinite(shares_TL))
    return Observations(points_TE, parts, trial_N, level_N, shares_TL[trial_N, level_N], shares_TL.shape[1] - 1, unit)


class Fit:
    """A kernel by the logarithms of its P parameters, with its posterior; `height` is the log posterior density of the kernel."""

    def __init__(self, seen: Observations, raw_P: np.ndarray) -> None:
        self.seen, self.raw_P = seen, raw_P
        self.posterior = Posterior(seen, Kernel.of(raw_P))
        medians_P, self.spreads_P = prior(len(seen.parts))
        shares_P = (raw_P - medians_P) / self.spreads_P
        self.height = self.posterior.log_evidence() - 0.5 * float(shares_P @ shares_P)

    def moved(self, shares_P: np.ndarray) -> "Fit":
        """Give the fit that is this many spreads of the prior away."""
        return Fit(self.seen, self.raw_P + shares_P * self.spreads_P)


def climb(seen: Observations) -> Fit:
    """Find a likely kernel: from the medians of the prior, move one parameter after another as long as that gains."""
    best = Fit(seen, prior(len(seen.parts))[0])
    for direction_P in np.eye(len(best.raw_P)):
        for step in (CLIMB, -CLIMB):
            start = best
            while (tried := best.moved(step * direction_P)).height > best.height + GAIN:
                best = tried
            if best is not start:
                break
    return best


def walk(start: Fit, random: np.random.Generator) -> Iterator[Posterior]:
    """Draw KERNELS posteriors by the Metropolis rule: a move to a less likely kernel has the ratio of the two as probability."""
    here, many = start, len(start.raw_P)
    for _ in range(KERNELS):
        for _ in range(MOVES):
            some_P = random.random(many) < MOVED / many
            tried = here.moved(MOVE * some_P * random.normal(size=many))
            if np.log(random.random()) < tried.height - here.height:
                here = tried
        yield here.posterior


def suggest(seen: Observations, pending_ME: np.ndarray, space: Space, random: np.random.Generator) -> Suggestion:
    """Give the candidate with the greatest noisy expected improvement, out of random ones and ones near the best trials.

    The improvement is on trials that are complete or pending, since a stopped trial has not shown its value at the end. Whole
    numbers and choices enter the kernel as they are trained (Garrido-Merchán and Hernández-Lobato 2020, arXiv 1805.03463).
    """
    start = climb(seen)
    tried_ME, nothing = np.unique(seen.points_TE, axis=0), np.empty((0, space.width))
    means_M = Prediction(start.posterior, Places.of(seen, nothing, tried_ME)).mean_C
    best_BE = tried_ME[np.argsort(means_M, kind="stable")[:BEST]]
    candidates_ME = np.vstack([drawn(space, CANDIDATES, random), near(space, best_BE, NEAR_BEST, random)])
    known_KE = np.unique(np.vstack([seen.complete_KE, pending_ME]), axis=0)
    draws_KS = random.normal(size=(len(known_KE), DRAWS))
    places, posteriors = Places.of(seen, known_KE, candidates_ME), list(walk(start, random))
    promise_M = np.mean([noisy_expected_improvement(Prediction(one, places), draws_KS) for one in posteriors], 0)
    noise = np.mean([one.kernel.seed_deviation for one in posteriors])
    best = int(np.argmax(promise_M))
    return Suggestion(space.decode(candidates_ME[best]), float(promise_M[best]) * seen.unit, float(noise) * seen.unit)


def noisy_expected_improvement(prediction: Prediction, draws_KS: np.ndarray) -> np.ndarray:
    """Give the expected improvement of the noiseless values of M candidates on the least noiseless value of K known points.

    A known point has nothing to gain here, whereas plain expected improvement takes noise for a chance and returns to such
    points. The K values are drawn jointly S times from their posterior, with `draws_KS` standard normal; given these, the
    improvement is the ordinary one (Letham et al. 2019, arXiv 1706.07094, equation 6).
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
    """Give the expected improvement of normal values (Jones et al. 1998, equation 15); `gain` is that of their means."""
    z = gain / deviation
    return gain * ndtr(z) + deviation * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _divide(factor_NN: np.ndarray, right: np.ndarray) -> np.ndarray:
    return solve_triangular(factor_NN, right, lower=True, check_finite=False)
