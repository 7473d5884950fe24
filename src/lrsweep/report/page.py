"""The page: what it shows, and how that becomes HTML."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lrsweep.analysis.assessment import Assessment
from lrsweep.analysis.clusters import Clusters
from lrsweep.analysis.edge import Edge
from lrsweep.analysis.importance import Importance
from lrsweep.analysis.selection import Choice
from lrsweep.figures import FIGURES
from lrsweep.figures.drawing import label
from lrsweep.report import formats, rows
from lrsweep.report.plots import Plot
from lrsweep.space import Space

Row = Mapping[str, Any]

FOLDER = Path(__file__).parent
LARGEST_SVG = 250_000  # bytes


@dataclass(frozen=True)
class Final:
    """The final training, one run; a loss of None means that it diverged."""

    lr: float
    final_loss_nats: float | None
    perplexity: float | None
    bits_per_byte: float | None
    steps: int
    state: str


@dataclass(frozen=True)
class Embedded:
    """A figure as a data URI, with its number on the page, its caption, and the lineage that its file carries."""

    number: int
    uri: str
    caption: str
    panels: bool
    path: str
    lineage: Row


@dataclass(frozen=True)
class Page:
    """What the page shows; the templates name these fields.

    setting: the sections of params.yaml that are shown. unmeasured: why there are no probes; None where there are some.
    shapes, correlations, rungs: rows of tables. states: the number of trials of phase 2 in each state.
    """

    simulated: bool
    setting: Row
    space: Space
    edge: Edge
    unmeasured: str | None
    states: Mapping[str, int]
    rungs: Sequence[Row]
    importance: Importance
    clusters: Clusters
    shapes: Sequence[Row]
    assessment: Assessment
    correlations: Sequence[Row]
    choice: Choice
    final: Final
    completions: Sequence[Row]
    figures: Mapping[str, Embedded]
    plots: Mapping[str, Plot]


def render(page: Page, plotly_js: str) -> str:
    """Write the page. Every text is escaped, and a template that uses an unknown name is an error.

    The plots are embedded as JSON in which no tag can be closed or opened. plotly_js is the library, inlined once.
    """
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(formats.FILTERS)
    scripts = {"plotly": plotly_js, "page": (FOLDER / "page.js").read_text(encoding="utf-8")}
    for text in scripts.values():
        assert "</script" not in text, "a script would end early"
    shown = {
        "scripts": {name: Markup(text) for name, text in scripts.items()},
        "hashes": Markup(" ".join(_hash(text) for text in scripts.values())),
        "style": Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
    }
    return environment.get_template("page.html.jinja").render({**vars(page), **_tables(page), **shown})


def _tables(page: Page) -> dict[str, Any]:
    """Give what the templates show beside the fields of the page, derived from these."""
    bayes = page.setting["sweep_bayes"]
    window = bayes["metric"]["window"]
    terms = bayes["steps"] // bayes["eval_every"] - window
    return {
        "labels": {name: label(name) for name in page.space},
        "columns": [[label(name), ["values", name], "value"] for name in page.space],
        "varied": rows.range_rows(page.space),
        "candidates": rows.candidate_rows(page.choice),
        "centres": rows.cluster_rows(page.clusters),
        "importances": sorted(page.importance.importances, key=lambda one: -one.importance),
        "warnings": [
            *rows.final_messages(page.final.state, page.final.steps, page.final.lr, page.choice.chosen.lr),
            *rows.messages(page.edge, page.clusters, page.assessment, page.choice),
        ],
        "drawn": {name: {"figure": plot.figure, "rows": plot.rows} for name, plot in page.plots.items()},
        "terms": terms,
        "kappas": rows.kappa_rows(terms, window),
    }


def _hash(script: str) -> str:
    """Give the source expression of a script (Content Security Policy Level 3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def inline(svgs: Mapping[str, bytes], pngs: Mapping[str, bytes], lineages: Mapping[str, Row]) -> dict[str, Embedded]:
    """Embed each figure: as SVG or, where that is large because of very many points, as PNG, so that the page stays small."""
    found = {}
    for number, (name, svg) in enumerate(svgs.items(), start=1):
        kind, data = ("svg+xml", svg) if len(svg) <= LARGEST_SVG else ("png", pngs[name])
        found[name] = Embedded(
            number=number,
            uri=f"data:image/{kind};base64,{base64.b64encode(data).decode()}",
            caption=FIGURES[name].caption,
            panels=FIGURES[name].panels is not None,
            path=f"results/figures/{name}",
            lineage={**lineages[name], "parameters": rows.flat(lineages[name]["parameters"])},
        )
    return found
