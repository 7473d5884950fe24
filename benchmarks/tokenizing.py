"""Tokenizing: megabytes a second and peak memory, against the `tokenizers` library used plainly.

    python -m benchmarks.tokenizing [--megabytes 1000] [--rounds 3] [--folder work/bench_tokenizing]

The text is made of the built-in stories, as corpus files are; it is removed afterwards. Ours learns from the first
tokens.TRAIN_LIMIT characters. The peer learns from all documents (train_from_iterator), encodes them 1000 at a time
(encode_batch) and writes the ids as 16-bit numbers. Each run is a process of its own. That memory is flat is seen against a
text of a tenth.
"""

import argparse
import json
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.frame import Comparison, alternate, write
from lrsweep.config import checking
from lrsweep.text.corpus import write_corpus
from lrsweep.text.tokens import TRAIN_LIMIT


def make(target: Path, megabytes: float) -> Path:
    """A training text of about so many megabytes."""
    p = checking.load(Path("params.yaml"))
    section = p.corpus.model_copy(update={"source": "stories", "stories_mb": megabytes})
    target.mkdir(parents=True)
    write_corpus(section, p.seed, target, target / "downloads")
    return target / "train.txt"


def run(who: str, text: Path) -> dict[str, float]:
    """One process: bytes a second of both halves, and its peak memory in MB."""
    command = [sys.executable, "-m", "benchmarks.tokenizing_run", who, str(text)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=1000.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("work/bench_tokenizing"))
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    try:
        whole, tenth = (make(args.folder / name, args.megabytes * share) for name, share in (("whole", 1.0), ("tenth", 0.1)))
        results: dict[str, list[dict[str, float]]] = {"ours": [], "tokenizers": []}

        def once(who: str) -> float:
            results[who].append(run(who, whole))
            return results[who][-1]["total"]

        alternate({who: partial(once, who) for who in results}, args.rounds)
        small = [run("ours", tenth)["memory"] for _ in range(args.rounds)]
    finally:
        shutil.rmtree(args.folder, ignore_errors=True)
    work = f"tokenizing {args.megabytes:g} MB"
    limit = TRAIN_LIMIT / 1e6  # characters of one byte, as the stories have
    learning = "learning merges" if args.megabytes <= limit else f"learning merges, ours from the first {limit:.0f} MB"
    rows = []
    for measure, name in (("total", "both halves"), ("learn", learning), ("encode", "encoding")):
        ours, theirs = ([one[measure] for one in results[who]] for who in results)
        rows.append(Comparison(f"{work}, {name}", "MB/s", "more", "tokenizers", ours, theirs, 1.0))
    ours, theirs = ([one["memory"] for one in results[who]] for who in results)
    rows.append(Comparison(work, "peak memory, MB", "less", "tokenizers", ours, theirs, None))
    rows.append(Comparison(work, "peak memory, MB", "less", "itself at a tenth of the text", ours, small, 0.9))
    write("tokenizing", rows)


if __name__ == "__main__":
    main()
