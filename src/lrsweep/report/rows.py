"""The rows of the report's tables, and its warnings."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lrsweep.report.formats import num
from lrsweep.search.metric import weight_ratio
from lrsweep.search.trial import COMPLETE

Row = dict[str, Any]

KAPPAS = (1.01, 1.015, 1.02, 1.03, 1.05, 1.10)  # those of the write-up
WRITE_UP_TERMS = 195  # 200 evals, window 5


def kappa_rows(terms: int, window: int) -> list[dict[str, float]]:
    """Weight of the last term of M_u over the first, for this study's number of terms and for the write-up's."""
    return [
        {
            "kappa": kappa,
            "here": weight_ratio(kappa, terms + window, window),
            "write_up": weight_ratio(kappa, WRITE_UP_TERMS + window, window),
        }
        for kappa in KAPPAS
    ]


def rung_rows(rungs: pd.DataFrame) -> list[Row]:
    """Per rung: trials that reached it, trials stopped there, and the threshold that the last of them was held against."""
    rows = []
    for rung, part in rungs.sort_values("trial").groupby("rung"):
        thresholds = part["threshold"].dropna()
        last = float(thresholds.iloc[-1]) if len(thresholds) else None
        rows.append({"rung": int(rung), "reached": len(part), "stopped": int(part["stopped"].sum()), "threshold": last})
    return rows


def candidate_rows(choice: Row) -> list[Row]:
    """The candidates with their names and their difference to the default with its interval, in nats."""
    rows = []
    for row in choice["candidates"]:
        difference = row["difference_to_default"] or {"difference_nats": None, "low_nats": None, "high_nats": None}
        rows.append(
            {
                **row,
                "name": "default" if row["candidate"] == 0 else f"candidate {row['candidate']}",
                "label": "default" if row["candidate"] == 0 else f"{row['candidate']} (trial {row['trial']})",
                "n_of": str(row["n"]) if not row["n_diverged"] else f"{row['n']} of {row['n'] + row['n_diverged']}",
                "chosen": row["candidate"] == choice["candidate"],
                "to_default_nats": difference["difference_nats"],
                "to_default_low_nats": difference["low_nats"],
                "to_default_high_nats": difference["high_nats"],
            }
        )
    return rows


def importance_rows(importance: Row, labels: Mapping[str, str]) -> list[Row]:
    """The importances, the greatest first, under the names that the page has for the hyperparameters."""
    rows = [{**row, "label": labels[row["hyperparameter"]]} for row in importance["importances"]]
    return sorted(rows, key=lambda row: -row["importance"])


def messages(edge: Row, clusters: Row, assess: Row, choice: Row) -> list[str]:
    """What the analyses warn of, a metric that ranks the wrong way first, and the chosen values at an end of their range."""
    borders = [
        f"The selected {row['hyperparameter']} ({num(row['value'])}) lies at the {row['border']} end of its range: "
        f"try {num(row['try']['min'])} to {num(row['try']['max'])}."
        for row in choice["border_warnings"]
    ]
    return assess["warnings"] + [found["message"] for found in (edge, clusters, choice) if found["message"] is not None] + borders


def final_messages(final: Row, choice: Row) -> list[str]:
    """What a final training that diverged means, and what to change: one line, or none."""
    if final["state"] == COMPLETE:
        return []
    selected = choice["selected"]["lr"]
    remedy = "lower it" if final["lr"] != selected else "set a lower one"
    hint = f" (the selected one is {num(selected)})" if final["lr"] > selected else ""
    return [
        f"The final training diverged after {final['steps']} steps at a maximum learning rate of {num(final['lr'])}, so it has no"
        f" loss and no completions: {remedy} with lr in params.yaml{hint}, and train again"
    ]


def flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Parameters by their key paths, as params.yaml spells them: {"sweep_uniform.lr.max": "0.1"}."""
    found: dict[str, str] = {}
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = "null" if value is None else str(value)
    return found
