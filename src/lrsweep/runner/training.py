"""The training of one task, from its start or a checkpoint to its end or a stop."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from lrsweep.runner.checkpoints import Series, write
from lrsweep.search.curve import Curve, Decide, follow
from lrsweep.space import Budget, Values
from lrsweep.trainers.trainer import Observation, Run, Trainer


@dataclass(frozen=True)
class Trained:
    """A training that has ended, before its record is written."""

    run: Run
    curve: Curve
    series: Series
    steps: int  # of this process

    def keep_state(self, folder: Path) -> None:
        """Keep the state, for a later training that goes on from it."""
        write(folder, self.series.identity, self.run, self.curve)


def train(
    trainer: Trainer, values: Values, seed: int, budget: Budget, until: int, decide: Decide, series: Series, start: Path | None
) -> Trained:
    """Train to the step `until`: from a checkpoint where a killed training left one, else from the kept state `start`, if any."""
    run = trainer.start(values, seed, budget)
    curve = series.resume(run, start)
    started = curve.last_step
    observing = cast(Generator[Observation], run.observe(until))  # closed here, since a script is ended by that
    with closing(observing) as seen, closing(series.keep(seen, run, curve, budget.eval_every)) as kept:
        follow(kept, curve, decide)
    return Trained(run, curve, series, curve.last_step - started)
