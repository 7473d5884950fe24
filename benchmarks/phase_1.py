"""Phase 1 in the world of the replay: its trials as params.yaml has them, and the LR range that phase 2 takes from its edge."""

import pandas as pd

from benchmarks.clock import trial_seed
from benchmarks.world import World
from lrsweep import artifacts, curves, study
from lrsweep.edges import find_edge
from lrsweep.params import VARIED, Budget, Params, Range
from lrsweep.proposing import uniform
from lrsweep.records import EvalPoint, Proposal, Record
from lrsweep.schedule import lr_at

FIRST = 100_000  # so its trials show other noise than phase 2's of the same number


def trained(world: World, proposal: Proposal, budget: Budget, seed: int, until: int) -> Record:
    """What training to the step `until` would have shown."""
    losses = world.observe(world.place({name: getattr(proposal, name) for name in VARIED}), seed)
    points = zip(world.steps_E.tolist(), losses.tolist(), strict=True)
    evals = tuple(EvalPoint(step, lr_at(step, proposal.lr, budget, 0.1), loss) for step, loss in points if step <= until)
    return Record("replay", proposal, seed, artifacts.COMPLETE, until, evals, ())


def trials(world: World, p: Params, seed: int) -> list[Record]:
    """Phase 1's trials, each trained to its end."""
    section, found = p.sweep_uniform, []
    for k in range(section.trials):
        proposal = uniform(seed, "sweep_uniform", k, section.lr, p.optimizer.beta2, p.optimizer.weight_decay)
        found.append(trained(world, proposal, section, trial_seed(seed, FIRST + k), section.steps))
    return found


def lr_range(world: World, found: list[Record], p: Params, seed: int) -> Range:
    """Phase 2's range around the edge, as the stage `edge` gives it; its spikes, which a pool has none of, do not enter it."""
    metric = p.sweep_bayes.metric
    table = pd.DataFrame([study.trial_row(record, metric, None) for record in found])
    evals = pd.DataFrame([row for record in found for row in curves.eval_rows(record, metric)])
    steps = pd.DataFrame({name: pd.Series(dtype=float) for name in ("trial", "step", "lr", "grad_norm")})
    section = p.edge.model_copy(update={"bootstrap": 0})
    content, _ = find_edge(table, evals, steps, section, p.sweep_uniform, seed)
    around = Range.model_validate(content["lr_range"])
    return around.model_copy(update={"max": min(around.max, float(world.most_D[0]))})  # beyond, a pool knows nothing
