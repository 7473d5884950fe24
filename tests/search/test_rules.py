"""Stopping rules replayed over a table that a user brings: the same numbers as over the study's own, and clear refusals."""

import numpy as np
import pandas as pd
import pytest

from lrsweep.errors import UserError
from lrsweep.logs.curves import read
from lrsweep.search.settings import Metric, Stopping
from lrsweep.stages.rules import run

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
    assert note == "20 trials of 100 steps in 20 random orders; 0 left out"
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
    why = "2 left out: trial 3 (no finite loss at step 100), trial 5 (no finite loss at step 100)"
    assert summary(path)[1] == f"18 trials of 100 steps in 20 random orders; {why}"
    rows.loc[(rows["trial"] == 3) & (rows["step"].isin([20, 100])), "loss"] = [np.nan, 2.5]
    rows.to_csv(path, index=False)
    assert summary(path)[1].endswith("1 left out: trial 3 (no finite loss at step 20)")


def test_trials_have_names_and_zeros_in_front_of_numbers_stay(tmp_path):
    rows = table(4).astype({"trial": object})
    rows["trial"] = [("lr_1e-3", "fluent-oath-59", "00012345", "7e3")[trial] for trial in rows["trial"]]
    rows.to_csv(path := tmp_path / "curves.csv", index=False)
    assert set(read(path)["trial"]) == {"lr_1e-3", "fluent-oath-59", "00012345", "7e3"}
    assert summary(path)[1].startswith("4 trials of 100 steps")
    text = path.read_text()
    path.write_text("\n\n" + text.replace("\n", "\r\n\r\n"))  # blank lines, and another end of a line
    assert read(path).equals(read(path)) and len(read(path)) == 44


def test_trials_that_diverged_count_as_the_worst(tmp_path):
    """By hand: five whole trials of 100 steps, three that end at step 40; `none` trains 5 · 100 + 3 · 40 steps."""
    rows = table(8).astype({"loss": object})
    rows.loc[(rows["trial"] > 4) & (rows["step"] >= 40), "loss"] = "NaN"
    rows.to_csv(path := tmp_path / "curves.csv", index=False)
    found, note = summary(path)
    assert found["none", "none"]["median_steps"] == 620 and found["strict", "loss"]["kept_best_share"] == 1.0
    lost = ", ".join(f"trial {trial} at step 40" for trial in (5, 6, 7))
    assert note == f"8 trials of 100 steps in 20 random orders; diverged, the worst from there on: {lost}; 0 left out"
    rows["loss"] = rows["loss"].where(rows["step"] < 40, "Infinity")
    rows.to_csv(path, index=False)
    with pytest.raises(UserError, match=r"found 8 whole trials of 100 steps, 0 of them with a finite loss"):
        summary(path)


def test_a_chart_of_wandb_has_a_column_for_each_trial(tmp_path):
    rows = table(4).pivot(index="step", columns="trial", values="loss")
    chart = pd.DataFrame({"Step": rows.index})
    for trial in rows:
        for border in ("", "__MIN", "__MAX"):
            chart[f"lr_{trial} - val/loss{border}"] = rows[trial].to_numpy() + (border == "__MAX")
        chart[f"lr_{trial} - _step"] = rows.index
    chart.to_csv(path := tmp_path / "chart.csv", index=False)
    table(4).assign(trial=[f"lr_{trial}" for trial in table(4)["trial"]]).to_csv(long := tmp_path / "curves.csv", index=False)
    assert read(path).drop(columns="lr").equals(read(long).drop(columns="lr")) and summary(path) == summary(long)
    chart.assign(**{"lr_0 - train/loss": 1.0}).to_csv(path, index=False)
    with pytest.raises(UserError, match=r"found the values train/loss, val/loss, expected a chart of one"):
        read(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "found no table"),
        ("trial,step,loss\n", "found no rows"),
        (
            "run,step,loss\n1,2,3\n",
            "found columns run, step, loss, expected trial, step, loss, or a step and a column for each trial; rename or add",
        ),
        ("trial,step,loss\n0,0,3\n0,ten,2\n", "line 3: found step 'ten', expected a whole number from 0"),
        ("trial,step,loss\n0,0,3\n0,10,low\n", "line 3: found loss 'low', expected a number"),
        ("trial,step,loss\n0,-1,3\n", "line 2: found step -1, expected a whole number from 0"),
        ("trial,step,loss\n0,0,3\n0,0,2\n", "line 3: found trial 0 at step 0 again"),
        ("trial,step,loss\n0,0,3\n0,10,2\n", "--rungs: found 20, expected steps that the table has evals at"),
        (
            "trial,step,loss\n0,20,3\n0,40,2\n0,50,1\n",
            "found 1 whole trials of 50 steps, 1 of them with a finite loss, expected at least 2",
        ),
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
