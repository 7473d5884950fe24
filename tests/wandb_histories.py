"""Random sweeps on which W&B's engine and our rule are held against each other. Only the standard library: both environments
import it, and `random` gives the same numbers in every version of Python."""

import random

CASES = 400


def sweep(number):
    """A sweep: eta, min_iter in evals, and the loss of each trial at each eval, in the order in which the trials run."""
    draw = random.Random(number)
    n_evals = draw.randint(6, 24)
    digits = draw.choice([1, 2, 6])  # few digits give ties
    trials = []
    for _ in range(draw.randint(2, 14)):
        end, fall = draw.uniform(2, 5), draw.uniform(0.2, 2)
        trials.append([round(end + fall * 0.8**i + draw.gauss(0, 0.1), digits) for i in range(n_evals)])
    return {"eta": draw.choice([2, 2, 2, 3, 4]), "min_iter": draw.randint(1, 6), "trials": trials}


def write_up():
    """The write-up's phase 1: 23 runs of 1,000 steps with an eval every 50, min_iter 250, meant as steps, counted as evals."""
    draw = random.Random("write-up")
    return {"eta": 2, "min_iter": 250, "trials": [[5 - 0.1 * i + draw.gauss(0, 0.2) for i in range(20)] for _ in range(23)]}
