"""figures: every figure as SVG and PNG, each with the CSV of exactly what is drawn."""

import yaml

from lrsweep import artifacts, provenance
from lrsweep.figures import FIGURES
from lrsweep.params import Params


def run(params: Params) -> None:
    """Writes NAME.svg, NAME.png and NAME.csv for every figure of lrsweep.figures.FIGURES."""
    stages = yaml.safe_load(artifacts.STAGES.read_text(encoding="utf-8"))["stages"]
    tree = params.model_dump(mode="json", include=set(stages["figures"]["params"]))
    paths = sorted({path for figure in FIGURES.values() for path in figure.inputs})
    inputs = {path: artifacts.read(artifacts.RESULTS / path) for path in paths}
    digests = {path: artifacts.digest(artifacts.RESULTS / path) for path in paths}
    folder = artifacts.folder("figures")
    for name, figure in FIGURES.items():
        data = figure.prepare(*(inputs[path] for path in figure.inputs))
        found = provenance.lineage(name, {path: digests[path] for path in figure.inputs}, stages, tree)
        svg, png = figure.render(data, provenance.describe(found))
        artifacts.write_bytes(folder / f"{name}.svg", svg)
        artifacts.write_bytes(folder / f"{name}.png", png)
        artifacts.write_text(folder / f"{name}.csv", data.to_csv(index=False, lineterminator="\n"))
