"""The rows of the report's tables, and its warnings."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lrsweep.analysis.assessment import Assessment
from lrsweep.analysis.clusters import Clusters
from lrsweep.analysis.edge import Edge
from lrsweep.analysis.selection import Choice as Chosen
from lrsweep.figures.drawing import label
from lrsweep.report.formats import num, share, span
from lrsweep.search.metric import weight_ratio
from lrsweep.search.trial import COMPLETE
from lrsweep.space import Choice, Int, Space

Row = dict[str, Any]

KAPPAS = (1.01, 1.015, 1.02, 1.03, 1.05, 1.10)  # as in the write-up
WRITE_UP_TERMS = 195  # 200 evals, window 5


def kappa_rows(terms: int, window: int) -> list[dict[str, float]]:
    """Give the weight of the last term of M_u over the first, for this study's number of terms and for the write-up's."""
    counts = {"here": terms, "write_up": WRITE_UP_TERMS}
    return [{"kappa": kappa, **{name: weight_ratio(kappa, n + window, window) for name, n in counts.items()}} for kappa in KAPPAS]


def rung_rows(rungs: pd.DataFrame) -> list[Row]:
    """Give for each rung: trials that reached it, trials stopped there, and the threshold of the last comparison."""
    rows = []
    for rung, part in rungs.sort_values("trial").groupby("rung"):
        thresholds = part["threshold"].dropna()
        last = float(thresholds.iloc[-1]) if len(thresholds) else None
        rows.append({"rung": int(rung), "reached": len(part), "stopped": int(part["stopped"].sum()), "threshold": last})
    return rows


def range_rows(space: Space) -> list[tuple[str, str, str]]:
    """Give for each name of a space: the name in words, its range or its choices, and its scale."""
    found = []
    for name, one in space.dimensions.items():
        if isinstance(one, Choice):
            found.append((label(name), ", ".join(map(num, one.choices)), "choices"))
        else:
            kind = "whole numbers, " if isinstance(one, Int) else ""
            found.append((label(name), span(one.min, one.max), f"{kind}{'logarithmic' if one.is_log else 'linear'}"))
    return found


def cluster_rows(clusters: Clusters) -> list[Row]:
    """Give the clusters with their centres as texts; a choice comes with the share of the trials that have it."""
    rows = []
    for one in clusters.clusters:
        common = {name: f" ({share(part)})" for name, part in one.shares.items()}
        rows.append({**vars(one), "values": {name: num(value) + common.get(name, "") for name, value in one.values.items()}})
    return rows


def candidate_rows(choice: Chosen) -> list[Row]:
    """Give the candidates with their names and, in nats, their difference to the default with its interval."""
    rows = []
    for one in choice.candidates:
        gap = one.difference_to_default
        rows.append(
            {
                **vars(one),
                "name": f"candidate {one.candidate}" if one.candidate else "default",
                "label": f"{one.candidate} (trial {one.trial})" if one.candidate else "default",
                "n_of": f"{one.n} of {one.n + one.n_diverged}" if one.n_diverged else str(one.n),
                "chosen": one.candidate == choice.candidate,
                "to_default_nats": gap and gap.difference_nats,
                "to_default_low_nats": gap and gap.low_nats,
                "to_default_high_nats": gap and gap.high_nats,
            }
        )
    return rows


def messages(edge: Edge, clusters: Clusters, assessment: Assessment, choice: Chosen) -> list[str]:
    """Give the warnings of the analyses: first a metric that ranks the wrong way, last chosen values at an end of their range."""
    borders = [
        f"The selected {label(one.hyperparameter)} ({num(one.value)}) lies at the {one.border} end of its range: "
        f"try {span(one.wider.min, one.wider.max)}."
        for one in choice.border_warnings
    ]
    said = [found.message for found in (edge, clusters, choice) if found.message is not None]
    return [*assessment.warnings, *said, *borders]


def final_messages(state: str, steps: int, lr: float, selected_lr: float) -> list[str]:
    """Say, where the final training diverged, what follows and what to change: one line, or none."""
    if state == COMPLETE:
        return []
    remedy = "lower it" if lr != selected_lr else "set a lower one"
    hint = f" (the selected one is {num(selected_lr)})" if lr > selected_lr else ""
    return [
        f"The final training diverged after {steps} steps at a maximum learning rate of {num(lr)}, so it has no"
        f" loss and no completions: {remedy} with lr in params.yaml{hint}, and train again"
    ]


def flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Give parameters by their key paths, as params.yaml spells them: {"sweep_uniform.lr.max": "0.1"}."""
    found: dict[str, str] = {}
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = "null" if value is None else str(value)
    return found
