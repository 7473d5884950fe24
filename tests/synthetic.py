"""Small made-up tables for the tests of the figures and of the report."""

import numpy as np
import pandas as pd

from lrsweep.artifacts import COMPLETE, DIVERGED, PRUNED, TABLES

RUNGS = (40, 80, 160)


def empty(name: str) -> pd.DataFrame:
    """The table `name` without a row."""
    return pd.DataFrame({column.rstrip("?"): [] for column in TABLES[name]})


def tables(n: int = 12) -> dict[str, pd.DataFrame]:
    """Every table that the figures and the report read, of a study of n trials."""
    rng = np.random.default_rng(0)
    lrs = np.geomspace(1e-3, 0.1, n)
    states = [DIVERGED if k == n - 1 else PRUNED if k % 3 else COMPLETE for k in range(n)]
    lengths = [{COMPLETE: 300, PRUNED: RUNGS[k % 3], DIVERGED: 30}[state] for k, state in enumerate(states)]
    trials, evals, rungs = [], [], []
    for k, (lr, state, steps) in enumerate(zip(lrs, states, lengths, strict=True)):
        level = 2 + (np.log(lr) - np.log(0.01)) ** 2 / 10
        losses = [level + 4 * np.exp(-step / 60) for step in range(0, steps + 1, 10)]
        evals += [{"trial": k, "step": 10 * i, "loss_nats": loss} for i, loss in enumerate(losses)]
        final = losses[-1] if state == COMPLETE else None
        trial = {"trial": k, "state": state, "steps": steps, "lr": lr, "beta2": 0.97, "weight_decay": 0.01, "seed": k}
        trials.append({**trial, "last_loss_nats": losses[-1], "final_loss_nats": final, "metric": losses[-1], "m_u": 1.0})
        for rung in [r for r in RUNGS if r <= steps and state != DIVERGED]:
            stopped = state == PRUNED and rung == steps
            rungs.append({"trial": k, "rung": rung, "value": level, "references": 5, "threshold": 3.0, "stopped": stopped})
    bins = [
        {"stage": stage, "lr_low": lr, "lr_high": 1.5 * lr, "n_steps": 9, "grad_norm_p05": lr * 50, "grad_norm_p50": lr * 99,
         "grad_norm_p95": lr * 300, "spike_rate": 0.1}
        for stage in ("warm-up", "decay") for lr in np.geomspace(1e-4, 0.1, 9)
    ]  # fmt: skip
    correlations = [
        {"metric": metric, "rung": rung, "n": 8, "spearman": value, "spearman_low": value - 0.1, "spearman_high": value + 0.1,
         "kendall": value / 2, "kendall_low": 0.0, "kendall_high": 0.5}
        for metric, value in (("loss", 0.8), ("m_u", -0.7)) for rung in RUNGS
    ]  # fmt: skip
    replay = [
        {"rule": rule, "metric": metric, "order": order, "steps": 1000 + 10 * order, "best_loss_nats": 2.0 + 0.1 * order, "stopped": 3}
        for rule in ("none", "hyperband") for metric in ("loss", "m_u") for order in range(3)
    ]  # fmt: skip
    replicates = [
        {"replicate": 3 * c + s, "candidate": c, "trial": None if c == 0 else c, "lr": 0.012, "beta2": 0.97, "weight_decay": 0.01,
         "seed": s, "state": COMPLETE, "final_loss_nats": 2.5 - 0.1 * c + 0.01 * s}
        for c in range(3) for s in range(3)
    ]  # fmt: skip
    survivors = [k for k, state in enumerate(states) if state == COMPLETE]
    assignments = [{"trial": k, "cluster": i % 2, "silhouette": 0.5} for i, k in enumerate(survivors)]
    final_evals = [{"step": step, "lr": 0.01, "loss_nats": 6 * np.exp(-step / 50)} for step in range(0, 101, 20)]
    final_steps = [
        {"step": step, "lr": 0.01, "loss_nats": 6 * np.exp(-step / 50) + 0.1 * rng.random(), "grad_norm": 1.0}
        for step in range(1, 101)
    ]
    rows = {
        "trials": trials, "evals": evals, "rungs": rungs, "bins": bins, "correlations": correlations, "replay": replay,
        "replicates": replicates, "assignments": assignments, "final_evals": final_evals, "final_steps": final_steps,
    }  # fmt: skip
    return {name: pd.DataFrame(table, columns=[column.rstrip("?") for column in TABLES[name]]) for name, table in rows.items()}
