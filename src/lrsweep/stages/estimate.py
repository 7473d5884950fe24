"""estimate: train the first steps of phase 1, and say how long the whole run would take at that speed."""

import math
import os
import time
from dataclasses import dataclass
from itertools import pairwise

from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.runner.ablating import Ablation
from lrsweep.runner.final import FinalTraining
from lrsweep.runner.progress import duration
from lrsweep.runner.refining import Refine
from lrsweep.runner.repeats import Race
from lrsweep.runner.sweeps import SweepUniform
from lrsweep.search import study
from lrsweep.search.plan import Task
from lrsweep.search.settings import SweepBayes
from lrsweep.space import Budget
from lrsweep.store.results import Results
from lrsweep.trainers.trainer import Step


@dataclass(frozen=True)
class Speed:
    """Seconds of one training step and of one eval, on one worker."""

    step_s: float
    eval_s: float

    def run_s(self, budget: Budget, steps: float) -> float:
        """Give the seconds that a training run of so many steps takes."""
        return steps * self.step_s + (1 + steps / budget.eval_every) * self.eval_s


def run(params: Params, results: Results, steps: int) -> str:
    """Train `steps` steps of trial 0 of phase 1; say what was measured, and how long each stage that trains would take.

    Raises:
        UserError: the text has not been tokenized yet, or a script trains.
    """
    if params.trainer:
        raise UserError(
            "trainer: found a script, expected the built-in model; `lrsweep try` says what a study of the script takes"
        )
    speed, last_nats = measure(params, results, steps)
    select_s = Race(params, results).size.trials * speed.run_s(params.sweep_bayes, params.sweep_bayes.steps)
    audit_s = params.assess.audit_trials * speed.run_s(params.sweep_bayes, params.sweep_bayes.steps)
    final_n = FinalTraining(params, results).size.trials
    workers, placed = os.cpu_count() or 1, (Refine(params, results), Ablation(params, results))
    stages = {
        "sweep_uniform": params.sweep_uniform.trials * speed.run_s(params.sweep_uniform, params.sweep_uniform.steps) / workers,
        "sweep_bayes": speed.run_s(params.sweep_bayes, least_steps(params.sweep_bayes)) / workers,
        "assess": audit_s / workers,
        "select": select_s / workers,
        "scale": scale_steps(params) * speed.step_s / workers,
        **{study.stage: study.size.trials * speed.run_s(study.budget, study.budget.steps) / workers for study in placed},
        "train": speed.run_s(params.train, params.train.steps) * math.ceil(final_n / workers),
    }
    # an imported study is not trained, and its stopped trials cannot be trained further
    untrained = {one.stage for one in placed if not one.size.trials} | ({"scale"} if params.scale is None else set())
    untrained |= {"sweep_uniform"} if params.sweep_uniform.imported else set()
    untrained |= {"sweep_bayes", "assess"} if params.sweep_bayes.imported else set()
    stages = {name: seconds for name, seconds in stages.items() if name not in untrained}
    lines = [
        f"{steps} steps of trial 0, to a loss of {last_nats:.3f} nats: {speed.step_s:.3g} s each, an eval {speed.eval_s:.3g} s",
        f"At this speed, with {workers} workers at once:",
        *(f"  {name:14} {duration(seconds)}" for name, seconds in stages.items()),
        f"  {'together':14} {duration(sum(stages.values()))}, without start-up and analysis",
    ]
    if "sweep_bayes" in stages:
        if params.sweep_bayes.ending:
            lines.append("Phase 2 takes at most this time: its ending may come before its last trial (sweep_bayes.ending)")
        whole_s = speed.run_s(params.sweep_bayes, most_steps(params.sweep_bayes)) / workers
        share = f"1/{params.sweep_bayes.stopping.eta}"
        lines.append(f"Phase 2 is counted with {share} of its trials past each rung; if all pass, it takes {duration(whole_s)}")
    return "\n".join(lines)


def measure(params: Params, results: Results, steps: int) -> tuple[Speed, float]:
    """Give the speed, and the training loss of the last step in nats."""
    own, section = SweepUniform(params, results), params.sweep_uniform
    proposal, seed = own.planned(Task(0, 0, section.steps))
    run = own.trainer().start(proposal.values, seed, section)
    clock = time.perf_counter()
    step_s, eval_s, last_nats = [], [], float("nan")
    for seen in run.observe(min(steps, section.steps)):
        seconds, clock = time.perf_counter() - clock, time.perf_counter()
        if isinstance(seen, Step):
            step_s.append(seconds)
            last_nats = seen.loss_nats if seen.loss_nats is not None else last_nats
        else:
            eval_s.append(seconds)
    return Speed(sorted(step_s)[len(step_s) // 2], eval_s[-1]), last_nats


def scale_steps(params: Params) -> float:
    """Give the steps of the proxies, each counted by the parameters of its model against those of the final one."""
    section = params.scale
    if section is None:
        return 0.0
    shares = [1.0]
    if section.sizes and not params.trainer:
        shares = [params.model.model_copy(update=size).parameters / params.model.parameters for size in section.sizes]
    batches = [one / params.optimizer.batch_size for one in section.batch_size] or [1.0]
    return section.runs * sum(section.steps) * sum(shares) * sum(batches)


def block_steps(section: SweepBayes, *, resumes: bool = True) -> int:
    """Give the steps of phase 2's first block, which is halved at each rung; what does not resume begins anew after each."""
    levels = zip(_gaps(section) if resumes else section.levels, section.levels, strict=True)
    return sum(steps * study.len_at(level, section) for steps, level in levels)


def least_steps(section: SweepBayes, *, resumes: bool = True) -> float:
    """Give the steps that phase 2 trains when 1/eta of the trials go on at each rung."""
    later = sum(gap / section.stopping.eta**i for i, gap in enumerate(_gaps(section)))
    return block_steps(section, resumes=resumes) + later * (section.trials - section.first_block)


def most_steps(section: SweepBayes) -> int:
    """Give the steps that phase 2 trains when every trial after the block passes all rungs."""
    return block_steps(section) + section.steps * (section.trials - section.first_block)


def _gaps(section: SweepBayes) -> list[int]:
    """Give the steps from each rung to the next, with the start and the end as rungs."""
    return [end - start for start, end in pairwise((0, *section.levels))]
