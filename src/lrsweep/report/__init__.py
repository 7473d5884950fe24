"""The report: one self-contained page from the study's tables and values, its answer first. Pure: values in, HTML out.

`rows` makes what its tables and warnings show, `plots` what its interactive parts draw, `formats` how its numbers look. The
page loads nothing, and its content security policy lets no script run but the two that are its own.
"""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lrsweep.figures import FIGURES
from lrsweep.provenance.figure_metadata import carried
from lrsweep.report import formats
from lrsweep.report.rows import candidate_rows, final_messages, flat, importance_rows, kappa_rows, messages, rung_rows

__all__ = ["candidate_rows", "final_messages", "importance_rows", "inline", "kappa_rows", "messages", "render", "rung_rows"]

FOLDER = Path(__file__).parent
LARGEST_SVG = 250_000  # bytes


def render(content: dict[str, Any]) -> str:
    """The page; every text is escaped, and a key that the template names and content lacks is an error.

    content["plots"] is embedded as JSON in which no tag can be closed or opened; content["plotly_js"] is the library, inlined
    once.
    """
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(formats.FILTERS)
    scripts = {"plotly": content["plotly_js"], "page": (FOLDER / "page.js").read_text(encoding="utf-8")}
    for text in scripts.values():
        assert "</script" not in text, "a script would end early"
    own = {
        "scripts": {name: Markup(text) for name, text in scripts.items()},
        "hashes": Markup(" ".join(_hash(text) for text in scripts.values())),
        "style": Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
    }
    return environment.get_template("page.html.jinja").render({**content, **own})


def _hash(script: str) -> str:
    """The source expression of a script (Content Security Policy Level 3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def inline(svgs: dict[str, bytes], pngs: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """Each figure as a data URI, with its number on the page, its caption, and the lineage that its file carries.

    An SVG of very many points is embedded as its PNG, so that the page of a large study stays small.
    """
    found = {}
    for number, (name, svg) in enumerate(svgs.items(), start=1):
        lineage = carried(svg)
        assert lineage, f"figure {name} was written without its lineage"
        kind, data = ("svg+xml", svg) if len(svg) <= LARGEST_SVG else ("png", pngs[name])
        found[name] = {
            "number": number,
            "uri": f"data:image/{kind};base64,{base64.b64encode(data).decode()}",
            "caption": FIGURES[name].caption,
            "panels": FIGURES[name].panels,
            "path": f"results/figures/{name}",
            "lineage": {**lineage, "parameters": flat(lineage["parameters"])},
        }
    return found
