"""report: write one self-contained page with the answer first and the evidence after it."""

import json

import pandas as pd
from plotly.offline import get_plotlyjs

from lrsweep import figures, report
from lrsweep.analysis.assessment import Assessment
from lrsweep.analysis.clusters import Clusters
from lrsweep.analysis.edge import Edge
from lrsweep.analysis.importance import Importance
from lrsweep.analysis.selection import Choice
from lrsweep.config.params import Params
from lrsweep.provenance.figure_metadata import carried
from lrsweep.report import plots, rows
from lrsweep.store.results import Results
from lrsweep.store.tables import space_of

# The parameters that the page shows, as dvc.yaml lists them for this stage: the page depends on no others.
SHOWN = set("seed corpus tokenize model optimizer evaluation sweep_uniform sharpness sweep_bayes train generate".split())

SHAPES_SHOWN = 10  # of the best trials


def run(params: Params, results: Results) -> None:
    """Write index.html."""
    trials = results.read_table("sweep_bayes/trials.parquet")
    shapes, correlations = (results.read_table(f"{name}.parquet") for name in ("cluster/shapes", "assess/correlations"))
    probes = results.read_table("sharpness/probes.parquet")
    lines = results.path("generate/completions.jsonl").read_text(encoding="utf-8").split("\n")
    page = report.Page(
        edge=results.read_as(Edge, "edge/edge.json"),
        importance=results.read_as(Importance, "importance/importance.json"),
        clusters=results.read_as(Clusters, "cluster/clusters.json"),
        assessment=results.read_as(Assessment, "assess/assess.json"),
        choice=results.read_as(Choice, "select/choice.json"),
        final=results.read_as(report.Final, "train/metrics.json"),
        setting=params.model_dump(mode="json", include=SHOWN),
        space=space_of(trials),
        unmeasured=None if len(probes) else params.unmeasured or "no update of a probed trial was finite",
        states=trials["state"].value_counts().sort_index().to_dict(),
        rungs=rows.rung_rows(results.read_table("sweep_bayes/rungs.parquet")),
        shapes=shapes.head(SHAPES_SHOWN).to_dict("records"),
        correlations=correlations.to_dict("records"),
        completions=[json.loads(line) for line in lines if line],
        figures=_inlined(results),
        plots=plots.make(_drawn(results, "exploration"), _drawn(results, "isolation"), space_of(trials)),
        simulated=results.simulated,
    )
    results.write_text("report/index.html", report.render(page, get_plotlyjs()))


def _inlined(results: Results) -> dict[str, report.Embedded]:
    """Embed the figures with the lineage that their files carry."""
    svgs, pngs = (
        {name: results.path(f"figures/{name}.{kind}").read_bytes() for name in figures.NAMES} for kind in ("svg", "png")
    )
    lineages = {}
    for name, svg in svgs.items():
        lineage = carried(svg)
        assert lineage, f"figure {name} was written without its lineage"
        lineages[name] = lineage
    return report.inline(svgs, pngs, lineages)


def _drawn(results: Results, name: str) -> pd.DataFrame:
    """Read what a figure draws. Only an empty cell is a missing value, since a choice may be called `none`."""
    return pd.read_csv(results.path(f"figures/{name}.csv"), keep_default_na=False, na_values=[""], dtype={"choice": str})
