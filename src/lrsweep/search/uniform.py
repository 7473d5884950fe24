"""The proposals of phase 1: learning rates drawn from a range, uniform in the LR or in its logarithm."""

from lrsweep.search.trial import Proposal
from lrsweep.seeding import generator
from lrsweep.space import Float


def uniform(seed: int, study: str, trial: int, lr: Float) -> Proposal:
    """Draw the LR of a trial; all other names keep the values of the trainer."""

    draw = generator(seed, f"{study}/proposal", trial).random()
    return Proposal.known(trial, {"lr": lr.draw(draw)}, "uniform")
