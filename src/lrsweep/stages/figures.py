"""figures: every figure as SVG and PNG, each with the CSV of exactly what is drawn."""

from lrsweep import artifacts, pipeline
from lrsweep.figure_files import describe, lineage
from lrsweep.figures import FIGURES
from lrsweep.params import Params


def run(params: Params) -> None:
    """Writes NAME.svg, NAME.png and NAME.csv for every figure of lrsweep.figures.FIGURES."""
    stages = pipeline.load()
    paths = sorted({path for figure in FIGURES.values() for path in figure.inputs})
    inputs = {path: artifacts.read(artifacts.RESULTS / path) for path in paths}
    digests = {path: artifacts.digest(artifacts.RESULTS / path) for path in paths}
    folder = artifacts.folder("figures")
    for name, figure in FIGURES.items():
        data = figure.prepare(*(inputs[path] for path in figure.inputs))
        found = lineage(name, {path: digests[path] for path in figure.inputs}, stages, params)
        svg, png = figure.render(data, describe(found))
        artifacts.write_bytes(folder / f"{name}.svg", svg)
        artifacts.write_bytes(folder / f"{name}.png", png)
        artifacts.write_text(folder / f"{name}.csv", data.to_csv(index=False, lineterminator="\n"))
