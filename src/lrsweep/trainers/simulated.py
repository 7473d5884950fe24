"""Made-up curves in the place of training, for tests of scale: fast, deterministic, and never a result."""

import math
from collections.abc import Iterator

from lrsweep.config.params import Hyperparameters, Params
from lrsweep.seeding import generator
from lrsweep.trainers.builtin.training import Eval, Run, Step

START_NATS, FLOOR_NATS = 6.0, 2.0
BEST_LR, DIVERGING_LR = 0.02, 0.2
NOISE_NATS = 0.02


def is_simulated(params: Params) -> bool:
    """Whether these parameters make curves up: nothing that is made under them is evidence."""
    return params.simulate


def observe(hyper: Hyperparameters, run: Run, until: int) -> Iterator[Step | Eval]:
    """Steps and evals as training.observe yields them, from the beginning.

    The loss falls from START_NATS as a power of the steps towards a floor that rises with the square of log LR around BEST_LR
    and of beta2 and weight decay around common values; above DIVERGING_LR it is not finite half way.
    """
    noise = generator(run.seed, "simulation").normal(0.0, NOISE_NATS, size=(run.budget.steps + 1, 2))
    valley = 0.3 * math.log10(hyper.lr / BEST_LR) ** 2 + 20.0 * (hyper.beta2 - 0.98) ** 2 + (hyper.weight_decay - 0.03) ** 2
    floor = FLOOR_NATS + valley

    def loss(step: int, kind: int) -> float:
        if hyper.lr > DIVERGING_LR and step >= run.budget.steps / 2:
            return math.nan
        share = (1.0 + 20.0 * step / run.budget.steps) ** -0.7
        return floor + (START_NATS - floor) * share + float(noise[step, kind])

    for step in range(until + 1):
        lr = run.lr(step)
        if step:
            yield (seen := Step(step, lr, loss(step, 0), 0.5 + lr))
            if not seen.finite:
                return
        if step % run.budget.eval_every == 0:
            yield (measured := Eval(step, lr, loss(step, 1)))
            if not measured.finite:
                return
