"""trying: run one trial of a person's script to a rung, in several ways, and say what a study would see of it."""

import itertools
import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lrsweep.config.params import Params
from lrsweep.config.script import unexpanded
from lrsweep.errors import UserError
from lrsweep.runner.catalogue import STUDIES, study_of
from lrsweep.runner.final import FinalTraining
from lrsweep.runner.probing import Probes
from lrsweep.runner.progress import duration
from lrsweep.runner.sweeps import SweepBayes
from lrsweep.runner.trainer import default_values, make_script
from lrsweep.seeding import derive_seed
from lrsweep.stages.estimate import least_steps
from lrsweep.store.results import FOLDER, Results, work
from lrsweep.terminal import note
from lrsweep.trainers.command.settings import CurveFile, Script
from lrsweep.trainers.trainer import Eval, RunFailed, Step

SAME_LR = 1e-6  # relative difference of two LRs that are equal but for their last digits
FAR = 3.0  # times the largest difference between repeats: what lies further from all of them has another cause
MORE_REPEATS = 3  # where two runs of one seed differ: a single difference is often a small one by chance


@dataclass
class Seen:
    """What one way of running gave: the loss at each step that the script measured and at each step of the grid, LRs, seconds."""

    measured: dict[int, float] = field(default_factory=dict)
    evals: dict[int, float] = field(default_factory=dict)
    lrs: dict[int, float] = field(default_factory=dict)
    norms: int = 0
    seconds: float = 0.0


def run(params: Params) -> tuple[list[str], list[str]]:
    """Run the default configuration whole, again, in two halves and with another seed; give what was read, and what is wrong.

    Raises:
        UserError: there is no script, or it failed; with what to do.
    """
    script = params.trainer
    if script is None:
        remedy = "`lrsweep estimate` tries the built-in model"
        raise UserError(f"trainer: found null in params.yaml, expected a script to try; {remedy}")
    section = params.sweep_bayes
    until = next((level for level in section.levels if level >= 2 * section.eval_every), section.steps)
    half = until // 2 // section.eval_every * section.eval_every
    seed = derive_seed(params.seed, "try")
    root = work() / "try"
    shutil.rmtree(root, ignore_errors=True)
    try:
        whole = _run(params, root / "whole", (), seed, until)
        repeats = [whole, _run(params, root / "again", (), seed, until)]
        if _difference(*repeats):
            repeats += [_run(params, root / f"again-{i}", (), seed, until) for i in range(MORE_REPEATS)]
        halves = _run(params, root / "halves", (half,), seed, until) if script.resume else None
        other = _run(params, root / "other-seed", (), derive_seed(params.seed, "try", 1), until)
    except RunFailed as failed:
        raise UserError(f"try: {failed}") from None
    noise = max(itertools.starmap(_difference, itertools.combinations(repeats, 2)))
    apart = f"{len(repeats)} runs of one seed differ by up to {noise:.3g} nats"
    if noise:
        apart += ": sums in another order, or a random state that {seed} does not set"
    said = [
        *unexpanded(script.command),
        *_read(script, whole, until),
        *_grid(whole, section.eval_every),
        apart,
        *_cost(params, repeats, halves, until),
    ]
    return said, [*_resuming(repeats, halves, noise, half), *_seeds(whole, other), *wrong_names(script)]


def _run(params: Params, folder: Path, stops: tuple[int, ...], seed: int, until: int) -> Seen:
    note(f"try: {folder.name}, to step {until}")
    found, began_s = Seen(), time.monotonic()
    training = make_script(params, folder, stops).start(default_values(params), seed, params.sweep_bayes)
    for one in training.observe(until):
        match one:
            case Eval():
                found.evals[one.step] = one.loss_nats
            case Step(lr=lr, grad_norm=norm):
                found.norms += norm is not None
                if lr is not None:
                    found.lrs[one.step] = lr
    found.seconds = time.monotonic() - began_s
    found.measured = {one.step: one.loss for one in training.curve().points if one.loss is not None and one.step <= until}
    return found


def _difference(one: Seen, other: Seen) -> float:
    """Give the largest difference between two runs at the steps that both have measured, in nats."""
    both = one.measured.keys() & other.measured.keys()
    return max((abs(one.measured[step] - other.measured[step]) for step in both), default=math.nan)


