"""figures: draw every figure as SVG and PNG, and write a CSV of exactly what it shows."""

from lrsweep import files
from lrsweep.analysis.edge import Edge
from lrsweep.analysis.importance import Importance
from lrsweep.analysis.selection import Choice
from lrsweep.config.params import Params
from lrsweep.figures import FIGURES
from lrsweep.provenance import pipeline
from lrsweep.provenance.figure_metadata import describe, lineage
from lrsweep.store.results import Results

KINDS = {"edge/edge.json": Edge, "importance/importance.json": Importance, "select/choice.json": Choice}


def run(params: Params, results: Results) -> None:
    """Write NAME.svg, NAME.png and NAME.csv for every figure of lrsweep.figures.FIGURES."""
    stages = pipeline.load()
    paths = sorted({path for figure in FIGURES.values() for path in figure.inputs})
    inputs = {path: results.read_as(KINDS[path], path) if path in KINDS else results.read_table(path) for path in paths}
    digests = {path: files.digest(results.path(path)) for path in paths}
    for name, figure in FIGURES.items():
        data = figure.prepare(*(inputs[path] for path in figure.inputs))
        found = lineage(name, {path: digests[path] for path in figure.inputs}, stages, params)
        svg, png = figure.render(data, describe(found))
        files.write_bytes(results.path(f"figures/{name}.svg"), svg)
        files.write_bytes(results.path(f"figures/{name}.png"), png)
        results.write_text(f"figures/{name}.csv", data.to_csv(index=False, lineterminator="\n"))
