"""report: write one self-contained page with the answer first and the evidence after it."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd
from plotly.offline import get_plotlyjs

from lrsweep import figures, report
from lrsweep.analysis.ablations import Ablations
from lrsweep.analysis.assessment import Assessment
from lrsweep.analysis.clusters import Clusters
from lrsweep.analysis.comparison import Comparison
from lrsweep.analysis.crossings import Measured
from lrsweep.analysis.edge import Edge
from lrsweep.analysis.importance import Importance
from lrsweep.analysis.scaling import Scaling
from lrsweep.analysis.selection import Choice
from lrsweep.config.params import Params
from lrsweep.provenance.figure_metadata import carried
from lrsweep.report import plots, rows
from lrsweep.search.study import Summary
from lrsweep.store import imported
from lrsweep.store.results import Results
from lrsweep.store.tables import space_of

# The parameters that the page shows, as dvc.yaml lists them for this stage: the page depends on no others.
OURS = set("tokenize model optimizer evaluation sharpness generate".split())  # that a script does not have
SHOWN = set(
    "seed trainer tokenize model optimizer evaluation sweep_uniform sharpness sweep_bayes scale ablate train generate".split()
)

SHAPES_SHOWN = 10  # of the best trials


def run(params: Params, results: Results) -> None:
    """Write index.html."""
    trials = results.read_table("sweep_bayes/trials.parquet")
    space, trained = space_of(trials), results.read_json("train/metrics.json")
    shapes, correlations = (results.read_table(f"{name}.parquet") for name in ("cluster/shapes", "assess/correlations"))
    measured = Measured(()) if params.trainer else results.read_as(Measured, "sharpness/crossings.json")
    corpus = {} if params.trainer else results.read_json("corpus/corpus.json")
    completions = results.path("generate/completions.jsonl")
    lines = [] if params.trainer else completions.read_text(encoding="utf-8").split("\n")
    found = {stage: imported.origin(stage, getattr(params, stage)) for stage in ("sweep_uniform", "sweep_bayes")}
    importance = results.read_as(Importance, "importance/importance.json")
    clusters = results.read_as(Clusters, "cluster/clusters.json")
    scaled, ablated = params.scale is not None, params.ablate is not None
    edge = results.read_as(Edge, "edge/edge.json")
    names = report.telling(
        figures.names(params.trainer is not None), edge, importance, clusters, measured, scaled=scaled, ablated=ablated
    )
    page = report.Page(
        origins={stage: one for stage, one in found.items() if one},
        edge=edge,
        importance=importance,
        clusters=clusters,
        assessment=results.read_as(Assessment, "assess/assess.json"),
        choice=results.read_as(Choice, "select/choice.json"),
        scaling=results.read_as(Scaling, "scale/law.json"),
        ablations=results.read_as(Ablations, "ablate/ablations.json"),
        final=results.read_as(report.Final, "train/metrics.json"),
        comparison=results.read_as(Comparison, "train/compare.json"),
        held_out=None if params.trainer else {"validation": corpus["valid"], "test": corpus["test"]},
        setting=shown(params),
        trained={name: trained[name] for name in (*space, *(plain.name for plain in space.plain.values())) if name in trained},
        space=space,
        measured=measured,
        unmeasured=None if measured.crossings else params.unmeasured or "no update of a probed run was finite",
        study=results.read_as(Summary, "sweep_bayes/summary.json"),
        states=trials["state"].value_counts().sort_index().to_dict(),
        rungs=rows.rung_rows(results.read_table("sweep_bayes/rungs.parquet")),
        shapes=shapes.head(SHAPES_SHOWN).to_dict("records"),
        correlations=correlations.to_dict("records"),
        completions=[json.loads(line) for line in lines if line],
        figures=_inlined(results, names),
        plots=plots.make(_drawn(results, "exploration"), _drawn(results, "isolation"), space),
        simulated=results.simulated,
    )
    results.write_text("report/index.html", report.render(page, get_plotlyjs()))


def shown(params: Params) -> dict[str, Any]:
    """Give the parameters that the page shows; of the corpus its source alone."""
    if params.trainer:
        return params.model_dump(mode="json", include=SHOWN - OURS)
    return {**params.model_dump(mode="json", include=SHOWN), "corpus": {"source": params.corpus.source}}


def _inlined(results: Results, names: Sequence[str]) -> dict[str, report.Embedded]:
    """Embed the figures with the lineage that their files carry."""
    svgs, pngs = ({name: results.path(f"figures/{name}.{kind}").read_bytes() for name in names} for kind in ("svg", "png"))
    lineages = {}
    for name, svg in svgs.items():
        lineage = carried(svg)
        assert lineage, f"figure {name} was written without its lineage"
        lineages[name] = lineage
    return report.inline(svgs, pngs, lineages)


def _drawn(results: Results, name: str) -> pd.DataFrame:
    """Read what a figure draws. Only an empty cell is a missing value, since a choice may be called `none`."""
    return pd.read_csv(results.path(f"figures/{name}.csv"), keep_default_na=False, na_values=[""], dtype={"choice": str})