def _read(script: Script, whole: Seen, until: int) -> Iterator[str]:
    steps, last = list(whole.evals), list(whole.evals.values())[-1]
    yield f"{len(steps)} evals on the grid, from step {steps[0]} to {steps[-1]} of {until}; the last is {last:.4f} nats"
    for name, n in (("learning rate", len(whole.lrs)), ("gradient norm", whole.norms)):
        key = "lr" if name == "learning rate" else "grad_norm"
        adding = "not logged: the edge will say less; log it, and name it in trainer.curve." + key
        few = ": too few to know spikes; log it at each step" if key == "grad_norm" and n < until - 1 else ""
        yield f"{name}: " + (f"in {n} of {until} steps{few}" if n else adding)


def _grid(whole: Seen, every: int) -> Iterator[str]:
    """Say where trials would be compared by evals of earlier steps."""
    if between := [step for step in whole.evals if step not in whole.measured]:
        own = ", ".join(map(str, list(whole.measured)[:4]))
        found = (
            f"the script measures at steps {own}, …, and trials are compared every {every}: at {between[0]} by an earlier eval"
        )
        yield f"{found}; set eval_every to the script's, or to a multiple"


def _cost(params: Params, repeats: list[Seen], halves: Seen | None, until: int) -> Iterator[str]:
    """Estimate the study: the calls and the steps of its stages, at what one of each took; two halves are one call more."""
    apart = (Probes.stage, SweepBayes.stage, FinalTraining.stage)  # not for scripts; stopped early; said by itself
    sizes = [study_of(stage, params, Results(FOLDER)).size for stage in STUDIES if stage not in apart]
    bayes = params.sweep_bayes
    steps = least_steps(bayes, resumes=params.trainer is None or params.trainer.resume) + sum(
        one.trials * one.levels[-1] for one in sizes
    )
    calls = sum(one.trials for one in sizes) + sum(bayes.trials / bayes.stopping.eta**i for i in range(len(bayes.levels)))
    whole_s = min(one.seconds for one in repeats)
    start_s = min(max(halves.seconds - whole_s, 0.0), whole_s) if halves else 0.0
    step_s = (whole_s - start_s) / until
    starting = f"and {start_s:.3g} s for a start of the script" if halves else "the start of the script included"
    others = FinalTraining(params, Results(FOLDER)).size.trials - 1
    compared = f"as does each of {others} that it is compared with" if others else "compared with nothing"
    yield f"{f'{step_s:.3g} s a step' if step_s else f'no time to speak of for {until} steps'}, {starting}"
    yield (
        f"a study of about {steps:.0f} steps takes {duration(steps * step_s + calls * start_s)} with one worker, W workers a W-th"
        f" of that; the final training another {duration(params.train.steps * step_s + start_s)}, {compared}"
    )


def _resuming(repeats: list[Seen], halves: Seen | None, noise: float, half: int) -> Iterator[str]:
    """Find a resume that restarts the schedule, or loses something else."""
    if halves is None:
        return
    whole = repeats[0]
    both = [(step, lr, halves.lrs[step]) for step, lr in whole.lrs.items() if step in halves.lrs]
    apart = [step for step, lr, other in both if not math.isclose(lr, other, rel_tol=SAME_LR)]
    if apart:
        step = apart[0]
        found = f"the LR at step {step} is {halves.lrs[step]:.4g}, and {whole.lrs[step]:.4g} without a break"
        remedy = "let it follow {steps} and the saved step, not {until}"
        yield f"resuming after step {half} changes the schedule: {found}; {remedy}"
    elif (gap := min(_difference(one, halves) for one in repeats)) > FAR * noise and gap > 0:
        yield (
            f"resuming after step {half} changes the loss by {gap:.3g} nats, where {len(repeats)} runs differ by {noise:.3g};"
            " save the optimizer, the step and the random state too"
        )


def _seeds(whole: Seen, other: Seen) -> Iterator[str]:
    if whole.measured == other.measured:
        yield "two seeds give the same losses: the seed is ignored; pass {seed} on to weights and batches"


def wrong_names(script: Script) -> Iterator[str]:
    """Find a loss that is of the training by its name, or by the text that a pattern looks for before it."""
    curve = script.curve
    if isinstance(curve, CurveFile):
        key, said = "trainer.curve.loss", curve.loss
        wrong = "train" in said.lower() or said.lower() == "loss"
    else:
        key, said = "trainer.curve.pattern", curve.pattern
        before = said[: said.index("(?P<loss>")].lower()
        wrong = "train" in before and "val" not in before[before.rindex("train") :]
    if wrong:
        yield f"{key} is {said!r}, by its name the training loss; name the validation loss, or rename it"
