"""Find the maximum learning rate of a training run at the edge of stability, and prove each step."""

from lrsweep.reporting import Trial, trial

__all__ = ["Trial", "trial"]
