"""Records: the same bytes for the same trial; damage and edits are found and named."""

import os
import shlex
import subprocess
from dataclasses import asdict

import numpy as np
import pytest

from lrsweep.errors import UserError
from lrsweep.search.curve import STEP_COLUMNS
from lrsweep.search.trial import EvalPoint, Proposal, Record, RungPoint
from lrsweep.store import records

PROPOSAL = Proposal(7, {"lr": 0.003, "warmup_steps": 12, "optimizer": "muon"}, "mfgp", 2, 5, 0, 3, 11, 0.01, 0.02)
RECORD = Record(
    "identity", PROPOSAL, 5, "PRUNED", 2, (EvalPoint(0, 0.0, 6.2), EvalPoint(2, 0.003, None)), (RungPoint(2, 3.0, 4, 2.5, True),)
)
CURVE = {name: np.array([0.1, np.nan]) for name in STEP_COLUMNS}


@pytest.fixture
def path(tmp_path):
    path = records.record_path(tmp_path / "a folder's name", 7)
    records.save(path, RECORD, CURVE)
    return path


def test_round_trip(path):
    found = records.load(path, "identity")
    assert found == RECORD
    assert [type(value) for value in found.proposal.values.values()] == [float, int, str]
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
        records.load(path, "identity")


def test_the_remedy_can_be_pasted(path):
    path.write_bytes(b"")
    with pytest.raises(UserError) as error:
        records.load(path, "identity")
    command = str(error.value).partition("remove it (")[2].partition(") and run again")[0]
    assert shlex.split(command) == ["rm", str(path)]
    subprocess.run(command, shell=True, check=True)
    assert not path.exists()


def test_records_of_other_parameters_are_refused(path):
    with pytest.raises(UserError, match="other parameters"):
        records.load(path, "another")


def test_a_damaged_curve_is_found(path):
    curve = path.with_suffix(".safetensors")
    curve.write_bytes(curve.read_bytes()[:-8] + b"\x00" * 8)
    with pytest.raises(UserError, match="digest"):
        records.load_curve(path)


def test_a_kept_proposal_is_used_only_whole_and_by_its_study(tmp_path):
    path = tmp_path / "00007.json"
    assert records.kept(path, "identity") is None
    records.keep(path, "identity", asdict(PROPOSAL))
    assert records.kept(path, "identity") == asdict(PROPOSAL)
    assert records.kept(path, "another") is None
    path.write_bytes(path.read_bytes().replace(b"0.003", b"0.004", 1))
    assert records.kept(path, "identity") is None


def test_what_lies_in_the_place_of_a_record_costs_a_training_at_most(path):
    path.unlink()
    os.mkfifo(path)
    assert not records.exists(path), "a pipe is no record, and reading it would never end"
    path.unlink()
    path.write_text("[" * 100_000)
    with pytest.raises(UserError, match="truncated or edited"):
        records.load(path, "identity")
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match="truncated or edited") as error:
        records.load(path, "identity")
    subprocess.run(str(error.value).partition("remove it (")[2].partition(") and run again")[0], shell=True, check=True)
    assert not path.exists()
