"""The kernel of the multi-fidelity Gaussian process: its parameters, their prior, and the prior covariances of values.

A value at the end is a function of the LR alone, plus a function of all names, plus a quadratic in log LR. A change from one rung
to the next has the last two parts. Coordinates are in [0, 1], the LR first. Shapes: M and C points, D names with E coordinates,
P parameters.
"""

from dataclasses import dataclass

import numpy as np

QUADRATIC = 0.1  # variance of the coefficients of the mean
CHANGE_QUADRATIC = 0.3  # the same for the mean of a change, relative to the variance of the change


@dataclass(frozen=True)
class Kernel:
    """Lengths in shares of the ranges, and variances of the scaled values."""

    lr_length: float  # of the function of the LR alone
    lr_signal: float
    joint_lengths_D: np.ndarray  # of the function of all names
    joint_signal: float
    change_lr_length: float
    change_other_length: float  # shared by all other names, since small changes tell little of each
    change: float  # variance of the change from a rung to the next
    noise: float  # of one value at a rung
    end_noise: float  # of one value at the end
    trial_noise: float  # of a whole curve, as the seed of a trial brings it

    @classmethod
    def of(cls, raw_P: np.ndarray) -> "Kernel":
        """Make a kernel from the logarithms of its parameters."""
        values_P = np.exp(raw_P)
        lr_length, lr_signal = values_P[:2].tolist()
        return cls(lr_length, lr_signal, values_P[2:-7], *values_P[-7:].tolist())

    @property
    def seed_deviation(self) -> float:
        """The standard deviation between seeds of a value at the end."""
        return float(np.sqrt(self.end_noise + self.trial_noise))

    @property
    def change_lengths_D(self) -> np.ndarray:
        """The lengths of a change."""
        return np.array([self.change_lr_length, *[self.change_other_length] * (len(self.joint_lengths_D) - 1)])


def prior(names: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the means and the standard deviations, each P, of the normal prior on the logarithms of a kernel's parameters."""
    others = names - 1
    medians_P = [0.2, 0.2, 0.4, *[1.0] * others, 0.02, 0.3, 1.5, 0.01, 0.005, 0.005, 0.001]
    spreads_P = [0.7, 1.0, 0.7, *[0.7] * others, 1.2, 0.7, 0.7, 1.2, 1.2, 1.2, 1.0]
    return np.log(medians_P), np.array(spreads_P)


@dataclass(frozen=True)
class Pairs:
    """Distances and mean terms between M points and C others: the parts of their covariances that no kernel changes."""

    squares_DMC: np.ndarray
    basis_MC: np.ndarray

    @classmethod
    def of(cls, a_ME: np.ndarray, b_CE: np.ndarray, parts: tuple[slice, ...]) -> "Pairs":
        """Compute them for each point of `a` with each of `b`. Two choices are as far apart as the two ends of a range."""
        squares_DMC = np.zeros((len(parts), len(a_ME), len(b_CE)))
        for square_MC, part in zip(squares_DMC, parts, strict=True):
            for a_M, b_C in zip(a_ME[:, part].T, b_CE[:, part].T, strict=True):
                square_MC += np.square(a_M[:, None] - b_C)
            if part.stop - part.start > 1:
                square_MC /= 2
        return cls(squares_DMC, _basis(a_ME) @ _basis(b_CE).T)

    def at_end(self, kernel: Kernel) -> np.ndarray:
        """Give the prior covariances M x C of noiseless values at the end."""
        found_MC = QUADRATIC * self.basis_MC
        found_MC += kernel.lr_signal * matern(self.squares_DMC[0] / kernel.lr_length**2)
        found_MC += kernel.joint_signal * matern(self._squares(kernel.joint_lengths_D))
        return found_MC

    def of_change(self, kernel: Kernel) -> np.ndarray:
        """Give the prior covariances M x C of one change."""
        return kernel.change * (matern(self._squares(kernel.change_lengths_D)) + CHANGE_QUADRATIC * self.basis_MC)

    def _squares(self, lengths_D: np.ndarray) -> np.ndarray:
        return np.tensordot(lengths_D**-2.0, self.squares_DMC, 1)


def end_variance(points_CE: np.ndarray, kernel: Kernel) -> np.ndarray:
    """Give the prior variances C of noiseless values at the end."""
    return kernel.lr_signal + kernel.joint_signal + QUADRATIC * (_basis(points_CE) ** 2).sum(1)


def matern(squares: np.ndarray) -> np.ndarray:
    """Give the Matérn 5/2 kernel of squared distances in lengths (Rasmussen and Williams 2006, equation 4.17)."""
    root = np.sqrt(5 * squares)
    found = 1 + root * (1 + root / 3)
    found *= np.exp(-root)
    return found


def _basis(points_ME: np.ndarray) -> np.ndarray:
    lr_M = 2 * points_ME[:, 0] - 1
    return np.stack([np.ones_like(lr_M), lr_M, lr_M**2], 1)
