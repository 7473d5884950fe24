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

from lrsweep import files
from lrsweep.config import checking
from lrsweep.config.params import Params
from lrsweep.search.curve import Curve, follow
from lrsweep.seeding import derive_seed, generator
from lrsweep.space import Float, Space, Value
from lrsweep.store.records import canonical_digest
from lrsweep.text import tokens
from lrsweep.text.corpus import write_corpus

SPACE = Space(
    {
        "lr": Float(min=1e-4, max=1.0, scale="log"),  # wider than any study's range, so that both sides of the edge are in it
        "beta2": Float(min=0.95, max=0.999, scale="linear"),
        "weight_decay": Float(min=0.001, max=0.1, scale="log"),
    }
)


def values(seed: int, trial: int) -> dict[str, Value]:
    """Draw the configuration of a curve."""
    shares = generator(seed, "pool/values", trial).random(len(SPACE)).tolist()
    return {name: SPACE[name].at(share) for name, share in zip(SPACE, shares, strict=True)}


def prepare(params: Params, folder: Path) -> None:
    """The corpus and its tokens, as the pipeline's first two stages make them."""
    if (folder / "valid.bin").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_corpus(params.corpus, params.seed, folder, folder / "downloads")
    tokenizer = tokens.train_tokenizer(folder / "train.txt", params.tokenize.vocab_size)
    for name in ("train", "valid"):
        tokens.encode_file(tokenizer, folder / f"{name}.txt", folder / f"{name}.bin")


def train(params: Params, folder: Path, trial: int) -> Path:
    """Trains one curve, unless it is there, and writes its rows."""
    from lrsweep.text.batches import fixed_batches
    from lrsweep.trainers.builtin.trainer import Builtin
    from lrsweep.trainers.builtin.training import Data

    path = folder / "curves" / f"{trial:05d}.json"
    if path.exists():
        return path
    budget, size = params.sweep_bayes, (params.optimizer.batch_size, params.model.context_length)
    train_tokens, valid_tokens = (tokens.load_tokens(folder / f"{name}.bin") for name in ("train", "valid"))
    data = Data(params.tokenize.vocab_size, train_tokens, fixed_batches(valid_tokens, params.evaluation.batches, *size), None)
    trainer = Builtin(params.model, params.optimizer, data, "cpu", folder.name)
    found = values(params.seed, trial)
    run = trainer.start(found, derive_seed(params.seed, "pool/trial", trial), budget)
    curve = follow(run.observe(budget.steps), Curve(), lambda *_: None)
    row = {"trial": trial, **found, "state": curve.state}
    rows = [{**row, "step": p.step, "step_lr": p.lr, "loss_nats": p.loss_nats} for p in curve.evals]
    files.write_text(path, json.dumps(rows))
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
        corpus = params.corpus.model_copy(update={"source": "files", "paths": (args.text,)})
        params = params.model_copy(update={"corpus": corpus})
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
