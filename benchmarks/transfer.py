"""Whether the LR of small runs carries over: the default model at many lengths and widths, predicted against each one's own best.

    python -m benchmarks.transfer --steps 300 600 --widths 32 64 [--parametrizations standard mup] [--ways carried chosen default]
    python -m benchmarks.transfer --tables

Each run is kept in docs/benchmarks/transfer.csv as it ends, and is not trained again: so a call can be stopped, and another one
adds to it. The largest cells take hours of one core.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import mean

import numpy as np

from benchmarks import terms
from benchmarks.frame import FOLDER, machine, markdown
from benchmarks.kept import add, known
from benchmarks.pool import prepare
from benchmarks.terms import CHOSEN, CHOSEN_STEPS, DATA, DEFAULT, LIBRARY, train
from lrsweep.analysis.law import MUP_WIDTH, Law, Proxy, law_of
from lrsweep.analysis.profile import BAND, Run, are_enough, profile_of
from lrsweep.config import checking
from lrsweep.config.params import Params
from lrsweep.seeding import derive_seed
from lrsweep.space import Budget, Value
from lrsweep.trainers.builtin.terms import read

TABLE = FOLDER / "transfer.csv"
COLUMNS = ("steps", "d_model", "parametrization", "way", "lr", "seed", "final_loss_nats", "machine")
FACTORS = (1.0, 0.5, 2.0, 0.25, 4.0, 0.125)  # of the chosen LR, in the order of training
HEAD_WIDTH, FFN_RATIO, WARMUP_SHARE, EVALS = 16, 3, 0.1, 20
SMALL_STEPS, SMALL_WIDTH = 600, 64  # the largest proxies that a prediction is made from
FARTHEST = 8  # times the largest proxy up to which the goal asks
Row = dict[str, str]
Cell = tuple[int, int]  # steps, d_model
Curves = Mapping[Cell, Sequence[Run]]


def ways() -> dict[str, dict[str, Value]]:
    """The other values: as chosen at 300 steps, with weight decay carried as a share of the run, and PyTorch's."""
    beta2 = {"beta2": CHOSEN["beta2"]}
    return {
        "carried": {**beta2, "averaging_share": read("averaging_share", CHOSEN, CHOSEN_STEPS)},
        "chosen": {**beta2, "weight_decay": CHOSEN["weight_decay"]},
        "default": dict(LIBRARY),
    }


