"""Packs give the records that they were made from, whatever happens to them."""

from dataclasses import replace

import numpy as np
import pytest

from lrsweep.errors import UserError
from lrsweep.store import packs, records
from tests.test_records import CURVE, RECORD


@pytest.fixture
def folder(tmp_path):
    for trial in range(16, 230):
        record = replace(RECORD, proposal=replace(RECORD.proposal, trial=trial))
        records.save(records.record_path(tmp_path / "trials", trial), record, CURVE)
    return tmp_path


def numbers(folder, *bounds):
    return [record.trial for record in packs.load(folder, range(*bounds), "context")]


def test_whole_hundreds_are_packed_and_the_same_as_the_records(folder):
    assert numbers(folder, 16, 16) == [] and numbers(folder, 16, 99) == list(range(16, 99))
    assert not (folder / "packs").exists()
    first = packs.load(folder, range(16, 215), "context")
    assert [record.trial for record in first] == list(range(16, 215))
    assert [path.name for path in (folder / "packs").iterdir()] == ["00001.json"]
    for path in (folder / "trials/000").glob("001*.json"):
        path.unlink()  # now only the pack has them
    assert packs.load(folder, range(16, 215), "context") == first


@pytest.mark.parametrize("damage", [lambda b: b[:-30], lambda b: b.replace(b"0.003", b"0.004", 1), lambda b: b""])
def test_a_damaged_pack_is_made_again(folder, damage):
    before = packs.load(folder, range(100, 200), "context")
    pack = folder / "packs/00001.json"
    sound = pack.read_bytes()
    pack.write_bytes(damage(sound))
    assert packs.load(folder, range(100, 200), "context") == before and pack.read_bytes() == sound


def test_records_of_other_parameters_are_refused(folder):
    packs.load(folder, range(100, 200), "context")
    with pytest.raises(UserError, match="other parameters"):
        packs.load(folder, range(100, 200), "another")


def test_a_missing_record_is_named(folder):
    (folder / "trials/000/00150.json").unlink()
    with pytest.raises(FileNotFoundError, match="00150"):
        packs.load(folder, range(100, 200), "context")


def test_equal_records_have_one_hash(folder):
    one, other = (packs.load(folder, range(100, 101), "context")[0] for _ in range(2))
    assert one is not other and one == other and hash(one) == hash(other)
    np.testing.assert_array_equal(records.load_curve(folder / "trials/000/00100.json")["lr"], CURVE["lr"])
