"""Tables of curves that a person brings: trial, step and loss in each row, or a column for each trial.

Trials may have names. An empty cell was not logged; NaN and Infinity, as text, are losses of a trial that diverged.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lrsweep.errors import UserError
from lrsweep.logs import csvfile, wide
from lrsweep.logs.measurement import measurement

NEEDED = ("trial", "step", "loss")
LARGEST = 2**53  # a float holds every whole number up to here
ABSENT = ["", "NA", "N/A", "<NA>", "null", "None"]


def read(path: Path) -> pd.DataFrame:
    """Read a table, sorted: trial as int or as a name, step as int, loss and lr as float, and `logged`: whether a loss was.

    Raises:
        UserError: the file is missing or not a table, or a column or a number is wrong; it names the line.
    """
    table = _table(path)
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        columns = [str(name) for name in table.columns if name != _PLACE]
        found = ", ".join(columns[:12]) + (", …" if len(columns) > 12 else "")
        needed = f"{', '.join(NEEDED)}, or a step and a column for each trial"
        raise UserError(f"{path}: found columns {found}, expected {needed}; rename or add {', '.join(missing)}")
    if table.empty:
        raise UserError(f"{path}: found no rows, expected an eval in each; export the histories of the trials")
    logged = ~table["loss"].isin(ABSENT) & table["loss"].notna() if table["loss"].dtype == object else table["loss"].notna()
    clean = pd.DataFrame(
        {
            "trial": _trials(table),
            "step": _numbers(table, "step"),
            "loss": _numbers(table, "loss", whole=False),
            "lr": _numbers(table, "lr", whole=False) if "lr" in table.columns else np.nan,
            "logged": logged,
        }
    )
    twice = clean.duplicated(["trial", "step"])
    if twice.any():
        row, where = clean[twice].iloc[0], table.loc[twice, _PLACE].iloc[0]
        raise UserError(f"{where}: found trial {row.trial} at step {row.step:.0f} again, expected one loss each; remove one")
    return clean.sort_values(["trial", "step"], ignore_index=True)


_PLACE = " place"  # no column of a person's table begins with a space


def _table(path: Path) -> pd.DataFrame:
    """Read a table as it stands, with the place of each row; CSV as text."""
    if not path.exists():
        raise UserError(f"{path}: no such file, expected a CSV or parquet table; correct the path")
    if path.suffix == ".parquet":
        try:
            table = pd.read_parquet(path)
        except Exception as error:  # pandas and arrow raise many kinds for what is not a table
            found = f"found no table ({' '.join(str(error).split())})"
            raise UserError(f"{path}: {found}, expected CSV or parquet; export it again") from None
        return table.assign(**{_PLACE: [f"{path}: row {number}" for number in range(1, len(table) + 1)]})
    read = csvfile.read(path)
    if not read.columns:
        raise UserError(f"{path}: found no table (it is empty), expected CSV or parquet; export it again")
    if "trial" not in read.columns and wide.is_wide(read.columns):
        return _unpivoted(read)
    rows = [dict(zip(read.columns, cells, strict=True)) | {_PLACE: place} for place, cells in read.lines]
    return pd.DataFrame(rows, columns=[*read.columns, _PLACE], dtype=object)


def _unpivoted(read: csvfile.Csv) -> pd.DataFrame:
    """Turn a column for each trial into rows.

    Raises:
        UserError: the columns hold several values of each trial.
    """
    found = {number: one for number, one in wide.series(read.columns).items() if not one[1].startswith("_")}
    values = sorted({value for _, value in found.values()})
    if len(values) != 1:
        raise UserError(
            f"{read.path}: line 1: found the values {', '.join(values)}, expected a chart of one, the loss; export that"
        )
    rows = [
        {"trial": run, "step": cells[0], "loss": cells[number], _PLACE: place}
        for number, (run, _) in found.items()
        for place, cells in read.lines
        if cells[0] and cells[number]
    ]
    return pd.DataFrame(rows, columns=[*NEEDED, _PLACE], dtype=object)


def _trials(table: pd.DataFrame) -> list[int] | list[str]:
    """Give the trials as whole numbers where all of them are, else as they are spelled."""
    said = table["trial"].tolist()
    texts = [str(int(one)) if isinstance(one, float) and one.is_integer() else str(one) for one in said]
    for text, empty, place in zip(texts, table["trial"].isna(), table[_PLACE], strict=True):
        if empty or not text.strip():
            raise UserError(f"{place}: found no trial, expected its number or name; fill it in")
    numbers = all(text.isascii() and text.isdecimal() and str(int(text[:16])) == text for text in texts)
    return [int(text) for text in texts] if numbers else texts


def _numbers(table: pd.DataFrame, name: str, whole: bool = True) -> np.ndarray:
    said = table[name]
    values = pd.to_numeric(said.where(~said.isin(ABSENT), np.nan), errors="coerce").to_numpy(float)
    is_nan = said.astype(str).str.strip().str.lower().eq("nan").to_numpy()
    unread = np.isnan(values) & said.notna().to_numpy() & ~said.isin(ABSENT).to_numpy() & ~is_nan
    wrong = (~np.isfinite(values) | (values % 1 != 0) | (values < 0) | (values > LARGEST)) if whole else unread
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        expected = "a whole number from 0" if whole else "a number"
        raise UserError(f"{table[_PLACE].iloc[first]}: found {name} {_shown(said.iloc[first])}, expected {expected}; correct it")
    return values.astype(int) if whole else np.array([measurement(value) for value in values.tolist()])


def _shown(value: object) -> str:
    """Give a value as it stands in the table; a word in quotes."""
    try:
        float(str(value))
    except ValueError:
        return repr(value)
    return str(value)
