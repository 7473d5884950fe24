"""Search quality: steps trained until the best complete trial's true loss is within 0.5 % of the best, replayed on a pool.

    python -m benchmarks.search docs/benchmarks/pool_tinystories.parquet --seeds 50

Truth is a Gaussian-process smoother of the pool, fitted on the log of the final loss and applied to every eval. What a search
observes is truth times the residual curve of a pool member with a near learning rate.
"""

import argparse
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.pool import LR
from lrsweep import artifacts, checking, study
from lrsweep.curves import Curve
from lrsweep.params import VARIED, Hyperparameters, Range, SweepBayes
from lrsweep.proposing import propose
from lrsweep.records import EvalPoint, Proposal, Record
from lrsweep.schedule import lr_at
from lrsweep.seeding import derive_seed, generator
from lrsweep.smoothing import Smoother, fit

WITHIN = 0.005  # share of the best true loss
BUDGET = 36_000  # steps
NEAR = 12  # pool members that a residual is drawn from
WORST_NATS = 7.0  # stands for a loss that is not finite or above it


@dataclass(frozen=True)
class Pool:
    """Whole curves: unit coordinates N x D, log losses N x E, and the smoother of their ends."""

    ranges: dict[str, Range]
    points_ND: np.ndarray
    logs_NE: np.ndarray
    residuals_NE: np.ndarray
    steps: tuple[int, ...]
    smoother: Smoother

    def place(self, hyper: Hyperparameters) -> np.ndarray:
        return np.array([[self.ranges[name].share(getattr(hyper, name)) for name in VARIED]])

    def truth(self, hyper: Hyperparameters) -> np.ndarray:
        """The true loss in nats at every eval."""
        mean = self.logs_NE.mean(0)
        return np.exp(mean + self.smoother.weights(self.place(hyper), self.points_ND)[0] @ (self.logs_NE - mean))

    def observe(self, hyper: Hyperparameters, seed: int) -> np.ndarray:
        """A noisy curve: the same for the same seed, however much of it is trained."""
        gaps = np.abs(self.points_ND[:, 0] - self.place(hyper)[0, 0])
        near = np.argsort(gaps, kind="stable")[:NEAR]
        member = near[generator(seed, "observe").integers(NEAR)]
        return self.truth(hyper) * np.exp(self.residuals_NE[member])

    def best(self) -> float:
        """The least true final loss, in nats, over a dense sample of the space."""
        draws = generator(0, "pool/best").random((20_000, len(VARIED)))
        mean = self.logs_NE[:, -1].mean()
        ends = mean + self.smoother.weights(draws, self.points_ND) @ (self.logs_NE[:, -1] - mean)
        return float(np.exp(ends.min()))


def load(path: Path, section: SweepBayes) -> Pool:
    import pandas as pd

    table = pd.read_parquet(path)
    ranges = {"lr": LR, "beta2": section.beta2, "weight_decay": section.weight_decay}
    wide = table.pivot_table(index="trial", columns="step", values="loss_nats", dropna=False)
    losses = wide.fillna(WORST_NATS).clip(upper=WORST_NATS).to_numpy()
    hyper = table.groupby("trial")[list(VARIED)].first()
    points = np.column_stack([[ranges[name].share(value) for value in hyper[name]] for name in VARIED])
    logs = np.log(losses)
    smoother = fit(points, logs[:, -1])
    mean = logs.mean(0)
    residuals = logs - (mean + smoother.weights(points, points) @ (logs - mean))
    return Pool(ranges, points, logs, residuals, tuple(int(step) for step in wide.columns), smoother)


@dataclass(frozen=True)
class Ended:
    """A trial that a search trained: its true final loss if it is complete, and the study's steps when it ended."""

    true_nats: float | None
    steps: int


def record(pool: Pool, section: SweepBayes, proposal: Proposal, seed: int, until: int) -> Record:
    """The record of a trial trained to a step."""
    losses = pool.observe(proposal.hyperparameters, seed)
    lrs = [lr_at(step, proposal.lr, section, 0.1) for step in pool.steps]
    evals = [EvalPoint(s, lr, float(v)) for s, lr, v in zip(pool.steps, lrs, losses, strict=True) if s <= until]
    return Record("replay", proposal, seed, artifacts.COMPLETE, until, tuple(evals), ())


