"""Does the metric work: what pruning cost, how early values rank trials, and what other rules would have done."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lrsweep import artifacts
from lrsweep.metric import NAMES
from lrsweep.params import Assess, SweepBayes
from lrsweep.pruning import threshold
from lrsweep.seeding import generator

Row = dict[str, Any]
COLUMNS = {"loss": "loss_nats", "trailing_mean": "trailing_mean_nats", "minimum": "minimum_nats", "m_u": "m_u"}
GOOD_SHARE = 0.1  # the best tenth is what no rule should stop


def audit_sample(trials: pd.DataFrame, section: Assess, seed: int) -> list[int]:
    """The pruned trials that are trained to their end: a random sample, from the seed."""
    pruned = sorted(trials.loc[trials["state"] == artifacts.PRUNED, "trial"].tolist())
    order = generator(seed, "assess/audit").permutation(len(pruned))
    return sorted(int(pruned[i]) for i in order[: section.audit_trials])


def audit(trials: pd.DataFrame, audited: pd.DataFrame, study: SweepBayes) -> Row:
    """How often the rule stopped a trial of the best tenth, the loss that this cost, and the steps that it saved.

    Each audited trial stands for as many pruned ones as were not audited; the interval is that of Clopper and Pearson (1934).
    """
    complete = trials.loc[trials["state"] == artifacts.COMPLETE, "final_loss_nats"].to_numpy(dtype=float)
    pruned = trials[trials["state"] == artifacts.PRUNED]
    losses = audited["final_loss_nats"].dropna().to_numpy(dtype=float)
    saved = int((study.steps - pruned["steps"]).sum())
    weights = np.concatenate([np.ones(len(complete)), np.full(len(losses), len(pruned) / max(1, len(losses)))])
    limit = _weighted_quantile(np.concatenate([complete, losses]), weights, GOOD_SHARE) if len(weights) else None
    missed = int((losses <= limit).sum()) if limit is not None else 0
    n = len(audited)
    return {
        "audited": n,
        "pruned": len(pruned),
        "missed": missed,
        "missed_share": missed / n if n else None,
        "missed_low": float(stats.beta.ppf(0.025, missed, n - missed + 1)) if missed else (0.0 if n else None),
        "missed_high": float(stats.beta.ppf(0.975, missed + 1, n - missed)) if missed < n else (1.0 if n else None),
        "best_tenth_nats": limit,
        "cost_nats": float(max(0.0, complete.min() - losses.min())) if len(complete) and len(losses) else None,
        "steps_trained": int(trials["steps"].sum()),
        "steps_saved": saved,
        "steps_saved_share": saved / (len(trials) * study.steps),
    }


def correlations(finals: pd.Series, evals: pd.DataFrame, study: SweepBayes, section: Assess, seed: int) -> list[Row]:
    """Rank correlation of each metric at each rung with the final loss, with bootstrap intervals over trials.

    Args:
        finals: final loss in nats by trial, of complete and audited trials.
        evals: their evals, from the first to the last.
    """
    rows = []
    for metric in NAMES:
        for rung in study.rungs:
            at_rung = evals[evals["step"] == rung].set_index("trial")[COLUMNS[metric]].reindex(finals.index).to_numpy(dtype=float)
            known = np.isfinite(at_rung)
            row: Row = {"metric": metric, "rung": rung, "n": int(known.sum())}
            rng = generator(seed, f"assess/{metric}", rung)
            for name, function in (("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
                row |= _interval(name, function, at_rung[known], finals.to_numpy(dtype=float)[known], section.bootstrap, rng)
            rows.append(row)
    return rows


def halves(trials: pd.DataFrame, evals: pd.DataFrame, study: SweepBayes) -> list[Row]:
    """The write-up's view: of those above and below the median of loss and of M_u at each rung, how many survived."""
    survivors = set(trials.loc[trials["state"] == artifacts.COMPLETE, "trial"])
    rows = []
    for metric in ("loss", "m_u"):
        for rung in study.rungs:
            values = evals[evals["step"] == rung].set_index("trial")[COLUMNS[metric]].dropna()
            for side, part in (("below", values[values <= values.median()]), ("above", values[values > values.median()])):
                kept = len(survivors & set(part.index))
                rows.append({"metric": metric, "rung": rung, "median": side, "trials": len(part), "survived": kept})
    return rows


