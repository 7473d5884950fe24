"""The interactive parts of the report, as plotly's data and layout; page.js draws them in the colours of the page.

Each is made from the table of a still figure, so that both show the same. A part without usable data is left out.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lrsweep.figures.drawing import label, limits, log_ticks, shown_range
from lrsweep.figures.exploration import WINDOW, strip
from lrsweep.figures.figure import ACROSS
from lrsweep.report.formats import num
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from lrsweep.space import Choice, Dimension, Space

Row = dict[str, Any]

SYMBOLS = {COMPLETE: "circle", PRUNED: "square", DIVERGED: "triangle-up"}
MARGIN = {"l": 60, "r": 20, "t": 30, "b": 50}
ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}  # of a legend
HEIGHT_REM = 26.0  # of a part, and of each row of panels


@dataclass(frozen=True)
class Plot:
    """A part: `figure` is plotly's, `rows` is what the script of the page says of each trial."""

    figure: Row
    rows: list[Row]
    height_rem: float = HEIGHT_REM


def make(exploration: pd.DataFrame, isolation: pd.DataFrame, space: Space) -> dict[str, Plot]:
    """Make each part by its name, from the tables of the still figures of the same names."""
    parts = {
        "exploration": explore(exploration, space),
        "parallel": parallel(exploration, space),
        "isolation": isolate(isolation, exploration, space),
    }
    return {name: part for name, part in parts.items() if part is not None}


def _values(column: pd.Series) -> list[Any]:
    """Give the column as JSON has it: None where there is no value."""
    return [None if pd.isna(value) else value for value in column.tolist()]


def _rows(data: pd.DataFrame, keys: list[str]) -> list[Row]:
    return [dict(zip(keys, row, strict=True)) for row in zip(*(_values(data[key]) for key in keys), strict=True)]


def _colours(words: str, losses: pd.Series) -> Row:
    low, high = shown_range(losses)
    bar = {"thickness": 14, "outlinewidth": 0, "title": {"text": words, "side": "right"}}
    return {"colorscale": "Viridis", "cmin": low, "cmax": high, "colorbar": bar}


def _plain(figure: go.Figure) -> Row:
    figure.update_layout(template="none", margin=MARGIN, font={"size": 13}, hovermode="closest")
    return json.loads(figure.to_json())


