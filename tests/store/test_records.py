"""Records: the same bytes for the same trial; damage and edits are found and named."""

import numpy as np
import pytest

from lrsweep.errors import UserError
from lrsweep.search.trial import EvalPoint, Proposal, Record, RungPoint
from lrsweep.store import records

PROPOSAL = Proposal(7, 0.003, 0.99, 0.01, "gp", 2, 5, 0, 3, 11)
RECORD = Record(
    "context", PROPOSAL, 5, "PRUNED", 2, (EvalPoint(0, 0.0, 6.2), EvalPoint(2, 0.003, None)), (RungPoint(2, 3.0, 4, 2.5, True),)
)
CURVE = {name: np.array([0.1, np.nan]) for name in records.STEP_COLUMNS}


@pytest.fixture
def path(tmp_path):
    path = records.record_path(tmp_path, 7)
    records.save(path, RECORD, CURVE)
    return path


def test_round_trip(path):
    assert records.load(path, "context") == RECORD
    np.testing.assert_array_equal(records.load_curve(path)["grad_norm"], CURVE["grad_norm"])


def test_same_bytes(path, tmp_path):
    other = records.record_path(tmp_path / "other", 7)
    records.save(other, RECORD, CURVE)
    assert other.read_bytes() == path.read_bytes()
    assert other.with_suffix(".safetensors").read_bytes() == path.with_suffix(".safetensors").read_bytes()


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b.replace(b"0.003", b"0.004", 1)])
def test_damaged_or_edited_records_are_named(path, damage):
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=r"00007\.json: truncated or edited"):
        records.load(path, "context")


def test_records_of_other_parameters_are_refused(path):
    with pytest.raises(UserError, match="other parameters"):
        records.load(path, "another")


def test_a_damaged_curve_is_found(path):
    curve = path.with_suffix(".safetensors")
    curve.write_bytes(curve.read_bytes()[:-8] + b"\x00" * 8)
    with pytest.raises(UserError, match="digest"):
        records.load_curve(path)
