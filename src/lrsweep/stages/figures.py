"""figures: every figure as SVG and PNG, each with the CSV of exactly what is drawn."""

import pandas as pd

from lrsweep import artifacts, figures
from lrsweep.params import Params


def run(params: Params) -> None:
    """Writes NAME.svg, NAME.png and NAME.csv for every NAME of lrsweep.figures.NAMES."""
    folder = artifacts.folder("figures")
    for name, data in _prepare().items():
        svg, png = figures.render(name, data)
        artifacts.write_bytes(folder / f"{name}.svg", svg)
        artifacts.write_bytes(folder / f"{name}.png", png)
        artifacts.write_text(folder / f"{name}.csv", data.to_csv(index=False, lineterminator="\n"))


def _read(path: str, name: str) -> pd.DataFrame:
    return artifacts.read_table(artifacts.RESULTS / path, name)


def _prepare() -> dict[str, pd.DataFrame]:
    edge = artifacts.read_json(artifacts.RESULTS / "edge/edge.json")
    choice = artifacts.read_json(artifacts.RESULTS / "select/choice.json")
    means = [
        {**{key: row[key] for key in ("candidate", "low_nats", "high_nats")}, "loss_nats": row["mean_nats"]}
        for row in choice["candidates"]
    ]
    trials, evals = _read("sweep_bayes/trials.parquet", "trials"), _read("sweep_bayes/evals.parquet", "evals")
    uniform = _read("sweep_uniform/trials.parquet", "trials")
    final = [_read(f"train/{name}.parquet", f"final_{name}") for name in ("evals", "steps")]
    return {
        "lr_grad_norm": figures.prepare_lr_grad_norm(_read("edge/bins.parquet", "bins"), edge["edge_lr"]),
        "loss_by_lr": figures.prepare_loss_by_lr(uniform, edge["edge_lr"], edge["edge_low_lr"], edge["edge_high_lr"]),
        "proposals": figures.prepare_proposals(trials),
        "curves": figures.prepare_curves(trials, evals, _read("sweep_bayes/rungs.parquet", "rungs")),
        "clusters": figures.prepare_clusters(_read("cluster/assignments.parquet", "assignments"), evals),
        "correlations": figures.prepare_correlations(_read("assess/correlations.parquet", "correlations")),
        "replay": figures.prepare_replay(_read("assess/replay.parquet", "replay")),
        "choice": figures.prepare_choice(_read("select/replicates.parquet", "replicates"), means),
        "final_curve": figures.prepare_final_curve(*final),
    }
