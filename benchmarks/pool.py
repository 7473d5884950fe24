"""A pool of whole curves of the default model over phase 2's space: what searches and stopping rules are replayed on.

Every trial has a seed of its own and runs to its end. The curves are kept as a small table, so the pool is made once:

    python -m benchmarks.pool docs/benchmarks/pool_stories.parquet --trials 400 --jobs 2 [--text FILE] [--seed N]

An interrupted call goes on where it was: finished curves lie in work/pool.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from lrsweep.config import checking
from lrsweep.config.params import Hyperparameters, Params
from lrsweep.search import curves
from lrsweep.seeding import derive_seed, generator
from lrsweep.space import Float
from lrsweep.store import artifacts
from lrsweep.store.records import canonical_digest
from lrsweep.text import tokens
from lrsweep.text.corpus import write_corpus
from lrsweep.trainers.builtin import training

LR = Range(min=1e-4, max=1.0, scale="log")  # wider than any study's range, so that both sides of the edge are in it


def values(params: Params, trial: int) -> Hyperparameters:
    """The hyperparameters of a curve: a random point of phase 2's space, LR from LR."""
    ranges = {"lr": LR, "beta2": params.sweep_bayes.beta2, "weight_decay": params.sweep_bayes.weight_decay}
    draws = generator(params.seed, "pool/values", trial).random(len(ranges))
    return Hyperparameters(**{name: r.at(u) for u, (name, r) in zip(draws.tolist(), ranges.items(), strict=True)})


def prepare(params: Params, folder: Path) -> None:
    """The corpus and its tokens, as the pipeline's first two stages make them."""
    if (folder / "valid.bin").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_corpus(params.corpus, params.seed, folder / "train.txt", folder / "valid.txt", folder / "downloads")
    tokenizer = tokens.train_tokenizer(folder / "train.txt", params.tokenize.vocab_size)
    for name in ("train", "valid"):
        tokens.encode_file(tokenizer, folder / f"{name}.txt", folder / f"{name}.bin")


def train(params: Params, folder: Path, trial: int) -> Path:
    """Trains one curve, unless it is there, and writes its rows."""
    path = folder / "curves" / f"{trial:05d}.json"
    if path.exists():
        return path
    training.use_one_thread()
    hyper, seed, budget = values(params, trial), derive_seed(params.seed, "pool/trial", trial), params.sweep_bayes
    size = params.evaluation.batches, params.optimizer.batch_size, params.model.context_length
    valid = tokens.fixed_batches(tokens.load_tokens(folder / "valid.bin"), *size)
    state = training.start(params.model, params.tokenize.vocab_size, params.optimizer, hyper, seed)
    run = training.Run(params.optimizer, budget, hyper.lr, seed, params.model.context_length)
    seen = training.observe(state, run, tokens.load_tokens(folder / "train.bin"), valid, budget.steps)
    curve = curves.follow(seen, curves.Curve(), lambda *_: None)
    row = {"trial": trial, **hyper.model_dump(), "state": curve.state}
    artifacts.write_json(path, [{**row, "step": p.step, "step_lr": p.lr, "loss_nats": p.loss_nats} for p in curve.evals])
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--jobs", type=int, required=True)
    parser.add_argument("--text", help="UTF-8 text; the built-in stories if not given")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    params = checking.load(Path("params.yaml")).model_copy(update={"seed": args.seed})
    if args.text:
        files = params.corpus.model_copy(update={"source": "files", "paths": (args.text,)})
        params = params.model_copy(update={"corpus": files})
    sections = ("corpus", "tokenize", "model", "optimizer", "evaluation", "sweep_bayes")
    digest = canonical_digest([args.seed, *(getattr(params, name).model_dump(mode="json") for name in sections)])
    folder = Path("work/pool") / digest[:16]
    prepare(params, folder)
    rows = []
    with ProcessPoolExecutor(args.jobs) as pool:
        for number, path in enumerate(pool.map(partial(train, params, folder), range(args.trials)), start=1):
            rows += json.loads(path.read_text())
            print(f"\r{number} of {args.trials} curves", end="", flush=True)
    import pandas as pd

    table = pd.DataFrame(rows).astype({"trial": np.int32, "step": np.int32, "loss_nats": np.float64})
    args.table.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(args.table, compression="zstd", index=False)
    print(f"\n{args.table}: {args.table.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
