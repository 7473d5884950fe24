"""The length of one training run."""

from typing import Annotated

from pydantic import Field

from lrsweep.section import Count, Section


class Budget(Section):
    """The length of one training run, in steps."""

    steps: Count
    """length of a training run [steps]"""
    warmup_steps: Annotated[int, Field(ge=0)]
    """steps over which the LR rises to its maximum; the schedule lowers it from there [steps]"""
    eval_every: Count
    """steps from one eval to the next; a divisor of steps [steps]"""
