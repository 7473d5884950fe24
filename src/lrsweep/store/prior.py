"""The prior of a study: phase 1's trials as records, which phase 2 knows from the start.

Every trial after the first block has them in sight: it is proposed from them, and compared with them at its rungs.
"""

from typing import Any

from lrsweep.search.trial import EvalPoint, Proposal, Record
from lrsweep.space import Values
from lrsweep.store.results import Results
from lrsweep.store.tables import space_of


def artifacts(prior: str | None) -> list[str]:
    """Name the tables of the prior's trials and of their evals; none where the study has no prior."""
    return [f"{prior}/{name}.parquet" for name in ("trials", "evals")] if prior else []


def load(prior: str | None, fixed: Values, results: Results) -> list[Record]:
    """Read the records of the prior's trials, in trial order. `fixed` has the values of what the prior's study did not vary.

    Raises:
        UserError: the stage that writes them has not run.
    """
    if not prior:
        return []
    trials, evals = (results.read_table(name) for name in artifacts(prior))
    points = {trial: tuple(map(_point, rows.itertuples())) for trial, rows in evals.sort_values("step").groupby("trial")}
    names = space_of(trials).names
    return [_record(row, names, fixed, points.get(row["trial"], ())) for row in trials.sort_values("trial").to_dict("records")]


def _point(row: Any) -> EvalPoint:
    return EvalPoint(int(row.step), float(row.lr), float(row.loss_nats))


def _record(row: dict[str, Any], names: tuple[str, ...], fixed: Values, evals: tuple[EvalPoint, ...]) -> Record:
    values = {**fixed, **{name: row[name] for name in names}}
    proposal = Proposal.known(int(row["trial"]), {"lr": values["lr"], **values}, "uniform")
    return Record("prior", proposal, int(row["seed"]), row["state"], int(row["steps"]), evals, ())
