"""Stopping rules replayed over known whole curves, one trial after another in random orders: what each would have cost.

`known` is a table of trials with their final losses, `curves` has the evals of the same trials with every metric.
"""

from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lrsweep.search import metric
from lrsweep.search.settings import Stopping
from lrsweep.search.stopping import judge, threshold
from lrsweep.search.trial import COMPLETE
from lrsweep.seeding import generator

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
Rule = Callable[[float, float, list[float], int, float], bool]

COLUMNS = {name: name if name == "m_u" else f"{name}_nats" for name in metric.NAMES}


def values_at(evals: "pd.DataFrame", name: str, rung: int) -> dict[int, float]:
    """Give the metric at a rung for every trial that reached it and has it."""
    rows = evals[(evals["step"] == rung) & evals[COLUMNS[name]].notna()]
    return dict(zip(rows["trial"].tolist(), rows[COLUMNS[name]].tolist(), strict=True))


def finals(known: "pd.DataFrame") -> dict[int, float]:
    """Give the final loss, in nats, of every complete trial."""
    rows = known[known["state"] == COMPLETE]
    return dict(zip(rows["trial"].tolist(), rows["final_loss_nats"].tolist(), strict=True))


# Each rule: (value at the rung, least value up to it, sorted values of the earlier trials that reached it, eta, slack) -> stops.
# A trial never stops where no other has reached the rung.
def _ours(value: float, least: float, earlier: list[float], eta: int, slack: float) -> bool:
    """Judge as the study does: as `strict`, with the study's slack."""
    return judge(value, earlier, eta, slack).stopped


def _strict(value: float, least: float, earlier: list[float], eta: int, slack: float) -> bool:
    """Judge as W&B's Hyperband with strict: true (sweeps 0.3.0, hyperband_stopping.py)."""
    return judge(value, earlier, eta).stopped


def _not_strict(value: float, least: float, earlier: list[float], eta: int, slack: float) -> bool:
    """Judge as W&B's Hyperband does by default: compare the trial's least value so far with the same threshold."""
    return least > threshold([*earlier, value], eta)


def _successive_halving(value: float, least: float, earlier: list[float], eta: int, slack: float) -> bool:
    """Judge as Optuna's SuccessiveHalvingPruner: of n trials, this one included, the best n // eta go on, and at least one."""
    return value > sorted([*earlier, value])[max(1, (len(earlier) + 1) // eta) - 1]


def _median(value: float, least: float, earlier: list[float], eta: int, slack: float) -> bool:
    """Stop what is worse than the median of the earlier trials' values at the rung."""
    middle = len(earlier) // 2
    return bool(earlier) and value > (earlier[middle] + earlier[~middle]) / 2


RULES: Mapping[str, Rule] = {
    "ours": _ours,
    "strict": _strict,
    "not_strict": _not_strict,
    "successive_halving": _successive_halving,
    "median": _median,
}


def replay(
    known: "pd.DataFrame", curves: "pd.DataFrame", rungs: Sequence[int], stopping: Stopping, orders: int, seed: int
) -> list[Row]:
    """Give the rows of `replay`: each rule with each metric over the known whole curves, in random orders of the trials.

    A trial is compared with the earlier trials of its order that reached the rung, also where they stopped there. A metric is
    left out where it is not defined for every trial at every rung. There is no first block. The rule `none` stops no trial.
    """
    final = finals(known)
    if not final or orders < 1:
        return []
    names = sorted(final)
    ends = [final[trial] for trial in names]
    lengths = known.set_index("trial").loc[names, "steps"].tolist()
    shuffled = [generator(seed, "assess/replay", order).permutation(len(names)).tolist() for order in range(orders)]
    whole = {"steps": int(sum(lengths)), "best_loss_nats": min(ends), "stopped": 0}
    rows = [{"rule": "none", "metric": "none", "order": order, **whole} for order in range(orders)]
    for name in metric.NAMES:
        points = _points(curves, name, names, rungs)
        if points is None:
            continue
        for rule, stops in RULES.items():
            for order, sequence in enumerate(shuffled):
                trained = _replay_one(sequence, points, rungs, lengths, stops, stopping)
                kept = [end for end, length, full in zip(ends, trained, lengths, strict=True) if length == full]
                counts = {"steps": int(sum(trained)), "best_loss_nats": min(kept), "stopped": len(ends) - len(kept)}
                rows.append({"rule": rule, "metric": name, "order": order, **counts})
    return rows


def _points(curves: "pd.DataFrame", name: str, trials: list[int], rungs: Sequence[int]) -> list[list[tuple]] | None:
    """Give for each rung and trial the metric there, and its least value up to there; None where one is missing."""
    column, rows = COLUMNS[name], []
    for rung in rungs:
        values, until = values_at(curves, name, rung), curves[(curves["step"] <= rung) & (curves["step"] > 0)]
        if not set(trials) <= set(values):
            return None
        least = until.groupby("trial")[column].min().to_dict()
        rows.append([(values[trial], least[trial]) for trial in trials])
    return rows


def _replay_one(
    sequence: list[int], points: list[list[tuple]], rungs: Sequence[int], lengths: list[int], stops: Rule, stopping: Stopping
):
    """Give the steps that each trial is trained when they come in this sequence."""
    earlier: list[list[float]] = [[] for _ in rungs]
    trained = list(lengths)
    for i in sequence:
        for level, rung in enumerate(rungs):
            value, least = points[level][i]
            stopped = stops(value, least, earlier[level], stopping.eta, stopping.slack)
            insort(earlier[level], value)
            if stopped:
                trained[i] = min(int(rung), lengths[i])  # a trial that diverged has ended before
                break
    return trained


def summarize_replay(rows: list[Row]) -> list[Row]:
    """Summarize each rule with each metric over the orders: steps, trials stopped, and the loss that stopping cost."""
    best = min((row["best_loss_nats"] for row in rows if row["rule"] == "none"), default=None)
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["rule"], row["metric"]), []).append(row)
    return [
        {
            "rule": rule,
            "metric": name,
            "orders": len(group),
            "median_steps": float(np.median([row["steps"] for row in group])),
            "median_stopped": float(np.median([row["stopped"] for row in group])),
            "median_best_loss_nats": float(np.median([row["best_loss_nats"] for row in group])),
            "median_cost_nats": float(np.median([row["best_loss_nats"] - best for row in group])),
            "mean_cost_nats": float(np.mean([row["best_loss_nats"] - best for row in group])),
            "kept_best_share": float(np.mean([row["best_loss_nats"] == best for row in group])),
        }
        for (rule, name), group in groups.items()
    ]
