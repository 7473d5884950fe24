"""Noise taken out of observed values: the posterior mean of a Gaussian process at the points where they were observed.

Expected improvement over the least of many noisy values is expected improvement over luck: no mean reaches it, the acquisition
is flat, and its maximum is anywhere. Over the least posterior mean it is sound (the plug-in of Picheny et al. 2013, "A benchmark
of kriging-based infill criteria for noisy optimization").
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

# Log-normal priors: (median, spread of the logarithm), inputs in [0, 1], values standardized.
LENGTH = (0.5, 0.7)
SIGNAL_VARIANCE = (1.0, 0.7)
NOISE_VARIANCE = (0.05, 1.5)
JITTER = 1e-6


@dataclass(frozen=True)
class Smoother:
    """A Matérn 5/2 kernel with a length for each of the D inputs (Rasmussen and Williams 2006, equation 4.17), and noise.

    raw: logarithms of the D lengths, of the variance of the signal, and of that of the noise.
    """

    raw: np.ndarray

    def weights(self, at_MD: np.ndarray, points_ND: np.ndarray) -> np.ndarray:
        """The linear map M x N from values at the points, less their mean, to posterior means (equation 2.25)."""
        import torch

        raw_P, at, points = (torch.from_numpy(array) for array in (self.raw, at_MD, points_ND))
        factor_NN = torch.linalg.cholesky(_noisy(_signal(points, points, raw_P), raw_P))
        return torch.cholesky_solve(_signal(points, at, raw_P), factor_NN).T.numpy()


def fit(points_ND: np.ndarray, values_N: np.ndarray) -> Smoother:
    """The kernel at the maximum of its parameters' posterior (equation 5.8 and the priors above), by L-BFGS from the medians.

    Args:
        points_ND: inputs in [0, 1], float64.
        values_N: finite values that are not all the same, float64.
    """
    import torch
    from scipy.optimize import minimize

    points = torch.from_numpy(points_ND)
    y_N1 = torch.from_numpy((values_N - values_N.mean()) / values_N.std())[:, None]
    priors = [*[LENGTH] * points_ND.shape[1], SIGNAL_VARIANCE, NOISE_VARIANCE]
    middle_P = torch.tensor([math.log(median) for median, _ in priors], dtype=torch.float64)
    width_P = torch.tensor([width for _, width in priors], dtype=torch.float64)

    def loss(raw: np.ndarray) -> tuple[float, np.ndarray]:
        raw_P = torch.from_numpy(raw).requires_grad_(True)
        factor_NN = torch.linalg.cholesky(_noisy(_signal(points, points, raw_P), raw_P))
        white_N = torch.linalg.solve_triangular(factor_NN, y_N1, upper=False)
        evidence = -0.5 * white_N.square().sum() - factor_NN.diagonal().log().sum()
        prior = -0.5 * ((raw_P - middle_P) / width_P).square().sum()
        value = -(evidence + prior)
        value.backward()
        return value.item(), raw_P.grad.numpy()

    best = minimize(loss, middle_P.numpy(), jac=True, method="L-BFGS-B", options={"gtol": 1e-3})
    return Smoother(best.x)


def smooth(points_ND: np.ndarray, values_N: np.ndarray) -> np.ndarray:
    """The posterior means at the N points themselves, in the unit of the values."""
    mean = values_N.mean()
    if np.ptp(values_N) == 0.0:
        return values_N.copy()
    return mean + fit(points_ND, values_N).weights(points_ND, points_ND) @ (values_N - mean)


def _signal(a_ND: "Tensor", b_MD: "Tensor", raw_P: "Tensor") -> "Tensor":
    squares_NM = ((a_ND[:, None] - b_MD[None]).square() * (-2 * raw_P[:-2]).exp()).sum(-1)
    root_NM = (5 * squares_NM + 1e-12).sqrt()
    return raw_P[-2].exp() * (1 + root_NM + root_NM.square() / 3) * (-root_NM).exp()


def _noisy(signal_NN: "Tensor", raw_P: "Tensor") -> "Tensor":
    """Variances are relative to that of the values, so weights need no scale."""
    return signal_NN + (raw_P[-1].exp() + JITTER) * signal_NN.new_ones(len(signal_NN)).diag()
