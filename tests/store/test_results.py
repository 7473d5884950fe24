"""What lies in results/: tables that carry their space, JSON in one spelling, and the mark of what was made up."""

from dataclasses import dataclass

import pytest

from lrsweep.errors import UserError
from lrsweep.store.results import Results
from lrsweep.store.tables import space_of
from tests.made_up import says_simulated
from tests.spaces import CARRIED, OPEN, USUAL, drawn

EVAL = {"step": 1, "lr": 0.1, "loss_nats": 2.0}


def proposals(space, n=4):
    counts = {"sampler": "sobol", "n_complete": 0, "n_pruned": 0, "n_diverged": 0, "n_pending": 0, "seed": 2**62}
    counts |= {"expected_gain": 0.01, "noise": 0.02}
    return [{"trial": i, **values, **counts} for i, values in enumerate(drawn(space, n))]


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path)


@pytest.mark.parametrize("space", [USUAL, OPEN])
def test_a_table_of_configurations_carries_their_space(results, space):
    rows = proposals(space)
    results.write_rows("sweep_bayes/proposals.parquet", rows, space)
    table = results.read_table("sweep_bayes/proposals.parquet")
    assert space_of(table) == space
    assert table.to_dict("records") == rows
    assert [type(row["optimizer"]) for row in table.to_dict("records")] == [str] * 4 if space is OPEN else True


def test_a_table_has_what_was_trained_beside_what_was_searched(results):
    plain = {"weight_decay": 0.1, "beta2": 0.99, "warmup_steps": 30}
    rows = [{**row, **plain} for row in proposals(CARRIED)]
    results.write_rows("sweep_bayes/proposals.parquet", rows, CARRIED)
    table = results.read_table("sweep_bayes/proposals.parquet")
    assert space_of(table) == CARRIED
    searched = ["lr", "averaging_share", "weight_decay", "beta2_share", "beta2", "warmup_share", "warmup_steps"]
    assert list(table.columns[1:8]) == searched and table["warmup_steps"].dtype == "int64"
    assert table.to_dict("records") == [{name: row[name] for name in table.columns} for row in rows]


def test_the_same_values_give_the_same_bytes(results):
    for name in ("a", "b"):
        results.write_rows(f"{name}/proposals.parquet", proposals(OPEN), OPEN)
    assert results.path("a/proposals.parquet").read_bytes() == results.path("b/proposals.parquet").read_bytes()


def test_a_table_of_other_columns_is_refused(results):
    results.write_rows("train/evals.parquet", [EVAL])
    results.path("sweep_bayes").mkdir()
    results.path("train/evals.parquet").rename(results.path("sweep_bayes/trials.parquet"))
    with pytest.raises(
        UserError, match=r"trials\.parquet: found columns \['step', 'lr', 'loss_nats'\], expected those of trials"
    ):
        results.read_table("sweep_bayes/trials.parquet")


def test_missing_and_damaged_files_are_named(results):
    with pytest.raises(UserError, match="has not run"):
        results.read_json("edge/edge.json")
    with pytest.raises(UserError, match="has not run"):
        results.read_table("train/evals.parquet")
    for name in ("edge/edge.json", "train/evals.parquet"):
        results.write_text(name, "{")
        with pytest.raises(UserError, match="damaged"):
            results.read(name)


def test_what_is_made_from_a_marked_file_is_marked_too(results):
    results.write_json("edge/real.json", {"lr": 1})
    results.write_rows("train/evals.parquet", [EVAL])
    results.read_table("train/evals.parquet")
    assert not results.simulated
    made = Results(results.folder, simulated=True)
    made.write_rows("train/steps.parquet", [{**EVAL, "grad_norm": 1.0}])
    table = results.read_table("train/steps.parquet")
    assert list(table.columns) == [*EVAL, "grad_norm"]
    results.write_json("edge/made.json", {"lr": 1})
    assert results.read_json("edge/made.json") == {"lr": 1}
    says = {path.stem: says_simulated(path) for path in results.folder.rglob("*.*")}
    assert says == {"real": False, "evals": False, "made": True, "steps": True}


@dataclass(frozen=True)
class Found:
    lr: float
    names: tuple[str, ...]
    best: "Found | None"


def test_a_dataclass_there_and_back(results):
    found = Found(0.01, ("a",), Found(0.02, (), None))
    results.write_json("edge/edge.json", found)
    assert results.read_as(Found, "edge/edge.json") == found
