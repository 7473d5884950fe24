"""The law on public tables of runs: fitted on the small ones, asked for the large ones, beside what people take instead.

    python -m benchmarks.law dense_lr_bs_loss.csv moe_lr_bs_loss.csv

The tables are Step Law's (arXiv 2503.04715; repository step-law/steplaw, folder data) and are not part of this project. Writes
docs/benchmarks/law.csv. What is scored is the loss at the LR and batch that a contestant names, above the least loss of the cell,
a size N with a horizon D. The loss there is that of the least-squares plane through the 10 runs of the cell that are nearest in
log LR and log batch, as no run has just these values. A plane cuts the bottom off: the least score, at any LR, is the `floor`.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.frame import Comparison, write
from lrsweep.analysis.law import Law, Proxy, law_of
from lrsweep.stages.law import proxies_of

NEAREST = 10
CONTEXT = 2048  # tokens of a sequence
GOALS = {"mean": 0.20, "most": 0.24}
Point = Mapping[str, float]


@dataclass(frozen=True)
class Asked:
    """A cell that is asked for, at a batch, with the proxies that are told: what the law says, and how LRs there are scored."""

    runs: pd.DataFrame
    at: Point
    told: tuple[Proxy, ...]

    def score(self, lr: float, batch: float) -> float:
        """Loss above the least of the cell, in percent."""
        logs = np.log(self.runs[["lr", "bs"]].to_numpy()) - np.log([lr, batch])
        near = np.argsort((logs**2).sum(1), kind="stable")[:NEAREST]
        losses = self.runs["loss"].to_numpy()
        plane = np.linalg.lstsq(np.column_stack([np.ones(len(near)), logs[near]]), losses[near], rcond=None)[0]
        return 100 * (float(plane[0]) / losses.min() - 1)

    def best(self) -> tuple[float, float]:
        """The LR of the least score at the batch, and the score."""
        lrs = np.geomspace(self.runs["lr"].min(), self.runs["lr"].max(), 301).tolist()
        return min(((lr, self.score(lr, self.at["bs"])) for lr in lrs), key=lambda pair: pair[1])


def read(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path).astype({"N": float, "D": float})
    return table.assign(loss=table["smooth loss"])[np.isfinite(table["smooth loss"])]


def proxies(runs: pd.DataFrame, columns: Sequence[str]) -> tuple[Proxy, ...]:
    """Every cell as a profile, as `lrsweep law` makes them; none has too few LRs."""
    found, left_out = proxies_of(runs, columns)
    assert not left_out
    return tuple(found)


def batch(tokens: float) -> float:
    """Step Law's batch for a horizon, in sequences."""
    return 0.58 * tokens**0.571 / CONTEXT


def dense(table: pd.DataFrame) -> list[Asked]:
    """The 5 cells above 429M parameters, with the profiles of the 12 up to there."""
    told = proxies(table[table["N"] < 4.3e8], ("N", "D", "bs"))
    return [Asked(runs, {"N": n, "D": d, "bs": batch(d)}, told) for (n, d), runs in table[table["N"] > 4.3e8].groupby(["N", "D"])]


def moe_longer(table: pd.DataFrame) -> list[Asked]:
    """The longest horizon of each of the 4 mixtures of experts, with the profiles of its shorter ones."""
    longest = table["D"].max()
    return [
        Asked(runs[runs["D"] == longest], {"D": longest, "bs": batch(longest)}, proxies(runs[runs["D"] < longest], ("D", "bs")))
        for _, runs in table.groupby("moe_name")
    ]


def moe_larger(table: pd.DataFrame) -> list[Asked]:
    """The longest horizon of the 2 mixtures with the most active parameters, with the shorter ones of the other 2."""
    longest, small = table["D"].max(), table["Na"] < 4e8
    told = proxies(table[small & (table["D"] < longest)], ("Na", "D", "bs"))
    large = table[~small & (table["D"] == longest)]
    return [Asked(runs, {"Na": active, "D": longest, "bs": batch(longest)}, told) for active, runs in large.groupby("Na")]


