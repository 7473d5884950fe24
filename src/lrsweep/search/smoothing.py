"""Smoothing: the posterior mean of a Gaussian process at the points where noisy values were observed.

The least of many noisy values is lucky. No mean reaches it, so the expected improvement over it is flat, and its maximum is
anywhere. Over the least posterior mean it is sound (the plug-in of Picheny et al. 2013, "A benchmark of kriging-based infill
criteria for noisy optimization").
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky
from scipy.optimize import minimize

from lrsweep.search.evals import LARGEST

# Log-normal priors: (median, spread of the logarithm), inputs in [0, 1], values standardized.
LENGTH = (0.5, 0.7)
SIGNAL_VARIANCE = (1.0, 0.7)
NOISE_VARIANCE = (0.05, 1.5)
JITTER = 1e-6


@dataclass(frozen=True)
class Smoother:
    """A Matérn 5/2 kernel with a length for each of the E inputs (Rasmussen and Williams 2006, equation 4.17), and noise.

    raw_P: logarithms of the E lengths, of the variance of the signal, and of the variance of the noise. Variances are relative to
    the variance of the values.
    """

    raw_P: np.ndarray

    def weights(self, at_ME: np.ndarray, points_NE: np.ndarray) -> np.ndarray:
        """Give the linear map M x N from values at the points, minus their mean, to posterior means (equation 2.25)."""
        return cho_solve((self.factor(points_NE), True), self.signal(points_NE, at_ME)).T

    def factor(self, points_NE: np.ndarray) -> np.ndarray:
        """Give the lower Cholesky factor of the covariance N x N of noisy values."""
        noise_NN = (np.exp(self.raw_P[-1]) + JITTER) * np.eye(len(points_NE))
        return cholesky(self.signal(points_NE, points_NE) + noise_NN, lower=True)

    def signal(self, a_NE: np.ndarray, b_ME: np.ndarray) -> np.ndarray:
        """Give the covariance N x M of values without noise."""
        root_NM = np.sqrt(5 * self._squares(a_NE, b_ME).sum(0))
        return np.exp(self.raw_P[-2]) * (1 + root_NM + root_NM**2 / 3) * np.exp(-root_NM)

    def slopes(self, points_NE: np.ndarray) -> np.ndarray:
        """Give the derivatives P x N x N of the covariance of noisy values in raw_P."""
        squares_ENN = self._squares(points_NE, points_NE)
        root_NN = np.sqrt(5 * squares_ENN.sum(0))
        lengths_ENN = 5 / 3 * np.exp(self.raw_P[-2]) * (1 + root_NN) * np.exp(-root_NN) * squares_ENN
        noise_NN = np.exp(self.raw_P[-1]) * np.eye(len(points_NE))
        return np.stack([*lengths_ENN, self.signal(points_NE, points_NE), noise_NN])

    def _squares(self, a_NE: np.ndarray, b_ME: np.ndarray) -> np.ndarray:
        return ((a_NE.T[:, :, None] - b_ME.T[:, None]) * np.exp(-self.raw_P[:-2, None, None])) ** 2


def fit(points_NE: np.ndarray, values_N: np.ndarray) -> Smoother:
    """Find the kernel at the maximum of its parameters' posterior (equations 5.8 and 5.9, and the priors above), by L-BFGS.

    Args:
        points_NE: inputs in [0, 1], float64.
        values_N: finite values that are not all the same, float64.
    """
    y_N = (values_N - values_N.mean()) / values_N.std()
    medians_P, spreads_P = np.array([*[LENGTH] * points_NE.shape[1], SIGNAL_VARIANCE, NOISE_VARIANCE]).T
    middle_P = np.log(medians_P)

    def loss(raw_P: np.ndarray) -> tuple[float, np.ndarray]:
        """Give the negative log posterior density, up to a constant, and its gradient."""
        factor_NN = (kernel := Smoother(raw_P)).factor(points_NE)
        weights_N, shares_P = cho_solve((factor_NN, True), y_N), (raw_P - middle_P) / spreads_P
        value = 0.5 * (y_N @ weights_N + shares_P @ shares_P) + np.log(factor_NN.diagonal()).sum()
        inverse_NN = cho_solve((factor_NN, True), np.eye(len(y_N)))
        slope_P = 0.5 * np.tensordot(kernel.slopes(points_NE), inverse_NN - np.outer(weights_N, weights_N), 2)
        return float(value), slope_P + shares_P / spreads_P

    return Smoother(minimize(loss, middle_P, jac=True, method="L-BFGS-B", options={"gtol": 1e-3}).x)


def smooth(points_NE: np.ndarray, values_N: np.ndarray) -> np.ndarray:
    """Give the posterior means at the N points themselves, in the unit of the values."""
    return smooth_with_noise(points_NE, values_N)[0]


def smooth_with_noise(points_NE: np.ndarray, values_N: np.ndarray) -> tuple[np.ndarray, float]:
    """Give the posterior means at the N points themselves, and the standard deviation of the noise of one value."""
    values_N = np.clip(values_N, -LARGEST, LARGEST)
    mean = values_N.mean()
    if np.ptp(values_N) == 0.0 or values_N.std() == 0.0:
        return values_N.copy(), 0.0
    found = fit(points_NE, values_N)
    return mean + found.weights(points_NE, points_NE) @ (values_N - mean), float(np.exp(found.raw_P[-1] / 2) * values_N.std())
