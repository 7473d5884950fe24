"""Stopping rules replayed over a table that a user brings: the same numbers as over the study's own, and clear refusals."""

import numpy as np
import pandas as pd
import pytest

from lrsweep.errors import UserError
from lrsweep.search.settings import Metric, Stopping
from lrsweep.stages.rules import read, run

METRIC = Metric(name="loss", window=2, kappa=1.1, rho=0.9, rise_weight=1.0)
STOPPING = Stopping(first_rung=20, eta=2, slack=0.05)


def table(n=20, noise=0.0, lr=False):
    rng = np.random.default_rng(0)
    rows = []
    for trial in range(n):
        for step in range(0, 101, 10):
            row = {"trial": trial, "step": step, "loss": 2 + 0.1 * trial + np.exp(-step / 20) + noise * rng.normal()}
            rows.append({**row, **({"lr": 0.01 * (1 - step / 200)} if lr else {})})
    return pd.DataFrame(rows)


def summary(path, **more):
    rows, note = run(path, **{"rungs": (20, 40), "stopping": STOPPING, "orders": 20, "metric": METRIC, "seed": 0, **more})
    return {(row["rule"], row["metric"]): row for row in rows}, note


def test_a_perfect_metric_loses_nothing_and_saves_steps(tmp_path):
    table().to_csv(path := tmp_path / "curves.csv", index=False)
    found, note = summary(path)
    assert found["none", "none"]["median_steps"] == 20 * 100
    assert found["strict", "loss"]["kept_best_share"] == 1.0 and found["strict", "loss"]["median_steps"] < 1500
    assert found["strict", "loss"]["median_steps"] < found["ours", "loss"]["median_steps"] < 20 * 100  # a slack stops fewer
    assert note == "20 whole trials of 100 steps in 20 random orders; 0 left out"
    assert not any(metric == "m_u" for _, metric in found)


def test_parquet_and_csv_are_the_same_and_lr_gives_m_u(tmp_path):
    table(lr=True).to_csv(csv := tmp_path / "curves.csv", index=False)
    table(lr=True).to_parquet(parquet := tmp_path / "curves.parquet")
    found, _ = summary(csv, rungs=(40,))
    assert summary(parquet, rungs=(40,))[0] == found
    assert ("strict", "m_u") in found


def test_trials_that_do_not_end_are_left_out(tmp_path):
    rows = table()
    rows.loc[(rows["trial"] == 3) & (rows["step"] == 100), "loss"] = np.nan
    rows[~((rows["trial"] == 5) & (rows["step"] > 50))].to_csv(path := tmp_path / "curves.csv", index=False)
    assert summary(path)[1] == "18 whole trials of 100 steps in 20 random orders; 2 left out"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "found no table"),
        ("trial,step,loss\n", "found no rows"),
        ("run,step,loss\n1,2,3\n", "found columns run, step, loss, expected trial, step, loss; rename or add trial"),
        ("trial,step,loss\n0,0,3\n0,ten,2\n", "line 3: found step 'ten', expected a whole number from 0"),
        ("trial,step,loss\n0,0,3\n0,10,low\n", "line 3: found loss 'low', expected a number"),
        ("trial,step,loss\n0,-1,3\n", "line 2: found step -1, expected a whole number from 0"),
        ("trial,step,loss\n0,0,3\n0,0,2\n", "line 3: found trial 0 at step 0 again"),
        ("trial,step,loss\n0,0,3\n0,10,2\n", "--rungs: found 20, expected steps that the table has evals at"),
        ("trial,step,loss\n0,20,3\n0,40,2\n0,50,1\n", "found 1 trials with a finite loss at step 50, expected at least 2"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(tmp_path, text, says):
    path = tmp_path / "curves.csv"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        run(path, (20, 40), 2, 5, METRIC, 0)
    assert says in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.csv: no such file"):
        read(tmp_path / "nothing.csv")