def ours(pool: Pool, section: SweepBayes, seed: int) -> Iterator[Ended]:
    """Our study, trial after trial: what trial k sees does not depend on how long the others took."""
    spent, lr = 0, pool.ranges["lr"]
    levels, trials = [], list(range(section.first_block))
    seeds = {k: derive_seed(seed, "search/trial", k) for k in range(10_000)}
    first = {k: propose([], [], k, section, lr, seed) for k in trials}
    for level, goal in enumerate((*section.rungs, section.steps)):
        levels.append({k: record(pool, section, first[k], seeds[k], goal) for k in trials})
        spent += len(trials) * (goal - (0, *section.rungs)[level])
        if goal < section.steps:
            trials = study.survivors(levels[-1], goal, section)
    found = study.close_block(levels, section)
    for k in trials:
        yield Ended(float(pool.truth(first[k].hyperparameters)[-1]), spent)
    proposals = dict(first)
    k = section.first_block
    while spent < BUDGET:
        seen = [found[j] for j in (*range(section.first_block), *study.sight(k, section))]
        waiting = [proposals[j] for j in study.pending(k, section)]
        proposals[k] = propose(seen, waiting, k, section, lr, seed)
        found.append(judged(record(pool, section, proposals[k], seeds[k], section.steps), seen, section))
        spent += found[k].steps
        complete = found[k].state == artifacts.COMPLETE
        yield Ended(float(pool.truth(proposals[k].hyperparameters)[-1]) if complete else None, spent)
        k += 1


def judged(whole: Record, seen: list[Record], section: SweepBayes) -> Record:
    """The record as it is when the stopping rule had its say at every rung."""
    decide = study.judge_by(seen, section, whole.proposal.lr)
    for rung in section.rungs:
        evals = tuple(point for point in whole.evals if point.step <= rung)
        if (point := decide(Curve(evals=list(evals)), rung)) and point.stopped:
            return replace(whole, state=artifacts.PRUNED, steps=rung, evals=evals)
    return whole


def random_search(pool: Pool, section: SweepBayes, seed: int) -> Iterator[Ended]:
    """Random points, all trained to their ends."""
    for k in range(BUDGET // section.steps):
        draws = generator(seed, "search/random", k).random(len(VARIED)).tolist()
        hyper = Hyperparameters(**{name: pool.ranges[name].at(u) for name, u in zip(VARIED, draws, strict=True)})
        yield Ended(float(pool.truth(hyper)[-1]), (k + 1) * section.steps)


def steps_to_goal(search: Callable[..., Iterator[Ended]], pool: Pool, section: SweepBayes, goal: float, seed: int) -> float:
    """Steps trained until a complete trial is truly within the goal; infinite where the budget ends first."""
    return next((end.steps for end in search(pool, section, seed) if end.true_nats is not None and end.true_nats <= goal), np.inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pool", type=Path)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    section = checking.load(Path("params.yaml")).sweep_bayes
    pool = load(args.pool, section)
    goal = pool.best() * (1 + WITHIN)
    print(f"{len(pool.points_ND)} curves; best true loss {pool.best():.4f} nats, goal {goal:.4f}")
    variants = {
        "ours": (ours, section),
        "ours, told of 64 trials": (ours, section.model_copy(update={"most_told": 64})),
        "ours, told of all": (ours, section.model_copy(update={"most_told": 100_000})),
        "random": (random_search, section),
    }
    with ProcessPoolExecutor(args.jobs) as workers:
        for name, (search, used) in variants.items():
            work = partial(steps_to_goal, search, pool, used, goal)
            steps = np.array(list(workers.map(work, range(args.seeds))))
            low, median, high = np.quantile(np.where(np.isfinite(steps), steps, 1e9), [0.25, 0.5, 0.75])
            print(
                f"{name:28} median {median:8.0f}, quartiles {low:8.0f} to {high:8.0f}, missed {np.isinf(steps).mean():.0%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
