"""The section of the edge: what it says of the write-up's own indicator follows from where that lies."""

from dataclasses import replace

import pytest

from lrsweep.analysis.crossings import CURVATURE, WARM_UP, Crossing, Measured
from lrsweep.analysis.ranges import Bounded
from tests.found import EDGE
from tests.report.test_report import content, render


@pytest.mark.parametrize(
    ("rise", "said"),
    [
        (
            Bounded(0.05, 0.04, 0.07),
            ["above the largest near-optimal one, and below the maximum stable one", "within the uncertainty of the learning"],
        ),
        (
            Bounded(0.005, 0.004, 0.006),
            ["below the largest near-optimal one", "It is below the learning rate at which the curvature crosses"],
        ),
        (Bounded(0.9, 0.8, None), ["above the maximum stable one", "So training breaks before the norm warns."]),
        (Bounded(None, None, None), ["in 3 of 4 trials, which is too few"]),
    ],
)
def test_the_write_ups_own_indicator_stands_beside_what_it_is_to_find(rise, said):
    edge = replace(EDGE, norm_rise=replace(EDGE.norm_rise, lr=rise), max_stable_lr=Bounded(0.3, 0.2, 0.45))
    measured = Measured((Crossing(CURVATURE, WARM_UP, Bounded(0.06, 0.02, 0.09), 9),))
    page = " ".join(render(replace(content(), edge=edge, measured=measured)).split())
    for words in said:
        assert words in page
