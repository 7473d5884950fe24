"""A figure: its name, its inputs, its caption, and how it is prepared and drawn."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from lrsweep import files

STYLE = Path(__file__).with_name("style.mplstyle")
WIDE = (9.2, 4.2)  # inches, of a row of panels
ACROSS = 3  # panels in a row, at most


@dataclass(frozen=True)
class Figure:
    """One figure. `prepare` takes the inputs in order and gives the table that `draw` draws and that is written as CSV.

    inputs: artifacts, as paths below results/: tables (.parquet) or values (.json).
    draw: takes the axes (a sequence where there are panels) and the data. `caption` says what to look for, in any run.
    shows: says of the data what is seen in it, for figures whose answer is a sentence.
    panels: their number, or a function that finds it from the data; None for a single pair of axes.
    """

    name: str
    inputs: tuple[str, ...]
    prepare: Callable[..., pd.DataFrame]
    draw: Callable[[Any, pd.DataFrame], None]
    caption: str
    panels: int | Callable[[pd.DataFrame], int] | None = None
    shows: Callable[[pd.DataFrame], str] | None = None

    def render(self, data: pd.DataFrame, metadata: Mapping[str, str]) -> tuple[bytes, bytes]:
        """Draw the figure as SVG and as PNG: the same data gives the same bytes, whatever the user's settings of matplotlib.

        metadata: Title and Description, which both files carry.
        """
        svg, png = io.BytesIO(), io.BytesIO()
        panels = max(1, self.panels(data)) if callable(self.panels) else self.panels
        with matplotlib.rc_context():
            matplotlib.rc_file(STYLE)
            canvas = Canvas()
            FigureCanvasAgg(canvas)
            self.draw(canvas.subplots() if panels is None else _grid(canvas, panels), data)
            canvas.savefig(svg, format="svg", metadata={**metadata, "Date": None, "Creator": None})
            canvas.savefig(png, format="png", metadata={**metadata, "Software": None})
        return svg.getvalue(), png.getvalue()

    def save(self, path: Path, data: pd.DataFrame) -> None:
        """Draw the figure into a file that is SVG or PNG, as its name says."""
        svg, png = self.render(data, {"Title": self.name, "Description": self.caption})
        files.write_bytes(path, svg if path.suffix == ".svg" else png)


def figure(inputs: tuple[str, ...], **about: Any) -> Callable[[Callable[[Any, pd.DataFrame], None]], Figure]:
    """Make a Figure of the function below, which draws it and has its name; `about` are the other fields."""
    return lambda draw: Figure(name=draw.__name__, inputs=inputs, draw=draw, **about)


def _grid(canvas: Canvas, panels: int) -> list[Axes]:
    """Lay out panels in rows of at most ACROSS, as evenly as possible."""
    rows = -(-panels // ACROSS)
    columns = -(-panels // rows)
    canvas.set_size_inches(WIDE[0], WIDE[1] * rows)
    axes = canvas.subplots(rows, columns, squeeze=False).ravel().tolist()
    for empty in axes[panels:]:
        empty.remove()
    return axes[:panels]
