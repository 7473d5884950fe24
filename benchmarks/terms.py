"""What a configuration that was chosen at 300 steps is worth at other lengths: taken over plainly, and in carried terms.

    python -m benchmarks.terms --steps 2000 --seeds 2 [--lrs 1 2 0.5] [--ways averaging_share+beta2_share+warmup_share default]
    python -m benchmarks.terms --tables

Trains the default model with what the recorded study chose, each combination of terms carried over, and with PyTorch's beta2 and
weight decay, at multiples of the chosen LR. Each run is kept in docs/benchmarks/terms.csv as it ends, and is not trained again.
"""

import argparse
from collections.abc import Iterator, Mapping
from itertools import combinations, product
from pathlib import Path
from statistics import mean

from benchmarks.frame import FOLDER, machine, markdown
from benchmarks.kept import add, known
from benchmarks.pool import prepare
from lrsweep.config import checking
from lrsweep.config.params import Params
from lrsweep.seeding import derive_seed
from lrsweep.space import Budget, Value
from lrsweep.trainers.builtin.settings import override
from lrsweep.trainers.builtin.terms import TERMS, read

CHOSEN: Mapping[str, Value] = {"lr": 0.01949, "beta2": 0.9775, "weight_decay": 0.0886, "warmup_steps": 30}
CHOSEN_STEPS = 300
LIBRARY: Mapping[str, Value] = {"beta2": 0.999, "weight_decay": 0.01}  # PyTorch's default
DEFAULT = "default"
LRS = (1.0, 2.0, 0.5)  # multiples of the chosen LR
EVALS = 20  # of a run
TABLE, DATA = FOLDER / "terms.csv", Path("work/terms")
COLUMNS = ("steps", "carried", "lr_factor", "lr", "beta2", "weight_decay", "warmup_steps", "seed", "final_loss_nats", "machine")
Row = dict[str, str]


def ways() -> dict[str, dict[str, Value]]:
    """Give the configurations, at the chosen LR; those that carry the warm-up come first, as the pipeline's own lengths do."""
    shares = {name: read(name, CHOSEN, CHOSEN_STEPS) for name in TERMS}
    subsets = [chosen for n in range(len(TERMS), -1, -1) for chosen in combinations(TERMS, n)]
    found: dict[str, dict[str, Value]] = {}
    for carried in sorted(subsets, key=lambda one: "warmup_share" not in one):
        plain = {name: value for name, value in CHOSEN.items() if name not in {TERMS[one].name for one in carried}}
        found["+".join(carried) or "nothing"] = plain | {name: shares[name] for name in carried}
    return found | {DEFAULT: {"lr": CHOSEN["lr"], **LIBRARY, "warmup_share": shares["warmup_share"]}}


def cells(args: argparse.Namespace, params: Params) -> Iterator[tuple[Row, dict[str, Value], Budget]]:
    """Yield the rows of the asked runs without their losses, the configurations, and the length."""
    budget = Budget(steps=args.steps, warmup_steps=0, eval_every=args.steps // EVALS)
    for number, factor, way in product(range(args.seeds), args.lrs, args.ways):
        values = {**ways()[way], "lr": factor * float(CHOSEN["lr"])}
        optimizer, _, trained = override(values, params.optimizer, params.model, budget)
        about = {
            "steps": args.steps,
            "carried": way,
            "lr_factor": factor,
            "lr": values["lr"],
            "beta2": optimizer.beta2,
            "weight_decay": optimizer.weight_decay,
            "warmup_steps": trained.warmup_steps,
            "seed": number,
            "machine": machine(),
        }
        yield {name: f"{value:.6g}" if isinstance(value, float) else str(value) for name, value in about.items()}, values, budget


def train(params: Params, values: Mapping[str, Value], seed: int, budget: Budget) -> float | None:
    """Train a run to its end; the loss is None where it diverged."""
    from lrsweep.search.curve import Curve, follow
    from lrsweep.text import tokens
    from lrsweep.text.batches import fixed_batches
    from lrsweep.trainers.builtin.trainer import Builtin
    from lrsweep.trainers.builtin.training import Data

    size = params.optimizer.batch_size, params.model.context_length
    train_tokens, valid_tokens = (tokens.load_tokens(DATA / f"{name}.bin") for name in ("train", "valid"))
    data = Data(params.tokenize.vocab_size, train_tokens, fixed_batches(valid_tokens, params.evaluation.batches, *size), None)
    run = Builtin(params.model, params.optimizer, data, "cpu", "terms").start(values, seed, budget)
    return follow(run.observe(budget.steps), Curve(), lambda *_: None).evals[-1].loss_nats


def run(args: argparse.Namespace) -> None:
    """Train what is missing. Ways that come to the same values share one training."""
    params = checking.load(Path("params.yaml"))
    prepare(params, DATA)
    for row, values, budget in cells(args, params):
        rows, same = known(TABLE), [name for name in COLUMNS if name not in ("carried", "lr_factor", "final_loss_nats")]
        if any(all(one[name] == row[name] for name in (*same, "carried")) for one in rows):
            continue
        twins = [one["final_loss_nats"] for one in rows if all(one[name] == row[name] for name in same)]
        seed = derive_seed(params.seed, "terms", int(row["seed"]))
        loss = twins[0] if twins else str(train(params, values, seed, budget) or "")
        add(TABLE, COLUMNS, {**row, "final_loss_nats": loss})
        print(row["steps"], row["carried"], "x", row["lr_factor"], "seed", row["seed"], loss, flush=True)


def tables() -> str:
    """Give, for each length, the mean final loss of each way at each multiple of the LR, with the number of seeds."""
    parts, rows = [], known(TABLE)
    for steps in sorted({int(row["steps"]) for row in rows}):
        own = [row for row in rows if row["steps"] == str(steps)]
        lines = []
        for way in dict.fromkeys([*ways(), *(row["carried"] for row in own)]):
            of_way = [row for row in own if row["carried"] == way]
            if of_way:
                losses = [[row["final_loss_nats"] for row in of_way if float(row["lr_factor"]) == factor] for factor in LRS]
                lines.append([way, *map(_cell, losses)])
        parts.append(f"{steps} steps\n\n{markdown(['carried over', *(f'{factor:g} x LR' for factor in LRS)], lines)}\n")
    return "\n".join(parts)


def _cell(losses: list[str]) -> str:
    """Write a mean with the number of its runs; a diverged run has no loss."""
    if not losses:
        return "-"
    return f"{mean(map(float, losses)):.4f} ({len(losses)})" if all(losses) else "diverged"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, help="length of the runs, a multiple of 20")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--lrs", type=float, nargs="+", default=LRS)
    parser.add_argument("--ways", nargs="+", choices=tuple(ways()), default=tuple(ways()))
    parser.add_argument("--tables", action="store_true", help="print what the table has, and train nothing")
    args = parser.parse_args()
    if not args.tables:
        run(args)
    print(tables())


if __name__ == "__main__":
    main()
