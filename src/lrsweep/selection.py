"""The choice: the study's best few and the default, trained again over seeds; the best mean is chosen."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lrsweep import artifacts
from lrsweep.params import Select, SweepBayes

Row = dict[str, Any]
NAMES = ("lr", "beta2", "weight_decay")
BORDER_SHARE = 0.05  # of a range, on its scale: nearer than this to an end is at the border


def candidates(trials: pd.DataFrame, section: Select) -> list[Row]:
    """Candidate 0 is the default; then the best COMPLETE trials by final loss, ties to the lower number."""
    complete = trials[trials["state"] == artifacts.COMPLETE].sort_values(["final_loss_nats", "trial"])
    best = complete.head(section.candidates).to_dict("records")
    studied = [{"trial": int(row["trial"]), **{name: float(row[name]) for name in NAMES}} for row in best]
    return [{"trial": None, **section.default.model_dump()}, *studied]


def choose(replicates: pd.DataFrame, trials: pd.DataFrame, section: Select, study: SweepBayes, lr_range: Row) -> Row:
    """What choice.json says: means with 95 % t intervals, differences to the default with Welch's, and the chosen one."""
    known = candidates(trials, section)
    losses = {c: _losses(replicates, c) for c in range(len(known))}
    rows = [_candidate_row(c, known[c], losses, section.seeds, trials) for c in range(len(known))]
    usable = [row for row in rows if row["mean_loss_nats"] is not None and row["diverged"] == 0]
    chosen = min(usable, key=lambda row: (row["mean_loss_nats"], row["candidate"]), default=rows[0])
    equal = [row for row in usable if row is not chosen and _within_noise(losses[row["candidate"]], losses[chosen["candidate"]])]
    spreads = [np.var(values, ddof=1) for values in losses.values() if len(values) > 1]
    selected = {name: chosen[name] for name in NAMES}
    default = section.default.model_dump()
    by_lr = sorted(equal, key=lambda row: row["lr"])
    return {
        "selected": selected,
        "default": default,
        "selected_candidate": chosen["candidate"],
        "selected_trial": chosen["trial"],
        "table": [{"hyperparameter": name, "default": default[name], "selected": selected[name]} for name in NAMES],
        "candidates": rows,
        "noise_sd_nats": float(np.sqrt(np.mean(spreads))) if spreads else None,
        "luck_of_the_best_nats": rows[1]["luck_nats"] if len(rows) > 1 else None,
        "within_noise": [row["candidate"] for row in equal],
        "lower_lr": by_lr[0]["candidate"] if by_lr and by_lr[0]["lr"] < chosen["lr"] else None,
        "higher_lr": by_lr[-1]["candidate"] if by_lr and by_lr[-1]["lr"] > chosen["lr"] else None,
        "borders": _borders(chosen, study, lr_range),
        "message": None if usable else "Every repeated training diverged; the default is taken: lower the LR range.",
    }


def _losses(replicates: pd.DataFrame, candidate: int) -> np.ndarray:
    own = replicates[replicates["candidate"] == candidate]
    return own["final_loss_nats"].dropna().to_numpy(dtype=float)


def _candidate_row(number: int, known: Row, losses: dict[int, np.ndarray], seeds: int, trials: pd.DataFrame) -> Row:
    own = losses[number]
    low, high = _mean_interval(own)
    less, least, most = _difference(own, losses[0]) if number else (None, None, None)
    observed = None if known["trial"] is None else float(trials.loc[trials["trial"] == known["trial"], "final_loss_nats"].iloc[0])
    mean = float(own.mean()) if len(own) else None
    return {
        "candidate": number,
        "name": "default" if number == 0 else f"trial {known['trial']}",
        **known,
        "runs": seeds,
        "diverged": seeds - len(own),
        "mean_loss_nats": mean,
        "low_nats": low,
        "high_nats": high,
        "to_default_nats": less,
        "to_default_low_nats": least,
        "to_default_high_nats": most,
        "study_loss_nats": observed,
        "luck_nats": None if observed is None or mean is None else mean - observed,
    }


def _mean_interval(values: np.ndarray) -> tuple[float | None, float | None]:
    if len(values) < 2:
        return None, None
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def _difference(values: np.ndarray, others: np.ndarray) -> tuple[float | None, float | None, float | None]:
    """Difference of the means and Welch's 95 % interval (Welch 1947)."""
    if len(values) < 2 or len(others) < 2:
        return None, None, None
    a, b = values.var(ddof=1) / len(values), others.var(ddof=1) / len(others)
    difference = float(values.mean() - others.mean())
    if a + b == 0:
        return difference, difference, difference
    freedom = (a + b) ** 2 / (a**2 / (len(values) - 1) + b**2 / (len(others) - 1))
    half = float(stats.t.ppf(0.975, freedom) * np.sqrt(a + b))
    return difference, difference - half, difference + half


def _within_noise(values: np.ndarray, chosen: np.ndarray) -> bool:
    _, low, high = _difference(values, chosen)
    return low is None or high is None or low <= 0 <= high


def _borders(chosen: Row, study: SweepBayes, lr_range: Row) -> list[Row]:
    """The chosen values that lie at an end of their range, with a range to try."""
    ranges = {"lr": lr_range, "beta2": study.beta2.model_dump(), "weight_decay": study.weight_decay.model_dump()}
    found = []
    for name, r in ranges.items() if chosen["trial"] is not None else ():
        low, high, value = (np.log(x) if r["scale"] == "log" else x for x in (r["min"], r["max"], chosen[name]))
        share = (value - low) / (high - low)
        if BORDER_SHARE <= share <= 1 - BORDER_SHARE:
            continue
        wider = {"min": r["min"] / 4 if share < 0.5 else r["min"], "max": r["max"] * 4 if share > 0.5 else r["max"]}
        if name == "beta2":
            wider = {"min": 0.9 if share < 0.5 else r["min"], "max": 0.9999 if share > 0.5 else r["max"]}
        found.append({"hyperparameter": name, "value": chosen[name], "end": "lower" if share < 0.5 else "upper", "try": wider})
    return found
