"""Receipts: those that hold are kept or taken over from other workspaces, all others go."""

from pathlib import Path

import pytest

from lrsweep import files
from lrsweep.runner import receipts
from lrsweep.store import artifacts

STUDY = Path("elsewhere/0123/sweep_bayes")


def finish(folder, first, last):
    """What a job leaves: records, and the receipt in its workspace and beside the records."""
    names = [folder / f"trials/000/{k:05d}.json" for k in range(first, last + 1)]
    for name in names:
        files.write_text(name, "{}")
        files.write_text(name.with_suffix(".safetensors"), "")
    receipts.write(receipts.path(STUDY, "trials", first, last), folder, names)


def held():
    return sorted(path.stem for path in Path("work").glob("*/*/jobs/*/*.json"))


@pytest.fixture
def ranges(tmp_path, monkeypatch):
    """The records of two LR ranges, one after the other in the same workspace."""
    monkeypatch.chdir(tmp_path)
    one, two = (Path(f"elsewhere/0123-{name}/sweep_bayes") for name in ("aaaa", "bbbb"))
    finish(one, 0, 1)
    finish(one, 2, 3)
    finish(two, 0, 1)
    return one, two


def test_receipts_of_another_context_go_and_come_back(ranges):
    one, two = ranges
    for folder, expected in ((two, ["trials-0-1"]), (one, ["trials-0-1", "trials-2-3"]), (None, [])):
        receipts.refresh(STUDY, folder)
        assert held() == expected
        assert all(artifacts.read_json(path)["folder"].startswith(folder.parent.name) for path in Path("work").rglob("*.json"))


def test_a_receipt_whose_record_is_gone_goes(ranges):
    one, _ = ranges
    (one / "trials/000/00002.safetensors").unlink()
    receipts.refresh(STUDY, one)
    assert held() == ["trials-0-1"]


def test_a_job_with_nothing_to_do_is_of_its_context_too(ranges):
    one, two = ranges
    finish(one, 6, 5)
    receipts.refresh(STUDY, two)
    assert "trials-6-5" not in held()
    receipts.refresh(STUDY, one)
    assert "trials-6-5" in held()
