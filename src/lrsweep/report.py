"""The report: one self-contained page from the study's tables and JSONs. Pure: values in, HTML out."""

import base64
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lrsweep.figures import FIGURES
from lrsweep.metric import weight_ratio

KAPPAS = (1.01, 1.015, 1.02, 1.03, 1.05, 1.10)  # those of the write-up
WRITE_UP_TERMS = 195  # 200 evals, window 5


def render(content: dict[str, Any]) -> str:
    """The page; every text is escaped, and a key that the template names and content lacks is an error."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["num"] = _number
    return environment.get_template("report.html.jinja").render(content)


def _number(value: Any) -> str:
    """Four significant digits; a missing number is n/a."""
    if value is None or pd.isna(value):
        return "n/a"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def inline(svgs: dict[str, bytes]) -> dict[str, dict[str, str]]:
    """Each figure as a data URI, with its caption and the path of its CSV."""
    return {
        name: {
            "uri": "data:image/svg+xml;base64," + base64.b64encode(svg).decode(),
            "caption": FIGURES[name].caption,
            "csv": f"results/figures/{name}.csv",
        }
        for name, svg in svgs.items()
    }


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


def rung_rows(rungs: pd.DataFrame) -> list[dict[str, Any]]:
    """Per rung: trials that reached it, trials stopped there, and the threshold that the last of them was held against."""
    rows = []
    for rung, part in rungs.sort_values("trial").groupby("rung"):
        thresholds = part["threshold"].dropna()
        last = float(thresholds.iloc[-1]) if len(thresholds) else None
        rows.append({"rung": int(rung), "reached": len(part), "stopped": int(part["stopped"].sum()), "threshold": last})
    return rows


def candidate_rows(choice: dict[str, Any]) -> list[dict[str, Any]]:
    """The candidates with their difference to the default and its interval, all in nats."""
    rows = []
    for row in choice["candidates"]:
        difference = row["difference_to_default"] or {"difference_nats": None, "low_nats": None, "high_nats": None}
        rows.append(
            {
                **row,
                "to_default_nats": difference["difference_nats"],
                "to_default_low_nats": difference["low_nats"],
                "to_default_high_nats": difference["high_nats"],
            }
        )
    return rows


def messages(edge: dict[str, Any], clusters: dict[str, Any], assess: dict[str, Any], choice: dict[str, Any]) -> list[str]:
    """What the analyses warn of, a metric that ranks the wrong way first, and the chosen values at an end of their range."""
    borders = [
        f"The selected {row['hyperparameter']} ({_number(row['value'])}) lies at the {row['border']} end of its range: "
        f"try {_number(row['try']['min'])} to {_number(row['try']['max'])}."
        for row in choice["border_warnings"]
    ]
    return assess["warnings"] + [found["message"] for found in (edge, clusters, choice) if found["message"] is not None] + borders