def step_law(runs: pd.DataFrame, at: Point) -> tuple[float, float]:
    return 1.79 * runs["N"].iloc[0] ** -0.713 * at["D"] ** 0.307, at["bs"]


def deepseek(runs: pd.DataFrame, at: Point) -> tuple[float, float]:
    """Its LR with its own batch (arXiv 2401.02954)."""
    compute = 6 * runs["N"].iloc[0] * at["D"]
    return 0.3118 * compute**-0.125, 0.2920 * compute**0.3271 / CONTEXT


def unchanged(told: Sequence[Proxy], at: Point) -> float:
    """The best LR of the nearest small cell at its best batch."""

    def away(proxy: Proxy) -> tuple[float, float]:
        logs = [np.log(proxy.sizes[name] / value) for name, value in at.items() if name != "bs"]
        return round(float(np.hypot.reduce(logs)), 9), proxy.profile.loss_nats.value

    return min(told, key=away).profile.lr.value


def power_law(told: Sequence[Proxy], at: Point) -> float:
    """Least squares of the best LRs of all profiles on the logs of the columns, without a prior."""
    names = list(at)
    design = np.array([[1, *(np.log(proxy.sizes[name]) for name in names)] for proxy in told])
    found = np.linalg.lstsq(design, np.log([proxy.profile.lr.value for proxy in told]), rcond=None)[0]
    return float(np.exp(found @ [1, *(np.log(at[name]) for name in names)]))


PEERS: Mapping[str, Callable[[Asked], tuple[float, float]]] = {
    "Step Law": lambda it: step_law(it.runs, it.at),
    "power law": lambda it: (power_law(it.told, it.at), it.at["bs"]),
    "nearest cell's LR unchanged": lambda it: (unchanged(it.told, it.at), it.at["bs"]),
    "DeepSeek's formulas": lambda it: deepseek(it.runs, it.at),
    "LR 3e-4": lambda it: (3e-4, it.at["bs"]),
}


def compare(work: str, asked: Sequence[Asked], where: str, goals: bool) -> list[Comparison]:
    """Prints the answers, and gives a row for the mean and for the most over the cells, a peer each."""
    laws: list[Law] = [law_of(it.told, it.at, 0, 0) for it in asked]
    ours = [it.score(law.lr.value, it.at["bs"]) for it, law in zip(asked, laws, strict=True)]
    optima = [it.best() for it in asked]
    for it, law, score, (lr, floor) in zip(asked, laws, ours, optima, strict=True):
        inside = "in" if law.lr.low <= lr <= law.lr.high else "OUTSIDE"
        print(f"{dict(it.at)}: {law.lr.value:.3g} ({law.lr.low:.3g} to {law.lr.high:.3g}), {score:.3f} %", end="; ")
        print(f"its own optimum {lr:.3g} is {inside} the interval, floor {floor:.3f} %; {'; '.join(law.warnings)}")
    print(f"exponents { ({name: round(b.value, 2) for name, b in laws[0].exponents.items()}) }")
    theirs = {name: [it.score(*ask(it)) for it in asked] for name, ask in PEERS.items()}
    theirs["floor"] = [floor for _, floor in optima]
    rows = []
    for name, summary in {"mean": np.mean, "most": np.max}.items():
        measure = f"loss above the cell's least, {name}, %"
        if goals:
            rows.append(Comparison(work, measure, "less", "goal", [float(summary(ours))], [GOALS[name]], 1.0, machine=where))
        rows += [
            Comparison(work, measure, "less", peer, [float(summary(ours))], [float(summary(its))], None, machine=where)
            for peer, its in theirs.items()
        ]
    return rows


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        table = read(path)
        if "moe_name" in table.columns:
            where = "Step Law's public table of mixtures of experts, the same on any machine"
            rows = compare("law, 4 mixtures of experts, 2.5 times longer", moe_longer(table), where, False)
            rows += compare("law, 2 mixtures of experts, longer and larger", moe_larger(table), where, False)
        else:
            where = "Step Law's public table of dense models, the same on any machine"
            rows = compare("law, 5 larger cells of 17", dense(table), where, True)
        write("law", rows)


if __name__ == "__main__":
    main()
