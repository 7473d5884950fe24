"""The page: what it shows, and how that becomes HTML."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lrsweep.analysis.ablations import Ablations
from lrsweep.analysis.assessment import Assessment
from lrsweep.analysis.clusters import Clusters
from lrsweep.analysis.comparison import Comparison, best_of
from lrsweep.analysis.crossings import Measured
from lrsweep.analysis.edge import Edge
from lrsweep.analysis.importance import Importance
from lrsweep.analysis.scaling import Scaling
from lrsweep.analysis.selection import Choice
from lrsweep.analysis.statements import statements
from lrsweep.figures import FIGURES
from lrsweep.figures.drawing import label
from lrsweep.report import formats, rows, wording
from lrsweep.report.advice import advice
from lrsweep.report.plots import Plot
from lrsweep.search.study import Summary
from lrsweep.space import Space, Value
from lrsweep.store.imported import Origin

Row = Mapping[str, Any]

FOLDER = Path(__file__).parent
LARGEST_SVG = 250_000  # bytes
SHAPE_COLUMNS = (
    ["rank", "rank", "num"],
    ["trial", "trial", "num"],
    ["final loss (nats)", "final_loss_nats", "nats"],
    ["flatness in warm-up", "warmup_flatness", "num"],
    ["steepest drop (nats per step)", "steepest_nats_per_step", "num"],
    ["at step", "steepest_step", "num"],
    ["convexity after it", "convexity", "num"],
)


@dataclass(frozen=True)
class Final:
    """The final training, one run; a loss of None means that it diverged.

    final_loss_nats: on the validation text. test_loss_nats: on the test text, None also where there is none. Perplexity and bits
    per byte are of the stated loss.
    """

    lr: float
    test_loss_nats: float | None
    final_loss_nats: float | None
    perplexity: float | None
    bits_per_byte: float | None
    steps: int
    state: str

    @property
    def stated_nats(self) -> float | None:
        """The loss on the test text, or else on the validation text."""
        return self.final_loss_nats if self.test_loss_nats is None else self.test_loss_nats


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

    origins: where the studies that were not trained here come from, by their stages.
    held_out: what corpus.json says of the texts for `validation` and for the `test`; None where a script reads its own.
    setting: the sections of params.yaml that are shown. unmeasured: why there are no probes; None where there are some.
    shapes, correlations, rungs: rows of tables. states: the number of trials of phase 2 in each state. trained: what the final
    training made of the selected values, by the names that the space calls plain.
    """

    simulated: bool
    origins: Mapping[str, Origin]
    held_out: Mapping[str, Row] | None
    setting: Row
    space: Space
    edge: Edge
    measured: Measured
    unmeasured: str | None
    study: Summary
    states: Mapping[str, int]
    rungs: Sequence[Row]
    importance: Importance
    clusters: Clusters
    shapes: Sequence[Row]
    assessment: Assessment
    correlations: Sequence[Row]
    choice: Choice
    scaling: Scaling
    ablations: Ablations
    final: Final
    comparison: Comparison
    trained: Mapping[str, Value]
    completions: Sequence[Row]
    figures: Mapping[str, Embedded]
    plots: Mapping[str, Plot]


def render(page: Page, plotly_js: str) -> str:
    """Write the page. Every text is escaped, and a template that uses an unknown name is an error.

    The plots are embedded as JSON in which no tag can be closed or opened. plotly_js is the library, inlined once.
    """
    scripts = {"plotly": plotly_js, "page": (FOLDER / "page.js").read_text(encoding="utf-8")}
    for text in scripts.values():
        assert "</script" not in text, "a script would end early"
    shown = {
        "scripts": {name: Markup(text) for name, text in scripts.items()},
        "hashes": Markup(" ".join(_hash(text) for text in scripts.values())),
    }
    return fill("page.html.jinja", {**vars(page), **_tables(page), **shown})


def fill(template: str, values: Row) -> str:
    """Fill a template of this folder, in the page's style."""
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, lstrip_blocks=True)
    environment.filters.update(formats.FILTERS)
    style = Markup((FOLDER / "page.css").read_text(encoding="utf-8"))
    return environment.get_template(template).render({**values, "style": style})


