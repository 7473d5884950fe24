"""law: the best LR for a target, from a table of runs that somebody already has."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lrsweep.analysis.law import Law, Proxy, law_of
from lrsweep.analysis.profile import FEWEST, Run, are_enough, profile_of
from lrsweep.errors import UserError
from lrsweep.logs import csvfile
from lrsweep.logs.measurement import measurement

SEED = 0  # of the draws behind the intervals
LEAST, MOST = 1e-60, 1e60  # of LRs and sizes: far beyond what anyone trains, and their powers are numbers
EMPTY = ("", "nan", "none", "null")  # what stands for no number


def run(path: Path, targets: Sequence[str]) -> Law:
    """Fit the law to a table with columns lr, loss and those of the targets, each written as NAME=VALUE, and ask it for these.

    Runs that agree in the targets' columns are one profile, and no other column matters. A loss that is empty, NaN or infinite is
    of a run that diverged.

    Raises:
        UserError: the file, a column, a number or a target is wrong, or no two profiles of at least FEWEST LRs differ in size.
    """
    target = targets_of(targets)
    runs = read(path, tuple(target))
    proxies, left_out = proxies_of(runs, tuple(target))
    if not proxies:
        raise UserError(
            f"{path}: found no {', '.join(target)} with {FEWEST} LRs that did not diverge, expected {FEWEST} or more LRs of each"
            " size; add runs, or name fewer targets"
        )
    if len({tuple(proxy.sizes.values()) for proxy in proxies}) == 1:
        found = ", ".join(f"{name} {value:g}" for name, value in proxies[0].sizes.items())
        raise UserError(f"{path}: found one size, {found}, with {FEWEST} LRs, expected at least two; add runs of another size")
    return law_of(proxies, target, SEED, left_out)


def targets_of(words: Sequence[str]) -> dict[str, float]:
    """Read targets from NAME=VALUE."""
    found: dict[str, float] = {}
    for word in words:
        name, equals, text = word.partition("=")
        value = _number(text)
        if not (name and equals and LEAST <= value <= MOST):
            expected = f"NAME=VALUE with a positive number, as D=2e10, from {LEAST:g} to {MOST:g}"
            raise UserError(f"--target: found {word!r}, expected {expected}; correct it")
        if name in ("lr", "loss", *found):
            raise UserError(f"--target: found {word!r}, expected each size once, and not lr or loss; remove it")
        found[name] = value
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def read(path: Path, sizes: Sequence[str]) -> pd.DataFrame:
    """Read lr, loss and the sizes as numbers, the loss infinite where the run diverged. Our own tables call it final_loss_nats.

    Raises:
        UserError: the file is missing or not a table, a column is missing, or a number is wrong; it names the line.
    """
    table = _table(path)
    if "loss" not in table.columns:
        table = table.rename(columns={"final_loss_nats": "loss"})
    if missing := [name for name in ("lr", "loss", *sizes) if name not in table.columns]:
        found = ", ".join(map(str, table.columns))
        raise UserError(f"{path}: found columns {found}, expected also {', '.join(missing)}; rename or add them")
    if twice := [name for name in ("lr", "loss", *sizes) if list(table.columns).count(name) > 1]:
        raise UserError(f"{path}: found column {twice[0]} more than once, expected each once; remove one")
    if table.empty:
        raise UserError(f"{path}: found no rows, expected a run in each; export the runs")
    numbers = {name: pd.to_numeric(table[name], errors="coerce") for name in ("lr", "loss", *sizes)}
    for name, values in numbers.items():
        text = values.isna() & table[name].notna()
        wrong = text | (values <= 0) if name == "loss" else ~((values >= LEAST) & (values <= MOST))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            usual = f"a positive number, from {LEAST:g} to {MOST:g}"
            expected = "a positive number, or nothing for a run that diverged" if name == "loss" else usual
            place = f"row {row + 1}" if path.suffix == ".parquet" else f"line {int(table.index[row]) + 2}"
            shown = "nothing" if pd.isna(table[name].iloc[row]) else repr(table[name].tolist()[row])
            raise UserError(f"{path}: {place}: found {name} {shown}, expected {expected}; correct it")
    runs = pd.DataFrame(numbers).fillna({"loss": np.inf})
    return runs.assign(loss=runs["loss"].map(measurement))


def _table(path: Path) -> pd.DataFrame:
    """Read CSV as programs write it, or parquet; the index counts the lines of the file, from 2 where it begins with names."""
    if not path.exists():
        raise UserError(f"{path}: no such file, expected a CSV or parquet table; correct the path")
    if path.suffix != ".parquet":
        found = csvfile.read(path)
        if not found.columns:
            raise UserError(f"{path}: found no table but an empty file, expected CSV or parquet; export it again")
        rows = [[None if cell.strip().lower() in EMPTY else cell.strip() for cell in cells] for _, cells in found.lines]
        numbers = [int(place.rpartition(" ")[2]) - 2 for place, _ in found.lines]
        return pd.DataFrame(rows, index=numbers, columns=[name.strip() for name in found.columns], dtype=object)
    try:
        return pd.read_parquet(path)
    except Exception as error:  # arrow raises many kinds for what is not a table
        said = " ".join(str(error).split())
        raise UserError(f"{path}: found no table ({said}), expected CSV or parquet; export it again") from None


def proxies_of(runs: pd.DataFrame, names: Sequence[str]) -> tuple[list[Proxy], int]:
    """Give a profile for each size that has FEWEST LRs of runs that did not diverge, and the number of sizes that have not."""
    proxies, left_out = [], 0
    for key, its in runs.groupby(list(names)):
        pairs = zip(its["lr"].tolist(), its["loss"].tolist(), strict=True)
        tried = [Run(lr, seed, loss if np.isfinite(loss) else None) for seed, (lr, loss) in enumerate(pairs)]
        if not are_enough(tried):
            left_out += 1
            continue
        proxies.append(Proxy(dict(zip(names, map(float, key), strict=True)), profile_of(tried, SEED)))
    return proxies, left_out


def described(law: Law) -> Mapping[str, object]:
    """Give the answer as JSON has it: lr, low, high, band, exponents, and how far to trust them."""
    return {
        "target": law.target,
        "lr": law.lr.value,
        "low": law.lr.low,
        "high": law.lr.high,
        "band": list(law.band),
        "exponents": {name: vars(found) for name, found in law.exponents.items()},
        "roles": law.roles,
        "followed": law.followed,
        "profiles": len(law.proxies),
        "scatter": law.scatter,
        "nearest": {**law.nearest.sizes, "lr": law.nearest.profile.lr.value},
        "warnings": list(law.warnings),
    }
