"""A figure: its name, what it is made from, its caption, and how it is prepared and drawn."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

STYLE = Path(__file__).with_name("style.mplstyle")
WIDE = (9.2, 4.2)  # inches, of a figure with several panels


@dataclass(frozen=True)
class Figure:
    """`prepare` takes the inputs in their order, and gives the table that `draw` draws and that is written as CSV.

    inputs: artifacts, as paths below results/: tables (.parquet) or values (.json).
    draw: gets the axes, an array of them where there are several panels, and the data. `caption` says what to see.
    """

    name: str
    inputs: tuple[str, ...]
    prepare: Callable[..., pd.DataFrame]
    draw: Callable[[Any, pd.DataFrame], None]
    caption: str
    panels: int = 1

    def render(self, data: pd.DataFrame, metadata: Mapping[str, str]) -> tuple[bytes, bytes]:
        """The figure as SVG and as PNG: the same data gives the same bytes, whatever the user's matplotlib is set to.

        metadata: Title and Description, which both files carry.
        """
        svg, png = io.BytesIO(), io.BytesIO()
        with matplotlib.rc_context():
            matplotlib.rc_file(STYLE)
            canvas = Canvas()
            FigureCanvasAgg(canvas)
            if self.panels > 1:
                canvas.set_size_inches(*WIDE)
            self.draw(canvas.subplots(1, self.panels), data)
            canvas.savefig(svg, format="svg", metadata={**metadata, "Date": None, "Creator": None})
            canvas.savefig(png, format="png", metadata={**metadata, "Software": None})
        return svg.getvalue(), png.getvalue()