def sized(params: Params, width: int, parametrization: str) -> Params:
    """Give the parameters of a width, with heads and feed-forward part in proportion."""
    own = {"d_model": width, "n_heads": width // HEAD_WIDTH, "d_ff": FFN_RATIO * width}
    more = {} if parametrization == "standard" else {"parametrization": parametrization, "base_width": params.model.d_model}
    return params.model_copy(update={"model": params.model.model_copy(update={**own, **more})})


def asked(args: argparse.Namespace) -> Iterator[tuple[Row, float]]:
    """Yield the rows of the asked runs without their losses, the cheapest first, with their LRs."""
    cells = sorted(product(args.steps, args.widths), key=lambda cell: cell[0] * cell[1])
    for (steps, width), kind, way, number, factor in product(
        cells, args.parametrizations, args.ways, range(args.seeds), args.factors
    ):
        lr = factor * float(CHOSEN["lr"])
        about = (steps, width, kind, way, f"{lr:.6g}", number)
        yield dict(zip(COLUMNS, map(str, about), strict=False)) | {"machine": machine()}, lr


def run(args: argparse.Namespace) -> None:
    """Train what is missing."""
    params = checking.load(Path("params.yaml"))
    prepare(params, DATA)
    for row, lr in asked(args):
        if any(all(one[name] == row[name] for name in COLUMNS[:6]) for one in known(TABLE)):
            continue
        steps = int(row["steps"])
        budget = Budget(steps=steps, warmup_steps=round(WARMUP_SHARE * steps), eval_every=steps // EVALS)
        own = sized(params, int(row["d_model"]), row["parametrization"])
        loss = train(own, {**ways()[row["way"]], "lr": lr}, derive_seed(params.seed, "transfer", int(row["seed"])), budget)
        add(TABLE, COLUMNS, {**row, "final_loss_nats": str(loss or "")})
        print(*(row[name] for name in COLUMNS[:6]), loss, flush=True)


def curves(kind: str, way: str) -> dict[Cell, list[Run]]:
    """Give the runs of each cell that was trained at enough LRs for a profile."""
    cells: dict[Cell, list[Run]] = {}
    for row in known(TABLE):
        if (row["parametrization"], row["way"]) == (kind, way):
            loss = float(row["final_loss_nats"]) if row["final_loss_nats"] else None
            cells.setdefault((int(row["steps"]), int(row["d_model"])), []).append(Run(float(row["lr"]), int(row["seed"]), loss))
    return {cell: runs for cell, runs in sorted(cells.items()) if are_enough(runs)}


def predicted(cells: Curves, target: Cell, kind: str) -> Law | None:
    """Ask the law of the cells up to SMALL_STEPS and SMALL_WIDTH and no larger than the target; None where these are too few."""
    steps, width = target
    told = {
        cell: runs
        for cell, runs in cells.items()
        if cell != target and cell[0] <= min(steps, SMALL_STEPS) and cell[1] <= min(width, SMALL_WIDTH)
    }
    place = {"steps": 0, "d_model" if kind == "standard" else MUP_WIDTH: 1}
    names = [name for name, i in place.items() if len({cell[i] for cell in told}) > 1]
    if not names:
        return None
    proxies = [Proxy({name: float(cell[place[name]]) for name in names}, profile_of(runs, 0)) for cell, runs in told.items()]
    return law_of(proxies, {name: float(target[place[name]]) for name in names}, 0, 0)


def excess(runs: Sequence[Run], lr: float) -> float:
    """Give the loss at an LR above the least one, in percent.

    Both are those of a parabola in log LR through the best of the trained LRs and its neighbours; beyond them, of the straight
    line from one LR to the next.
    """
    by_lr: dict[float, list[float]] = {}
    for one in runs:
        by_lr.setdefault(one.lr, []).append(one.loss_nats if one.loss_nats is not None else np.inf)
    lrs, losses = np.array(sorted(by_lr)), np.array([mean(by_lr[one]) for one in sorted(by_lr)])
    best = int(np.clip(np.argmin(losses), 1, len(lrs) - 2))
    near = slice(best - 1, best + 2)
    parabola = np.polynomial.Polynomial.fit(np.log(lrs[near]), losses[near], 2)
    least = float(parabola(np.linspace(*np.log(lrs[near][[0, 2]]), 201)).min())
    inside = lrs[near][0] <= lr <= lrs[near][2]
    return 100 * (float(parabola(np.log(lr)) if inside else np.interp(np.log(lr), np.log(lrs), losses)) / least - 1)


def tables() -> str:
    """Give for each cell its own best LR, and what the law of the small ones says of it."""
    parts = []
    for kind, way in dict.fromkeys((row["parametrization"], row["way"]) for row in known(TABLE)):
        cells, lines = curves(kind, way), []
        for cell, runs in cells.items():
            own, law = profile_of(runs, 0), predicted(cells, cell, kind)
            line = [
                *map(str, cell),
                f"{own.lr.value:.4f}",
                f"{own.lr.low:.4f} to {own.lr.high:.4f}",
                f"{own.loss_nats.value:.3f}",
            ]
            if law is None:
                lines.append([*line, "-", "-", "-", "-"])
                continue
            above = excess(runs, law.lr.value)
            asked_for = max(cell[0] / SMALL_STEPS, cell[1] / SMALL_WIDTH) <= FARTHEST
            met = ("yes" if above <= 100 * BAND else "no") if asked_for else "not asked"
            lines.append([*line, f"{law.lr.value:.4f}", f"{law.lr.low:.4f} to {law.lr.high:.4f}", f"{above:.2f}", met])
        heads = ["steps", "width", "best LR", "95 %", "loss there", "predicted LR", "95 %", "loss above best, %", "within 0.5 %"]
        parts.append(f"{kind}, {way}\n\n{markdown(heads, lines)}\n")
    return "\n".join([*parts, "final training, at the chosen LR\n", final()])


FINAL = {"nothing carried": "warmup_share", "weight decay carried": "averaging_share+warmup_share"}  # their names in terms.csv


def final() -> str:
    """Give what the chosen values come to in longer runs, beside the best of three LRs with the chosen and the default values."""
    lines, rows = [], known(terms.TABLE)
    for steps in sorted({row["steps"] for row in rows}, key=int):
        losses: dict[tuple[str, float], list[float]] = {}
        for row in rows:
            if row["steps"] == steps and row["final_loss_nats"]:
                losses.setdefault((row["carried"], float(row["lr_factor"])), []).append(float(row["final_loss_nats"]))
        means = {key: mean(found) for key, found in losses.items()}
        rivals = {key: one for key, one in means.items() if key[0] in (FINAL["nothing carried"], DEFAULT)}
        least = min(rivals.values())
        for name, way in FINAL.items():
            if (way, 1.0) in means:
                own, above = means[way, 1.0], 100 * (means[way, 1.0] / least - 1)
                counts = (
                    str(len(losses[way, 1.0])),
                    f"{least:.3f}",
                    str(len(rivals)),
                    f"{above:.2f}",
                    "yes" if above <= 100 * BAND else "no",
                )
                lines.append([steps, name, f"{own:.3f}", *counts])
    heads = ["steps", "chosen values", "loss", "seeds", "least of the others", "of so many", "above, %", "within 0.5 %"]
    return markdown(heads, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, nargs="+", help="lengths of the runs, multiples of 20")
    parser.add_argument("--widths", type=int, nargs="+", default=(SMALL_WIDTH,), help="d_model, multiples of 16")
    parser.add_argument("--parametrizations", nargs="+", choices=("standard", "mup"), default=("standard",))
    parser.add_argument("--ways", nargs="+", choices=tuple(ways()), default=("carried",))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--factors", type=float, nargs="+", default=FACTORS, help="multiples of the chosen LR")
    parser.add_argument("--tables", action="store_true", help="print what the table has, and train nothing")
    args = parser.parse_args()
    if not args.tables:
        run(args)
    print(tables())


if __name__ == "__main__":
    main()
