"""Noise taken out of observed values: the posterior mean of a Gaussian process at the points where they were observed.

Expected improvement over the least of many noisy values is expected improvement over luck: no mean reaches it, the acquisition
is flat, and its maximum is anywhere. Over the least posterior mean it is sound (the plug-in of Picheny et al. 2013, "A benchmark
of kriging-based infill criteria for noisy optimization").
"""

import math

import numpy as np

# Log-normal priors: (median, spread of the logarithm), inputs in [0, 1], values standardized.
LENGTH = (0.5, 0.7)
SIGNAL_VARIANCE = (1.0, 0.7)
NOISE_VARIANCE = (0.05, 1.5)
JITTER = 1e-6


def smooth(points_ND: np.ndarray, values_N: np.ndarray) -> np.ndarray:
    """The posterior means at the N points, in the unit of the values.

    A Matérn 5/2 kernel with a length for each of the D inputs (Rasmussen and Williams 2006, equation 4.17), its parameters at
    the maximum of their posterior (equation 5.8 and the priors above), found by L-BFGS from the priors' medians.

    Args:
        points_ND: inputs in [0, 1], float64.
        values_N: finite values, float64.
    """
    import torch
    from scipy.optimize import minimize

    mean, spread = float(values_N.mean()), float(values_N.std())
    if spread == 0.0:
        return values_N.copy()
    x_ND, y_N = torch.from_numpy(points_ND), torch.from_numpy((values_N - mean) / spread)
    gaps_NND = (x_ND[:, None] - x_ND[None]).square()
    priors = [*[LENGTH] * points_ND.shape[1], SIGNAL_VARIANCE, NOISE_VARIANCE]
    middle_P = torch.tensor([math.log(median) for median, _ in priors], dtype=torch.float64)
    width_P = torch.tensor([width for _, width in priors], dtype=torch.float64)

    def kernel(raw_P: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The covariance of the signal, and the Cholesky factor of that of the values."""
        scaled_NN = (gaps_NND * (-2 * raw_P[:-2]).exp()).sum(-1)
        root_NN = (5 * scaled_NN + 1e-12).sqrt()
        signal_NN = raw_P[-2].exp() * (1 + root_NN + root_NN.square() / 3) * (-root_NN).exp()
        noisy_NN = signal_NN + (raw_P[-1].exp() + JITTER) * torch.eye(len(y_N), dtype=torch.float64)
        return signal_NN, torch.linalg.cholesky(noisy_NN)

    def loss(raw: np.ndarray) -> tuple[float, np.ndarray]:
        raw_P = torch.from_numpy(raw).requires_grad_(True)
        _, factor_NN = kernel(raw_P)
        white_N = torch.linalg.solve_triangular(factor_NN, y_N[:, None], upper=False)
        evidence = -0.5 * white_N.square().sum() - factor_NN.diagonal().log().sum()
        prior = -0.5 * ((raw_P - middle_P) / width_P).square().sum()
        value = -(evidence + prior)
        value.backward()
        return value.item(), raw_P.grad.numpy()

    best = minimize(loss, middle_P.numpy(), jac=True, method="L-BFGS-B", options={"gtol": 1e-3})
    with torch.no_grad():
        signal_NN, factor_NN = kernel(torch.from_numpy(best.x))
        means_N = signal_NN @ torch.cholesky_solve(y_N[:, None], factor_NN)
    return means_N[:, 0].numpy() * spread + mean
