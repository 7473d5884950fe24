"""How often `cluster` says that there are clusters where there are none, and where there are some.

    python -m benchmarks.clusters --studies 100

A study has 60 survivors with 9 features. *Gaussian*: one Gaussian, a few directions of which hold most of the variance, as of
curves. *Box*: a uniform box. *Two groups*: two Gaussians, 4 standard deviations apart along one feature. Prints a row each.
"""

import argparse

import numpy as np

from benchmarks.world import draws
from lrsweep.analysis.clusters import partition, standardize
from lrsweep.analysis.settings import Cluster

SURVIVORS, FEATURES = 60, 9
SECTION = Cluster(k_min=2, k_max=6, null_draws=60, subsamples=5, restarts=3, curve_points=6)


def gaussian(random: np.random.Generator) -> np.ndarray:
    """One Gaussian whose directions have standard deviations of 1, 1/2, 1/3 and so on, turned at random."""
    turned, _ = np.linalg.qr(random.normal(size=(FEATURES, FEATURES)))
    return random.normal(size=(SURVIVORS, FEATURES)) / np.arange(1, FEATURES + 1) @ turned


def box(random: np.random.Generator) -> np.ndarray:
    """A uniform box."""
    return random.random((SURVIVORS, FEATURES))


def two_groups(random: np.random.Generator) -> np.ndarray:
    """Two groups in equal parts."""
    found = random.normal(size=(SURVIVORS, FEATURES))
    found[::2, 0] += 4
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, required=True)
    studies = parser.parse_args().studies
    for draw in (gaussian, box, two_groups):
        found = [partition(standardize(draw(draws(seed, "clusters"))), SECTION.k_max, SECTION, seed) for seed in range(studies)]
        said = np.mean([one.silhouette > one.null.high for one in found])
        agreement = np.mean([np.mean(one.agreements) for one in found])
        print(f"{draw.__name__}: clusters in {said:.1%} of {studies}, mean adjusted Rand index {agreement:.2f}", flush=True)


if __name__ == "__main__":
    main()
