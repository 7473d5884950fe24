"""Numbers of other tools at their ends: each reader takes a loss that no arithmetic holds for one that diverged."""

import math

import pytest

from lrsweep.logs import curves
from lrsweep.logs.measurement import LARGEST, LEAST, measurement
from lrsweep.stages import law
from lrsweep.trainers.command import curves as of_script
from lrsweep.trainers.command.settings import CurveFile

SAID = {
    "1e200": math.inf,
    "-1e308": -math.inf,
    "1e75": LARGEST,
    "-1e75": -LARGEST,
    "1e-300": 0.0,
    "-5e-324": 0.0,
    "710.0": 710.0,
    "nan": math.nan,
    "inf": math.inf,
}


@pytest.mark.parametrize(("said", "read"), SAID.items())
def test_a_number_is_held_or_infinite_or_zero(said, read):
    found = measurement(float(said))
    assert found == read or (math.isnan(found) and math.isnan(read))
    assert not math.isfinite(found) or found == 0 or (math.isfinite(found**4) and found**4 > 0)
    assert measurement(LEAST) == LEAST and measurement(math.nextafter(LARGEST, math.inf)) == math.inf


@pytest.mark.parametrize(("said", "read"), SAID.items())
def test_curves_of_a_person_and_of_a_script(tmp_path, said, read):
    path = tmp_path / "curve.csv"
    path.write_text(f"trial,step,loss,lr\n0,0,6.0,0.0\n0,10,{said},0.01\n")
    section = CurveFile(file=str(path), step="step", loss="loss", lr="lr", grad_norm=None)
    losses = [curves.read(path)["loss"].iloc[-1], of_script.read(section, str(path)).points[-1].loss]
    assert all(loss == read or (math.isnan(loss) and math.isnan(read)) for loss in losses)


def test_the_table_of_a_law(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("lr,loss,steps\n0.01,1e200,100\n0.02,2.0,100\n")
    assert law.read(path, ("steps",))["loss"].tolist() == [math.inf, 2.0]