def explore(data: pd.DataFrame, space: Space) -> Plot | None:
    """Draw proposals in order with their distance from the best so far; page.js shows the trials up to the slider."""
    placed = data[data["distance"].notna()]
    if placed.empty:
        return None
    figure = go.Figure()
    for state, part in placed.groupby("series"):
        figure.add_scatter(
            x=_values(part["trial"]),
            y=_values(part["distance"]),
            customdata=_values(part["trial"]),
            text=_described(part, space),
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
    figure.update_layout(
        coloraxis=_colours("steering metric", placed["metric"]),
        xaxis={"title": "trial, in the order of proposal", "range": [-1, int(data["trial"].max()) + 1]},
        yaxis={"title": "distance from the best so far", "range": [-0.03, float(placed["distance"].max()) * 1.08 + 0.01]},
        legend=ABOVE,
    )
    keys = ["trial", "series", "sampler", *space, "metric", "distance", "best_before_nats"]
    return Plot(_plain(figure), _rows(data, keys))


def _described(trials: pd.DataFrame, space: Space) -> list[str]:
    """Say of each trial its number, its end, its configuration and its metric."""
    texts = []
    for row in trials.to_dict("records"):
        head = f"trial {row['trial']}, {row['series'].lower()}, {row['sampler']}"
        values = (f"{label(name)} {num(row[name])}" for name in space)
        texts.append("<br>".join([head, *values, f"steering metric {num(row['metric'])}"]))
    return texts


def _ticks(values: pd.Series) -> list[float]:
    """Give 1, 2 and 5 in each decade that the values reach."""
    return log_ticks(float(values.min()), float(values.max())) or [float(values.min())]


def _axis(words: str, values: pd.Series, dimension: Dimension | None = None) -> Row:
    """Make an axis of the parallel coordinates; ticks give the texts of choices and of numbers on a logarithmic scale."""
    if isinstance(dimension, Choice):
        texts = [str(choice) for choice in dimension.choices]
        places = [texts.index(str(value)) for value in values]
        return {"label": words, "values": places, "tickvals": list(range(len(texts))), "ticktext": texts}
    if dimension is None or not dimension.is_log:
        return {"label": words, "values": _values(values)}
    ticks = _ticks(values)
    logs = {"values": list(map(math.log10, values)), "tickvals": list(map(math.log10, ticks))}
    return {"label": words, **logs, "ticktext": [f"{tick:g}" for tick in ticks]}


def parallel(data: pd.DataFrame, space: Space) -> Plot | None:
    """Draw parallel coordinates of every trial with a finite loss, coloured by the loss; a drag along an axis brushes."""
    known = data[data["last_loss_nats"].notna()]
    if known.empty:
        return None
    dimensions = [_axis("max. LR" if name == "lr" else label(name), known[name], space[name]) for name in space]
    dimensions += [_axis("steps", known["steps"]), _axis("last loss (nats)", known["last_loss_nats"])]
    losses = known["last_loss_nats"]
    line = {"color": _values(losses), **_colours("last loss (nats)", losses), "showscale": True}
    shown = _plain(go.Figure(go.Parcoords(dimensions=dimensions, line=line)))
    shown["layout"]["margin"] = {"l": 50, "r": 50, "t": 60, "b": 25}
    return Plot(shown, _rows(known, ["trial", *space, "steps", "last_loss_nats"]))


def isolate(data: pd.DataFrame, trials: pd.DataFrame, space: Space) -> Plot | None:
    """Draw the final loss against each name, with the medians of slices; hovering names the trial and its other values."""
    if data.empty:
        return None
    described = dict(zip(trials["trial"], _described(trials, space), strict=True))
    groups = list(data.groupby("hyperparameter", sort=False))
    lines = -(-len(groups) // ACROSS)
    across = -(-len(groups) // lines)
    figure = make_subplots(
        rows=lines, cols=across, shared_yaxes="all", horizontal_spacing=0.04, vertical_spacing=0.24 / lines if lines > 1 else 0
    )
    for number, (name, part) in enumerate(groups):
        at = {"row": number // across + 1, "col": number % across + 1}
        _panel(figure, at, str(name), part, described)
        if at["col"] == 1:
            figure.update_yaxes(title="final eval loss (nats)", **at)
    figure.update_layout(legend=ABOVE)
    return Plot(_plain(figure), [], HEIGHT_REM * (1 + 0.8 * (lines - 1)))


def _panel(figure: go.Figure, at: Mapping[str, int], name: str, part: pd.DataFrame, texts: Mapping[int, str]) -> None:
    figure.update_xaxes(title=label(name), nticks=4, tickangle=0, **at)
    scale, trials, slices = part["scale"].iloc[0], part[part["series"] == "trial"], part[part["series"] == "slice"]
    if scale == "choice":
        choices, places = strip(trials)
        trials, slices = trials.assign(value=places), slices.assign(value=slices["choice"].map(choices.index))
        figure.update_xaxes(tickvals=list(range(len(choices))), ticktext=choices, range=[-0.6, len(choices) - 0.4], **at)
    if scale == "log":
        ticks = [f"{tick:g}" for tick in _ticks(trials["value"])]
        few = ticks[:: 1 + len(ticks) // 4]  # more would run into one another
        figure.update_xaxes(type="log", tickvals=[float(text) for text in few], ticktext=few, **at)
    losses = trials["final_loss_nats"]
    common: Row = {"mode": "markers", "hovertemplate": "%{text}<extra></extra>", "showlegend": at == {"row": 1, "col": 1}, **at}
    figure.add_scatter(
        x=_values(trials["value"]),
        y=_values(losses),
        text=[f"{texts[trial]}<br>final loss {loss:.4g} nats" for trial, loss in zip(trials["trial"], losses, strict=True)],
        name="complete trial",
        marker={"color": "#56B4E9", "size": 8, "opacity": 0.6},
        **common,
    )
    up, down = slices["high_nats"] - slices["final_loss_nats"], slices["final_loss_nats"] - slices["low_nats"]
    figure.add_scatter(
        x=_values(slices["value"]),
        y=_values(slices["final_loss_nats"]),
        error_y={"type": "data", "symmetric": False, "array": _values(up), "arrayminus": _values(down)},
        text=[f"median of a slice {loss:.4g} nats" for loss in slices["final_loss_nats"]],
        name="median and quartiles of a slice",
        marker={"color": "#D55E00", "symbol": "diamond", "size": 9},
        **common,
    )
    figure.update_yaxes(range=list(limits(losses)), **at)
