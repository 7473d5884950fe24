"""The interactive parts of the report, as plotly's data and layout; page.js draws them and themes them.

Each is made from the table of a still figure, so that both show the same. A part without usable data is left out.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lrsweep.config.params import VARIED
from lrsweep.figures.drawing import LABELS, shown_range
from lrsweep.figures.exploration import LOGARITHMIC, WINDOW
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED

Plot = dict[str, Any]

SYMBOLS = {COMPLETE: "circle", PRUNED: "square", DIVERGED: "triangle-up"}
BAR = {"thickness": 14, "outlinewidth": 0, "title": {"side": "right"}}
MARGIN = {"l": 60, "r": 20, "t": 30, "b": 50}


def make(exploration: pd.DataFrame, isolation: pd.DataFrame) -> dict[str, Plot]:
    """Each part by its name: `figure` is plotly's, `rows` what the page's script says of each trial."""
    parts = {
        "exploration": explore(exploration),
        "parallel": parallel(exploration),
        "isolation": isolate(isolation, exploration),
    }
    return {name: part for name, part in parts.items() if part is not None}


def _values(column: pd.Series) -> list[Any]:
    """The column as JSON has it: None where there is no value."""
    return [None if pd.isna(value) else value for value in column.tolist()]


def _rows(data: pd.DataFrame, keys: list[str]) -> list[Plot]:
    return [dict(zip(keys, row, strict=True)) for row in zip(*(_values(data[key]) for key in keys), strict=True)]


def _plain(figure: go.Figure) -> Plot:
    figure.update_layout(template="none", margin=MARGIN, font={"size": 13}, hovermode="closest")
    return json.loads(figure.to_json())


def explore(data: pd.DataFrame) -> Plot | None:
    """Proposals in order with their distance from the best so far; page.js shows the trials up to the slider's."""
    placed = data[data["distance"].notna()]
    if placed.empty:
        return None
    figure, (low, high) = go.Figure(), shown_range(placed["metric"])
    for state, part in placed.groupby("series"):
        figure.add_scatter(
            x=_values(part["trial"]),
            y=_values(part["distance"]),
            customdata=_values(part["trial"]),
            text=[_describe(row) for row in part.itertuples()],
            mode="markers",
            name=str(state).lower(),
            hovertemplate="%{text}<extra></extra>",
            marker={
                "symbol": SYMBOLS[str(state)],
                "size": 11,
                "color": part["metric"].astype(float).tolist(),  # a missing one is drawn in a plain colour
                "coloraxis": "coloraxis",
                "line": {"width": 1, "color": "#777777"},
            },
        )
    figure.add_scatter(
        x=_values(placed["trial"]),
        y=_values(placed["median_distance"]),
        customdata=_values(placed["trial"]),
        mode="lines",
        name=f"median of {WINDOW}",
        hoverinfo="skip",
        line={"width": 2, "color": "#888888"},
    )
    bar = {**BAR, "title": {"text": "steering metric", "side": "right"}}
    figure.update_layout(
        coloraxis={"colorscale": "Viridis", "cmin": low, "cmax": high, "colorbar": bar},
        xaxis={"title": "trial, in the order of proposal", "range": [-1, int(data["trial"].max()) + 1]},
        yaxis={"title": "distance from the best so far", "range": [-0.03, float(placed["distance"].max()) * 1.08 + 0.01]},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    keys = ["trial", "series", "sampler", *VARIED, "metric", "distance", "best_before_nats"]
    return {"figure": _plain(figure), "rows": _rows(data, keys)}


def _describe(row: Any) -> str:
    numbers = [f"{LABELS[name]} {getattr(row, name):.4g}" for name in VARIED]
    metric = "n/a" if pd.isna(row.metric) else f"{row.metric:.4g}"
    return "<br>".join([f"trial {row.trial}, {row.series.lower()}, {row.sampler}", *numbers, f"steering metric {metric}"])


def _log_ticks(values: pd.Series) -> tuple[list[float], list[str]]:
    """Positions in log10, and their labels, at 1, 2 and 5 in each decade that the values reach."""
    low, high = float(values.min()), float(values.max())
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [m * 10.0**e for e in decades for m in (1, 2, 5) if low <= m * 10.0**e <= high] or [low]
    return [math.log10(tick) for tick in ticks], [f"{tick:g}" for tick in ticks]


def _dimension(label: str, values: pd.Series, logarithmic: bool) -> Plot:
    if not logarithmic:
        return {"label": label, "values": _values(values)}
    positions, texts = _log_ticks(values)
    return {"label": label, "values": [math.log10(value) for value in values], "tickvals": positions, "ticktext": texts}


def parallel(data: pd.DataFrame) -> Plot | None:
    """Parallel coordinates of every trial with a finite loss, coloured by it; a drag along an axis brushes."""
    known = data[data["last_loss_nats"].notna()]
    if known.empty:
        return None
    names = {"lr": "max. LR", "beta2": "beta2", "weight_decay": "weight decay"}
    dimensions = [_dimension(label, known[name], name in LOGARITHMIC) for name, label in names.items()]
    dimensions.append(_dimension("steps", known["steps"], False))
    dimensions.append(_dimension("last loss (nats)", known["last_loss_nats"], False))
    low, high = shown_range(known["last_loss_nats"])
    bar = {**BAR, "title": {"text": "last loss (nats)", "side": "right"}}
    line = {"color": _values(known["last_loss_nats"]), "colorscale": "Viridis", "cmin": low, "cmax": high, "colorbar": bar}
    line["showscale"] = True
    figure = go.Figure(go.Parcoords(dimensions=dimensions, line=line))
    shown = _plain(figure)
    shown["layout"]["margin"] = {"l": 50, "r": 50, "t": 60, "b": 25}
    return {"figure": shown, "rows": _rows(known, ["trial", *VARIED, "steps", "last_loss_nats"])}


def isolate(data: pd.DataFrame, trials: pd.DataFrame) -> Plot | None:
    """Final loss against each hyperparameter, with the best of each slice; hovering names the trial and its other values."""
    if data.empty:
        return None
    described = {row.trial: _describe(row) for row in trials.itertuples()}
    figure = make_subplots(rows=1, cols=len(VARIED), shared_yaxes=True, horizontal_spacing=0.04)
    for column, name in enumerate(VARIED, start=1):
        part = data[data["hyperparameter"] == name].sort_values("value")
        _panel(figure, column, part, part["best"].astype(bool), described)
        figure.update_xaxes(title=LABELS[name], nticks=4, tickangle=0, row=1, col=column)
        if name in LOGARITHMIC:
            texts = _log_ticks(part["value"])[1]
            few = texts[:: 1 + len(texts) // 6]
            figure.update_xaxes(type="log", tickvals=[float(text) for text in few], ticktext=few, row=1, col=column)
    figure.update_yaxes(title="final eval loss (nats)", row=1, col=1)
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    return {"figure": _plain(figure), "rows": []}


def _panel(figure: go.Figure, column: int, part: pd.DataFrame, best: Sequence[bool], texts: dict[int, str]) -> None:
    style = {"mode": "markers", "name": "complete trial", "marker": {"color": "#56B4E9", "size": 8}}
    line = {"mode": "lines+markers", "name": "best of its slice", "marker": {"color": "#D55E00", "symbol": "diamond", "size": 9}}
    for shown, look in ((part, style), (part[best], line)):
        figure.add_scatter(
            x=_values(shown["value"]),
            y=_values(shown["final_loss_nats"]),
            text=[
                f"{texts[trial]}<br>final loss {loss:.4g} nats"
                for trial, loss in zip(shown["trial"], shown["final_loss_nats"], strict=True)
            ],
            hovertemplate="%{text}<extra></extra>",
            showlegend=column == 1,
            row=1,
            col=column,
            **look,
        )
