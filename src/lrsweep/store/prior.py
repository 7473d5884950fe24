"""The prior of a study: what phase 2 knows from the start, phase 1's trials as records.

They are in sight of every trial after the first block: its proposal is made from them and its stopping rule compares with them.
"""

from pathlib import Path

from lrsweep.config.params import VARIED
from lrsweep.search.settings import SweepBayes
from lrsweep.search.trial import EvalPoint, Proposal, Record
from lrsweep.store import artifacts


def tables(section: SweepBayes) -> list[Path]:
    """The tables of the trials and of their evals; none where the study has no prior."""
    return [artifacts.RESULTS / section.prior / f"{name}.parquet" for name in ("trials", "evals")] if section.prior else []


def load(section: SweepBayes) -> list[Record]:
    """The records of the prior's trials, in trial order.

    Raises:
        UserError: the stage that writes them has not run.
    """
    if not section.prior:
        return []
    trials, evals = (artifacts.read_table(path, path.stem) for path in tables(section))
    points = {trial: tuple(map(_point, rows.itertuples())) for trial, rows in evals.sort_values("step").groupby("trial")}
    return [_record(row, points.get(row.trial, ())) for row in trials.sort_values("trial").itertuples()]


def _point(row) -> EvalPoint:
    return EvalPoint(int(row.step), float(row.lr), float(row.loss_nats))


def _record(row, evals: tuple[EvalPoint, ...]) -> Record:
    proposal = Proposal.known(int(row.trial), {name: float(getattr(row, name)) for name in VARIED}, "uniform")
    return Record("prior", proposal, int(row.seed), row.state, int(row.steps), evals, ())
