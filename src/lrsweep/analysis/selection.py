"""The choice: the best few trials of phase 2 and the default, raced over seeds (racing.py); the best mean at its end wins.

The least of many noisy values is lucky, so the study's own best value is compared with the mean of its repetitions. Differences
carry Welch's interval (Welch 1947): the candidates need neither the same spread nor the same number of seeds. Losses in nats.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lrsweep.config.params import VARIED
from lrsweep.search.racing import mean, pooled_sd, sd
from lrsweep.search.repeats import candidates
from lrsweep.search.settings import Select, SweepBayes
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]


def choose(
    replicates: "pd.DataFrame",
    standing: Sequence[int],
    trials: "pd.DataFrame",
    section: Select,
    sweep: SweepBayes,
    lr_range: Row | None,
) -> Row:
    """What choice.json holds. A candidate with a diverged repetition is out; where all are, the default is taken.

    standing: the candidates that the race has not dropped; those dropped are not within noise, whatever their few seeds say.
    lr_range: phase 2's LR range (min, max, scale), or None where it is not known.
    """
    known = candidates(trials, section)
    losses = [_losses(replicates, row["candidate"]) for row in known]
    table = [{**row, "stands": row["candidate"] in standing, **_summary(replicates, row["candidate"], losses)} for row in known]
    sound = [row for row in table if row["n"] and not row["n_diverged"]]
    last = [row for row in sound if row["stands"]] or sound
    chosen = min(last, key=lambda row: (row["mean_nats"], row["candidate"]), default=table[0])
    number = chosen["candidate"]
    within, noise = _within_noise(last, chosen, losses), _noise(losses)
    lower = [row for row in within if row["lr"] < chosen["lr"]]
    higher = [row for row in within if row["lr"] > chosen["lr"]]
    default = section.default.model_dump()
    return {
        "selected": {name: chosen[name] for name in VARIED},
        "default": default,
        "table": [{"hyperparameter": name, "default": default[name], "selected": chosen[name]} for name in VARIED],
        "candidate": number,
        "trial": chosen["trial"],
        "difference_to_default": table[number]["difference_to_default"],
        "candidates": table,
        "noise": noise,
        "luck": _luck(trials, table, noise),
        "within_noise": [row["candidate"] for row in within],
        "lower_lr": min(lower, key=lambda row: row["lr"])["candidate"] if lower else None,
        "higher_lr": max(higher, key=lambda row: row["lr"])["candidate"] if higher else None,
        "border_warnings": _border_warnings(chosen, section, sweep, lr_range) if number else [],
        "message": _message(table, sound, number, trials["state"].value_counts().to_dict()),
    }


def _message(table: list[Row], sound: list[Row], number: int, states: Mapping[str, int]) -> str | None:
    """What keeps the choice from being one of the candidates; states: how many trials of phase 2 ended in each."""
    own = "" if any(row["candidate"] == 0 for row in sound) else ", which diverged as well: lower select.default.lr too"
    if len(table) == 1:
        diverged, pruned, n = states.get(DIVERGED, 0), states.get(PRUNED, 0), sum(states.values())
        ends = f"{diverged} of {n} diverged" + (f", {pruned} were stopped" if pruned else "")
        remedy = "lower its LR range (where sweep_bayes.lr is auto, sweep_uniform.lr.min)"
        more = ", or give sweep_bayes more trials" if pruned else ""
        return f"Phase 2 has no complete trial ({ends}): {remedy}{more}. The default is taken{own}"
    if not any(row["candidate"] for row in sound):
        return f"Every candidate diverged for at least one seed: lower phase 2's LR range. The default is taken{own}"
    return None if number else "No candidate has a lower mean loss than the default, so the default is kept"


def _losses(replicates: "pd.DataFrame", candidate: int) -> list[float]:
    part = replicates[(replicates["candidate"] == candidate) & (replicates["state"] == COMPLETE)]
    return part["final_loss_nats"].astype(float).tolist()


def _summary(replicates: "pd.DataFrame", candidate: int, losses: list[list[float]]) -> Row:
    """Mean, standard deviation between seeds, and the 95 % t interval of the mean."""
    values = losses[candidate]
    n = len(values)
    found: Row = {"mean_nats": mean(values) if n else None, "sd_nats": None, "low_nats": None, "high_nats": None}
    if n > 1:
        middle, spread = mean(values), sd(values)
        half = _t_quantile(n - 1) * spread / math.sqrt(n)
        found |= {"sd_nats": spread, "low_nats": middle - half, "high_nats": middle + half}
    return {
        "n": n,
        "n_diverged": int((replicates["candidate"] == candidate).sum()) - n,
        **found,
        "difference_to_default": welch(values, losses[0]) if candidate else None,
    }


def _t_quantile(freedom: float) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))


def welch(values: list[float], others: list[float]) -> Row | None:
    """mean(values) - mean(others) with its 95 % interval, degrees of freedom after Welch and Satterthwaite.

    None where one of them is empty; without an interval where one of them has a single value.

    >>> welch([1.0, 3.0], [2.0, 4.0])["difference_nats"]
    -1.0
    """
    if not values or not others:
        return None
    difference = mean(values) - mean(others)
    if min(len(values), len(others)) < 2:
        return {"difference_nats": difference, "low_nats": None, "high_nats": None}
    parts = [sd(one) ** 2 / len(one) for one in (values, others)]
    half = 0.0
    if sum(parts) > 0:
        freedom = sum(parts) ** 2 / sum(part**2 / (len(one) - 1) for part, one in zip(parts, (values, others), strict=True))
        half = _t_quantile(freedom) * math.sqrt(sum(parts))
    return {"difference_nats": difference, "low_nats": difference - half, "high_nats": difference + half}


def _within_noise(sound: list[Row], chosen: Row, losses: list[list[float]]) -> list[Row]:
    """The other candidates whose difference to the chosen has 0 in its interval, or has no interval."""
    rows = []
    for row in sound:
        gap = welch(losses[row["candidate"]], losses[chosen["candidate"]])
        assert gap is not None, "a sound candidate has a loss"
        apart = gap["low_nats"] is not None and not gap["low_nats"] <= 0 <= gap["high_nats"]
        if row["candidate"] != chosen["candidate"] and not apart:
            rows.append(row)
    return rows


def _noise(losses: list[list[float]]) -> Row:
    """Standard deviation between seeds, pooled over the candidates."""
    spread, freedom = pooled_sd(losses)
    return {"sd_nats": spread, "degrees_of_freedom": freedom}


def _luck(trials: "pd.DataFrame", table: list[Row], noise: Row) -> Row | None:
    """The study's best value less the mean of its repetitions: below 0 the study's best was lucky by that much.

    Expected is -sd · E[the greatest of m standard normals]: m trials of the study are, by one run each, not told apart from its
    best, and if they were all the same, the best of them would look better than it is by that much.
    """
    best = next((row for row in table if row["candidate"] == 1 and row["n"]), None)
    if best is None:
        return None
    observed = float(trials.loc[trials["trial"] == best["trial"], "final_loss_nats"].iloc[0])
    known = best["low_nats"] is not None
    return {
        "trial": best["trial"],
        "observed_nats": observed,
        "mean_nats": best["mean_nats"],
        "difference_nats": observed - best["mean_nats"],
        "low_nats": observed - best["high_nats"] if known else None,
        "high_nats": observed - best["low_nats"] if known else None,
        **_expected_luck(trials["final_loss_nats"].dropna().to_numpy(float), noise),
    }


def _expected_luck(finals: np.ndarray, noise: Row) -> Row:
    if noise["sd_nats"] is None:
        return {"alike": None, "expected_nats": None}
    reach = _t_quantile(noise["degrees_of_freedom"]) * noise["sd_nats"] * math.sqrt(2)
    alike = int((finals <= finals.min() + reach).sum())
    return {"alike": alike, "expected_nats": -noise["sd_nats"] * expected_greatest(alike)}


def expected_greatest(n: int) -> float:
    """The expected greatest of n standard normals, the integral of n x φ(x) Φ(x)^(n-1) (Tippett 1925).

    >>> round(expected_greatest(2) * math.sqrt(math.pi), 6)
    1.0
    """
    from scipy.special import ndtr

    x = np.linspace(-10, 10, 4001)
    return float(np.trapezoid(n * x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi) * ndtr(x) ** (n - 1), x))


def _border_warnings(chosen: Row, section: Select, sweep: SweepBayes, lr_range: Row | None) -> list[Row]:
    """Chosen values at a border of their range, each with a wider range to try."""
    known = {"lr": Range.model_validate(lr_range) if lr_range is not None else sweep.lr}
    known |= {"beta2": sweep.beta2, "weight_decay": sweep.weight_decay}
    rows = []
    for name, interval in known.items():
        if not isinstance(interval, Range) or interval.min >= interval.max:
            continue
        place = interval.share(chosen[name])
        if section.border <= place <= 1 - section.border:
            continue
        row = {"hyperparameter": name, "value": chosen[name], "border": "lower" if place < section.border else "upper"}
        rows.append({**row, "range": interval.model_dump(), "try": wider(name, interval, row["border"], section.widen)})
    return rows


def wider(name: str, interval: Range, border: str, widen: float) -> Row:
    """The range, widened at the border by this share of its width; a beta2 stays below 1 and all values above 0."""
    low, high = interval.min, interval.max
    if interval.scale == "log":
        factor = (high / low) ** widen
        down, up = low / factor, high * factor
    else:
        down, up = low - widen * (high - low), high + widen * (high - low)
        down = down if down > 0 else low / 2
    if name == "beta2" and up >= 1:
        up = 1 - (1 - high) / 2
    low, high = (down, high) if border == "lower" else (low, up)
    return {"min": float(f"{low:.4g}"), "max": float(f"{high:.4g}"), "scale": interval.scale}
