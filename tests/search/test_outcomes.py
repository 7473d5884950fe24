"""Outcomes of the search benchmark that are kept: of this code they come back, of other code they do not."""

import json
import shutil

import pytest
from benchmarks import outcomes

POOL, MODULE = outcomes.FOLDER / "pool_stories.parquet", "benchmarks.peers.random_search"
FOUND = {
    "0-8-0": {"steps": 2400, "time": 300, "true_nats": {"1500": None, "3000": 2.25, "6000": 2.125}},
    "0-8-1": {"steps": None, "time": None, "true_nats": {"1500": None, "3000": 3.5, "6000": 2.1}},
}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(outcomes, "WORK", tmp_path / "search")
    monkeypatch.setattr(outcomes, "TABLE", tmp_path / "outcomes.parquet")
    folder = outcomes.folder_of(POOL, MODULE)
    (folder / MODULE).mkdir(parents=True)
    for seed, (name, found) in enumerate(FOUND.items()):
        row = {"contestant": "random", "workers": 8, "seed": seed, **found}
        (folder / MODULE / f"{name}.json").write_text(json.dumps(row))
    was = outcomes.load(POOL, MODULE)
    outcomes.keep([POOL], [MODULE])
    shutil.rmtree(folder)
    return was


def test_outcomes_come_back_as_they_were(kept):
    assert outcomes.load(POOL, MODULE) == {}
    outcomes.restore([POOL], [MODULE])
    assert outcomes.load(POOL, MODULE) == kept and len(kept) == 2
    before = outcomes.TABLE.read_bytes()
    outcomes.keep([POOL], [MODULE])
    assert outcomes.TABLE.read_bytes() == before


def test_nothing_to_keep_is_an_empty_table(kept):
    outcomes.keep([POOL], [MODULE])
    outcomes.restore([POOL], [MODULE])
    assert outcomes.load(POOL, MODULE) == {}


def test_outcomes_of_other_code_do_not(kept, monkeypatch):
    monkeypatch.setattr(outcomes, "folder_of", lambda pool, module: outcomes.WORK / "other")
    outcomes.restore([POOL], [MODULE])
    assert outcomes.load(POOL, MODULE) == {}
