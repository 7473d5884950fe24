"""The length of one training run."""

from typing import Annotated

from pydantic import Field

from lrsweep.section import MOST_STEPS, Section, Steps


class Budget(Section):
    """The length of one training run, in steps."""

    steps: Steps
    """length of a training run [steps]"""
    warmup_steps: Annotated[int, Field(ge=0, le=MOST_STEPS)]
    """steps over which the LR rises to its maximum; the schedule lowers it from there [steps]"""
    eval_every: Steps
    """steps from one eval to the next; a divisor of steps [steps]"""
