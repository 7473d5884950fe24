"""rules: replay stopping rules over a user's own curves, a table of trial, step and loss."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lrsweep.errors import UserError
from lrsweep.logs import curves
from lrsweep.search.metric import components
from lrsweep.search.replaying import COLUMNS, replay, summarize_replay
from lrsweep.search.settings import Metric, Stopping
from lrsweep.search.trial import COMPLETE

SHOWN = 8  # trials in a line


def run(
    path: Path, rungs: Sequence[int], stopping: Stopping, orders: int, metric: Metric, seed: int
) -> tuple[list[dict[str, Any]], str]:
    """Give the summary of the replay, a row for each rule and metric, and a line on what was used, left out or diverged.

    The table is as in logs.curves; for M_u it has lr, the learning rate of the step. Trials without a loss at a rung or at the
    last step of the table are left out, since nobody knows how they would have gone on. A trial whose losses are not finite up
    to its end has diverged: it is trained up to there, and it is the worst at every rung from there on and at the end.

    Raises:
        UserError: the table is wrong (logs.curves), a rung is not at an eval, or fewer than two trials are whole.
    """
    table = curves.read(path)
    end = int(table["step"].max())
    known = sorted({int(step) for step in table["step"]})
    for rung in rungs:
        if rung not in known or not 0 < rung < end:
            inside = _list([step for step in known if 0 < step < end])
            remedy = f": {inside}; name some of these" if inside else ", and there are none; export more evals"
            raise UserError(f"--rungs: found {rung}, expected steps that the table has evals at, before its end{remedy}")
    trials = {trial: _Curve(part, rungs, end) for trial, part in table.groupby("trial")}
    left_out = {trial: one.missing for trial, one in trials.items() if one.missing}
    kept = {trial: one for trial, one in trials.items() if not one.missing}
    finite = [trial for trial, one in kept.items() if one.diverged is None]
    without = f"; left out: {_list([f'trial {trial} ({why})' for trial, why in left_out.items()])}" if left_out else ""
    if len(kept) < 2 or not finite:
        found = f"{len(kept)} whole trials of {end} steps, {len(finite)} of them with a finite loss"
        raise UserError(f"{path}: found {found}, expected at least 2 and 1{without}; export whole trials")
    ends = [{"trial": trial, "state": COMPLETE, "steps": one.steps, "final_loss_nats": one.final} for trial, one in kept.items()]
    measured = pd.concat([_measured(trial, one, metric) for trial, one in kept.items()], ignore_index=True)
    rows = summarize_replay(replay(pd.DataFrame(ends), measured, rungs, stopping, orders, seed))
    lost = [f"trial {trial} at step {one.diverged}" for trial, one in kept.items() if one.diverged is not None]
    diverged = f"; diverged, the worst from there on: {_list(lost)}" if lost else ""
    return rows, f"{len(kept)} trials of {end} steps in {orders} random orders{diverged}; {len(left_out)} left out{without[10:]}"


class _Curve:
    """The curve of a trial: its finite part, where it diverged, and what is missing of it."""

    def __init__(self, part: pd.DataFrame, rungs: Sequence[int], end: int) -> None:
        seen = part[part["logged"]]
        finite = np.isfinite(seen["loss"].to_numpy())
        last = int(np.flatnonzero(finite)[-1]) if finite.any() else -1
        self.diverged = int(seen["step"].iloc[last + 1]) if last + 1 < len(seen) else None
        self.rows = seen[finite]
        self.steps = end if self.diverged is None else self.diverged
        at = set(self.rows["step"])
        absent = [step for step in (*rungs, end) if step not in at and (self.diverged is None or step < self.diverged)]
        self.missing = f"no finite loss at step {absent[0]}" if absent else None
        self.final = float("inf") if self.diverged is not None else float("nan") if absent else float(seen["loss"].iloc[-1])
        self.lost = [step for step in (*rungs, end) if self.diverged is not None and step >= self.diverged]


def _measured(trial: int | str, curve: _Curve, metric: Metric) -> pd.DataFrame:
    """Give a curve with every metric at each eval, infinite where it has diverged; M_u is undefined without learning rates."""
    part = curve.rows
    known = part["lr"].notna().all() and len(part)
    rows = components(part["lr"].tolist(), part["loss"].tolist(), float(part["lr"].max()), metric)
    values = {
        column: [*(row.value(name) for row in rows), *(np.inf for _ in curve.lost)]
        for name, column in COLUMNS.items()
        if known or name != "m_u"
    }
    steps = [*part["step"].tolist(), *curve.lost]
    return pd.DataFrame({"trial": trial, "step": steps, "m_u": np.nan, **values}).astype(dict.fromkeys(values, float))


def _list(items: Sequence[Any]) -> str:
    shown = list(map(str, items))
    return ", ".join(shown) if len(shown) <= 12 else f"{', '.join(shown[:SHOWN])}, … {shown[-1]}"
