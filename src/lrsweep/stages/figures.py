"""figures: every figure as SVG and PNG, each with the CSV of exactly what is drawn."""

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.figures import FIGURES
from lrsweep.provenance import pipeline
from lrsweep.provenance.figure_metadata import describe, lineage
from lrsweep.store import artifacts


def run(params: Params) -> None:
    """Writes NAME.svg, NAME.png and NAME.csv for every figure of lrsweep.figures.FIGURES."""
    stages = pipeline.load()
    paths = sorted({path for figure in FIGURES.values() for path in figure.inputs})
    inputs = {path: artifacts.read(artifacts.RESULTS / path) for path in paths}
    digests = {path: files.digest(artifacts.RESULTS / path) for path in paths}
    folder = artifacts.folder("figures")
    for name, figure in FIGURES.items():
        data = figure.prepare(*(inputs[path] for path in figure.inputs))
        found = lineage(name, {path: digests[path] for path in figure.inputs}, stages, params)
        svg, png = figure.render(data, describe(found))
        files.write_bytes(folder / f"{name}.svg", svg)
        files.write_bytes(folder / f"{name}.png", png)
        files.write_text(folder / f"{name}.csv", data.to_csv(index=False, lineterminator="\n"))