def replay(finals: pd.Series, evals: pd.DataFrame, study: SweepBayes, section: Assess, seed: int) -> list[Row]:
    """Each rule with each metric over recorded whole curves in random orders: steps trained, and the best loss that was kept."""
    if finals.empty:
        return []
    losses = finals.to_numpy(dtype=float)
    rows = []
    for metric in NAMES:
        table = evals.pivot(index="trial", columns="step", values=COLUMNS[metric]).reindex(finals.index)
        values = table.reindex(columns=list(study.rungs)).to_numpy(dtype=float)
        if not np.isfinite(values).any():
            continue
        for rule, stops in RULES.items():
            for order in range(section.orders):
                sequence = generator(seed, "assess/replay", order).permutation(len(losses))
                rows.append({"rule": rule, "metric": metric, "order": order, **_run(sequence, values, losses, study, stops)})
    return rows


def negative_rungs(rows: Sequence[Row], metric: str) -> list[int]:
    """The rungs at which the steering metric ranks trials the wrong way round."""
    return [row["rung"] for row in rows if row["metric"] == metric and row["spearman"] is not None and row["spearman"] < 0]


def _hyperband(value: float, seen: list[float], eta: int) -> bool:
    return bool(seen) and value > threshold([*seen, value], eta)


def _median(value: float, seen: list[float], eta: int) -> bool:
    return bool(seen) and value > float(np.median(seen))


def _successive_halving(value: float, seen: list[float], eta: int) -> bool:
    """Optuna's asynchronous form: goes on while among the best 1/eta of those at the rung, itself included."""
    ranked = sorted([*seen, value])
    return value > ranked[max(1, len(ranked) // eta) - 1]


RULES: dict[str, Callable[[float, list[float], int], bool]] = {
    "none": lambda value, seen, eta: False,
    "hyperband": _hyperband,
    "median": _median,
    "successive_halving": _successive_halving,
}


def _run(
    sequence: np.ndarray,
    values: np.ndarray,
    losses: np.ndarray,
    study: SweepBayes,
    stops: Callable[[float, list[float], int], bool],
) -> Row:
    seen: list[list[float]] = [[] for _ in study.rungs]
    steps, stopped, best = 0, 0, float("inf")
    for trial in sequence:
        end = study.steps
        for level, rung in enumerate(study.rungs):
            value = values[trial, level]
            if not np.isfinite(value):
                continue
            stop = stops(value, seen[level], study.stopping.eta)
            seen[level].append(value)
            if stop:
                end = rung
                break
        steps += end
        if end == study.steps:
            best = min(best, losses[trial])
        else:
            stopped += 1
    return {"steps": steps, "best_loss_nats": best, "stopped": stopped}


def _interval(name: str, function: Any, x: np.ndarray, y: np.ndarray, n: int, rng: np.random.Generator) -> Row:
    """The statistic with its 2.5 and 97.5 % bootstrap quantiles; None where it is not defined."""
    missing = {name: None, f"{name}_low": None, f"{name}_high": None}
    if len(set(x.tolist())) < 2 or len(set(y.tolist())) < 2:
        return missing
    found = []
    for _ in range(n):
        draw = rng.integers(0, len(x), len(x))
        if len(set(x[draw].tolist())) > 1 and len(set(y[draw].tolist())) > 1:
            found.append(float(function(x[draw], y[draw]).statistic))
    low, high = np.quantile(found, [0.025, 0.975]) if found else (np.nan, np.nan)
    bounds = {f"{name}_low": float(low), f"{name}_high": float(high)} if found else {f"{name}_low": None, f"{name}_high": None}
    return {name: float(function(x, y).statistic), **bounds}


def _weighted_quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    order = np.argsort(values, kind="stable")
    total = weights[order].cumsum()
    return float(values[order][np.searchsorted(total, share * total[-1])])
