"""The proposals of phase 1: learning rates drawn uniformly from a range, in themselves or in their logarithms."""

from lrsweep.search.trial import Proposal
from lrsweep.seeding import generator
from lrsweep.space import Float


def uniform(seed: int, study: str, trial: int, lr: Float) -> Proposal:
    """Draw the LR of a trial; what else it is trained with is the trainer's own."""
    draw = generator(seed, f"{study}/proposal", trial).random()
    return Proposal.known(trial, {"lr": lr.draw(draw)}, "uniform")