def _tables(page: Page) -> dict[str, Any]:
    """Give what the templates show beside the fields of the page, derived from these."""
    bayes = page.setting["sweep_bayes"]
    window, the_default = bayes["metric"]["window"], wording.the_default(page.setting)
    terms = bayes["steps"] // bayes["eval_every"] - window
    return {
        "the_default": the_default,
        "warm_ups": wording.warm_ups(page.setting, page.space, page.trained, page.origins),
        "drawn_lrs": wording.drawn(page.setting),
        "shape_columns": wording.known_columns(page.shapes, SHAPE_COLUMNS),
        "at_ends": wording.at_ends(page.scaling),
        "labels": {name: label(name) for name in page.space},
        "columns": [[label(name), ["values", name], "value"] for name in page.space],
        "raced": [column for name in page.space for column in rows.raced_columns(page.space, name)],
        "carried": rows.carried_rows(page.space, page.choice, page.trained),
        "changed": rows.changed_rows(page.space, page.choice, page.trained),
        "varied": rows.range_rows(page.space),
        "candidates": rows.candidate_rows(page.choice),
        "centres": rows.cluster_rows(page.clusters),
        "pair_nats": page.choice.noise.reach(1, 1),
        "law_rows": rows.law_rows(page.scaling),
        "crossing_rows": rows.crossing_rows(page.measured, page.edge),
        "rise": rows.rise_row(page.measured, page.edge),
        "rule_rows": rows.rule_rows(wording.applying(page.scaling.rules, page.setting), page.comparison.rules),
        "best_rule": best_of(page.comparison.rules),
        "link_rows": rows.link_rows(page.comparison, the_default),
        "parts": rows.parts(page.comparison),
        "ablated": rows.ablation_rows(page.ablations),
        "ablation_statements": statements(page.ablations),
        "importances": sorted(page.importance.importances, key=lambda one: -one.importance),
        "advice": advice(page.edge, page.study, page.choice, page.scaling, page.setting),
        "warnings": [
            *rows.text_messages(page.held_out or {}),
            *rows.final_messages(page.final.state, page.final.steps, page.final.lr, page.choice.chosen.lr),
            *rows.messages(page.edge, page.assessment, page.choice),
        ],
        "drawn": {name: {"figure": plot.figure, "rows": plot.rows} for name, plot in page.plots.items()},
        "terms": terms,
        "kappas": rows.kappa_rows(terms, window, bayes["metric"]["kappa"]),
    }


def _hash(script: str) -> str:
    """Give the source expression of a script (Content Security Policy Level 3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def inline(svgs: Mapping[str, bytes], pngs: Mapping[str, bytes], lineages: Mapping[str, Row]) -> dict[str, Embedded]:
    """Embed each figure."""
    found = {}
    for number, (name, svg) in enumerate(svgs.items(), start=1):
        found[name] = Embedded(
            number=number,
            uri=data_uri(svg, pngs[name]),
            caption=" ".join(filter(None, (FIGURES[name].caption, lineages[name].get("shown")))),
            panels=FIGURES[name].panels is not None,
            path=f"results/figures/{name}",
            lineage={**lineages[name], "parameters": rows.flat(lineages[name]["parameters"])},
        )
    return found


def telling(
    names: Sequence[str],
    edge: Edge,
    importance: Importance,
    clusters: Clusters,
    measured: Measured,
    *,
    scaled: bool,
    ablated: bool,
) -> tuple[str, ...]:
    """Give the names of the figures without those in whose place the page has a sentence, so that the others count from 1 on."""
    says = {
        "lr_grad_norm": edge.norm_rise is not None or edge.spikes.total is not None,
        "spikes": edge.spikes.total is not None,
        "importance": bool(importance.importances),
        "clusters": clusters.k > 1,
        "sharpness": bool(measured.crossings),
        "profiles": scaled,
        "ablation_curves": ablated,
        "ablation_differences": ablated,
    }
    return tuple(name for name in names if says.get(name, True))


def data_uri(svg: bytes, png: bytes) -> str:
    """Embed a picture: as SVG or, where that is large because of very many points, as PNG, so that the page stays small."""
    kind, data = ("svg+xml", svg) if len(svg) <= LARGEST_SVG else ("png", png)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
