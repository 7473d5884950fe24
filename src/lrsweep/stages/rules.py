"""rules: replay stopping rules over a user's own curves, a table of trial, step and loss."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lrsweep.errors import UserError
from lrsweep.search.metric import components
from lrsweep.search.replaying import COLUMNS, replay, summarize_replay
from lrsweep.search.settings import Metric, Stopping
from lrsweep.search.trial import COMPLETE

NEEDED = ("trial", "step", "loss")
LARGEST = 2**53  # a float holds every whole number up to here


def run(
    path: Path, rungs: Sequence[int], stopping: Stopping, orders: int, metric: Metric, seed: int
) -> tuple[list[dict[str, Any]], str]:
    """Give the summary of the replay, a row for each rule and metric, and a line on what was used and left out.

    The table is CSV or parquet with columns trial, step, loss and, for M_u, lr: the learning rate of the step. Trials without a
    finite loss at the last step of the table are left out, since nobody knows how they would have ended.

    Raises:
        UserError: the file is missing or not a table, a column or a number is wrong, a rung is not at an eval, no trial is whole.
    """
    table = read(path)
    end = int(table["step"].max())
    known = sorted({int(step) for step in table["step"]})
    for rung in rungs:
        if rung not in known or not 0 < rung < end:
            inside = [step for step in known if 0 < step < end]
            raise UserError(
                f"--rungs: found {rung}, expected steps that the table has evals at, before its end: {_list(inside)};"
                " name some of these"
            )
    last = table[table["step"] == end]
    whole = last.loc[np.isfinite(last["loss"]), "trial"]
    curves = table[table["trial"].isin(whole) & np.isfinite(table["loss"])]
    if len(whole) < 2:
        raise UserError(
            f"{path}: found {len(whole)} trials with a finite loss at step {end}, expected at least 2; export whole trials"
        )
    finals = [{"trial": row.trial, "state": COMPLETE, "steps": end, "final_loss_nats": row.loss} for row in last.itertuples()]
    trials = pd.DataFrame([row for row in finals if np.isfinite(row["final_loss_nats"])])
    rows = summarize_replay(replay(trials, _measured(curves, metric), rungs, stopping, orders, seed))
    left_out = table["trial"].nunique() - len(whole)
    return rows, f"{len(whole)} whole trials of {end} steps in {orders} random orders; {left_out} left out"


def read(path: Path) -> pd.DataFrame:
    """Read the user's table, sorted: trial and step as int, loss and lr as float (NaN where there is none).

    Raises:
        UserError: the file is missing or not a table, or a column or a number is wrong; it names the line.
    """
    try:
        # Empty lines are dropped after reading, so that the numbers of the lines stay right.
        table = (
            pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, skip_blank_lines=False).dropna(how="all")
        )
    except FileNotFoundError:
        raise UserError(f"{path}: no such file, expected a CSV or parquet table; correct the path") from None
    except Exception as error:  # pandas and arrow raise many kinds for what is not a table
        raise UserError(
            f"{path}: found no table ({' '.join(str(error).split())}), expected CSV or parquet; export it again"
        ) from None
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        found, needed = ", ".join(map(str, table.columns)), ", ".join(NEEDED)
        raise UserError(f"{path}: found columns {found}, expected {needed}; rename or add {', '.join(missing)}")
    if table.empty:
        raise UserError(f"{path}: found no rows, expected an eval in each; export the histories of the trials")
    columns = {name: _numbers(path, table, name) for name in ("trial", "step")}
    columns |= {"loss": _numbers(path, table, "loss", whole=False)}
    columns |= {"lr": _numbers(path, table, "lr", whole=False) if "lr" in table.columns else np.full(len(table), np.nan)}
    clean = pd.DataFrame(columns)
    twice = clean.duplicated(["trial", "step"])
    if twice.any():
        row = clean[twice].iloc[0]
        where = _place(path, table, twice.to_numpy())
        raise UserError(f"{where}: found trial {row.trial:.0f} at step {row.step:.0f} again, expected one loss each; remove one")
    return clean.sort_values(["trial", "step"], ignore_index=True)


def _numbers(path: Path, table: pd.DataFrame, name: str, whole: bool = True) -> np.ndarray:
    values = pd.to_numeric(table[name], errors="coerce").to_numpy(float)
    unread = np.isnan(values) & table[name].notna().to_numpy()  # an empty loss counts as NaN
    wrong = (~np.isfinite(values) | (values % 1 != 0) | (values < 0) | (values > LARGEST)) if whole else unread
    if wrong.any():
        found = table[name].tolist()[int(np.flatnonzero(wrong)[0])]
        expected = "a whole number from 0" if whole else "a number"
        raise UserError(f"{_place(path, table, wrong)}: found {name} {found!r}, expected {expected}; correct it")
    return values.astype(int) if whole else values


def _place(path: Path, table: pd.DataFrame, where: np.ndarray) -> str:
    """Name the first of the rows; in CSV by its line, where the header is line 1."""
    row = int(table.index[np.flatnonzero(where)[0]])
    return f"{path}: row {row + 1}" if path.suffix == ".parquet" else f"{path}: line {row + 2}"


def _measured(curves: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Give the curves with every metric at each eval; M_u is undefined where the table has no learning rates."""
    parts = []
    for trial, part in curves.groupby("trial"):
        known = part["lr"].notna().all()
        rows = components(part["lr"].tolist(), part["loss"].tolist(), float(part["lr"].max()), metric)
        values = {column: [row.value(name) for row in rows] for name, column in COLUMNS.items() if known or name != "m_u"}
        parts.append(pd.DataFrame({"trial": trial, "step": part["step"].to_numpy(), "m_u": np.nan, **values}))
    return pd.concat(parts, ignore_index=True)


def _list(steps: Sequence[int]) -> str:
    return ", ".join(map(str, steps)) if len(steps) <= 12 else f"{steps[0]}, {steps[1]}, … {steps[-1]}"
