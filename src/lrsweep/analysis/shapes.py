"""The shape of a loss curve in three numbers: flatness in warm-up, the steepest drop, and the convexity after it."""

from typing import Any

import numpy as np
import pandas as pd

from lrsweep.search.trial import COMPLETE
from lrsweep.space import Budget

Row = dict[str, Any]

ROUNDING = 1e-9  # of a convexity of exactly 1


def describe_shapes(trials: pd.DataFrame, evals: pd.DataFrame, budget: Budget) -> list[Row]:
    """Give the rows of `shapes`: the complete trials, best first. Where the study varies the warm-up, each trial's own counts."""
    best = trials[trials["state"] == COMPLETE].sort_values(["final_loss_nats", "trial"])
    curves = dict(iter(evals.sort_values("step").groupby("trial")))
    warmups = best["warmup_steps"] if "warmup_steps" in best else [budget.warmup_steps] * len(best)
    rows = []
    for rank, (row, warmup) in enumerate(zip(best.itertuples(), warmups, strict=True), start=1):
        steps, losses = (curves[row.trial][name].to_numpy(float) for name in ("step", "loss_nats"))
        final = float(row.final_loss_nats)
        rows.append({"trial": int(row.trial), "rank": rank, "final_loss_nats": final, **shape(steps, losses, int(warmup))})
    return rows


def shape(steps: np.ndarray, losses_nats: np.ndarray, warmup_steps: int) -> Row:
    """Measure the shape of one curve, linear between its evals; L is the loss, S the last step, W the end of warm-up.

    warmup_flatness: 1 - (L(0) - L(W)) / (L(0) - L(S)), the share of the whole drop that comes after warm-up; 1 is flat.
    It is None for a curve whose second eval comes after W, of which nothing is known in warm-up.
    steepest_nats_per_step, steepest_step: the greatest drop between two neighbouring evals, and the middle between them.
    convexity: from m, the later of these two evals, to S, twice the area between chord and curve over the area of their box,
    2 ∫ (chord - L) ds / ((S - m) (L(m) - L(S))): 1 where the whole drop comes right after m, 0 on a line, -1 where it comes at S.

    A number is None where it is not defined: without a drop, or with the steepest drop at the very end. A curve that leaves the
    box so far that the convexity were beyond -1 or 1 has none either, since its number is no share of the box.
    """
    whole = losses_nats[0] - losses_nats[-1]
    flatness = None
    if whole > 0 and len(steps) > 1 and steps[1] <= warmup_steps:
        flatness = 1 - float((losses_nats[0] - np.interp(warmup_steps, steps, losses_nats)) / whole)
    if len(steps) < 2:
        return {"warmup_flatness": flatness, "steepest_nats_per_step": None, "steepest_step": None, "convexity": None}
    drops = -np.diff(losses_nats) / np.diff(steps)
    at = int(np.argmax(drops))
    rest, after = steps[at + 1 :], losses_nats[at + 1 :]
    convexity = None
    if len(rest) > 1 and after[0] > after[-1]:
        box = (rest[-1] - rest[0]) * (after[0] - after[-1])
        chord = (rest[-1] - rest[0]) * (after[0] + after[-1]) / 2
        found = float(2 * (chord - np.trapezoid(after, rest)) / box)
        convexity = found if abs(found) <= 1 + ROUNDING else None
    return {
        "warmup_flatness": flatness,
        "steepest_nats_per_step": float(drops[at]),
        "steepest_step": float(steps[at] + steps[at + 1]) / 2,
        "convexity": convexity,
    }
