"""Replays one module's contestants in a saved world: one seed after the other, each outcome a file of its own.

    python -m benchmarks.replay WORLD FOLDER MODULE WORKERS SEEDS [NAME …]

Needs numpy and what MODULE (benchmarks.peers.wandb_engine) imports, so it runs in a peer's environment. An outcome that is there
is not made again. A contestant that is not a function of a world and a seed to a search is one of a world, workers and a seed to
the trials that ended.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from benchmarks import clock, world

WITHIN = 0.005  # share of the best true loss
BUDGET = 36_000  # steps
MARKS = (1_500, 3_000, 6_000)  # steps at which the best complete trial is looked at


def outcome(ended: Iterator[clock.Ended], goal_nats: float) -> dict:
    """Steps and time until a complete trial is truly within the goal, null where the budget ends first, and the loss at MARKS."""
    best, steps, time, at = None, None, None, {}
    for end in takewhile(lambda end: end.steps <= BUDGET, ended):
        for mark in MARKS:
            if end.steps > mark:
                at.setdefault(mark, best)
        if end.true_nats is not None:
            best = min(best or end.true_nats, end.true_nats)
            if steps is None and best <= goal_nats:
                steps, time = end.steps, end.time
        if steps is not None and len(at) == len(MARKS):
            break
    return {"steps": steps, "time": time, "true_nats": at}


def main() -> None:
    place, folder, module, workers, seeds, *names = sys.argv[1:]
    found = world.load(Path(place))
    loaded = importlib.import_module(module)
    goal = found.best() * (1 + WITHIN)
    for seed in range(int(seeds)):
        for number, (name, make) in enumerate(loaded.CONTESTANTS.items()):
            path = Path(folder) / module / f"{number}-{workers}-{seed}.json"
            if path.exists() or (names and name not in names):
                continue
            if hasattr(loaded, "play"):
                ended = loaded.play(make, found, int(workers), seed)
            else:
                ended = clock.play(make(found, seed), found, int(workers), seed)
            row = {"contestant": name, "workers": int(workers), "seed": seed, **outcome(ended, goal)}
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".part").write_text(json.dumps(row))
            path.with_suffix(".part").replace(path)


if __name__ == "__main__":
    main()
