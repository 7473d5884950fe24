"""The section sharpness: off by null, or with rising steps."""

from lrsweep.config import checking
from tests.config.test_checking import ROOT, changed


def test_it_is_off_by_null_and_steps_must_rise():
    assert checking.parse_problems(changed(sharpness=None)) == []
    for steps in ([5, 5], [9, 5], [10**6]):
        (problem,) = checking.parse_problems(changed(sharpness__steps=steps))
        assert problem.key == "sharpness.steps"
    assert checking.load(ROOT / "params.yaml").sharpness is not None
