"""figures: draw every figure as SVG and PNG, and write a CSV of exactly what it shows."""

from lrsweep import files
from lrsweep.analysis.ablations import Ablations
from lrsweep.analysis.crossings import Measured
from lrsweep.analysis.edge import Edge
from lrsweep.analysis.importance import Importance
from lrsweep.analysis.scaling import Scaling
from lrsweep.analysis.selection import Choice
from lrsweep.config.params import Params
from lrsweep.figures import FIGURES, names
from lrsweep.provenance import pipeline
from lrsweep.provenance.figure_metadata import describe, lineage
from lrsweep.search.study import Summary
from lrsweep.store.results import Results

KINDS = {
    "edge/edge.json": Edge,
    "sharpness/crossings.json": Measured,
    "sweep_bayes/summary.json": Summary,
    "importance/importance.json": Importance,
    "select/choice.json": Choice,
    "scale/law.json": Scaling,
    "ablate/ablations.json": Ablations,
}


def run(params: Params, results: Results) -> None:
    """Write NAME.svg, NAME.png and NAME.csv for every figure of lrsweep.figures.FIGURES."""
    stages, drawn = pipeline.load(), {name: FIGURES[name] for name in names(params.trainer is not None)}
    paths = sorted({path for figure in drawn.values() for path in figure.inputs})
    inputs = {path: results.read_as(KINDS[path], path) if path in KINDS else results.read_table(path) for path in paths}
    digests = {path: files.digest(results.path(path)) for path in paths}
    for name, figure in drawn.items():
        data = figure.prepare(*(inputs[path] for path in figure.inputs))
        found = lineage(name, {path: digests[path] for path in figure.inputs}, stages, params)
        if figure.shows:
            found["shown"] = figure.shows(data)
        svg, png = figure.render(data, describe(found))
        files.write_bytes(results.path(f"figures/{name}.svg"), svg)
        files.write_bytes(results.path(f"figures/{name}.png"), png)
        results.write_text(f"figures/{name}.csv", data.to_csv(index=False, lineterminator="\n"))
