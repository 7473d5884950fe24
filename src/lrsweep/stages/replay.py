"""replay: every proposal and every stop of phase 2 derived again from the records, and held against what is recorded."""

from collections.abc import Sequence

from lrsweep.errors import Mismatch, UserError
from lrsweep.search import study
from lrsweep.search.curves import Curve
from lrsweep.search.proposing import propose
from lrsweep.search.settings import SweepBayes
from lrsweep.search.trial import Proposal, Record, RungPoint
from lrsweep.stages.job import Job
from lrsweep.stages.trials import block_records
from lrsweep.store import records


def run(job: Job) -> str:
    """Says what was derived again.

    Raises:
        Mismatch: a proposal, a comparison at a rung or an end differs from the recorded one; names the first.
        UserError: a record is damaged, or not there yet.
    """
    section = job.params.sweep_bayes
    if section.imported:
        raise UserError(
            f"sweep_bayes.imported: found {section.imported.folder}, expected null: it was not proposed here;"
            " replay a study of your own"
        )
    try:
        block = block_records(job)
        later = [records.load(job.path(k), job.context) for k in range(section.first_block, section.trials)]
    except FileNotFoundError as error:
        raise UserError(
            f"{error.filename}: no such record, so {job.stage} has not ended, expected a finished study;"
            " run snakemake --cores all first"
        ) from None
    found, proposals, stops = [*block, *later], list[Proposal](), 0
    for record in found:
        k = record.trial
        seen = [] if k < section.first_block else [*job.prior, *block, *(found[j] for j in study.sight(k, section))]
        waiting = [proposals[j] for j in study.pending(k, section)]
        proposals.append(propose(seen, waiting, k, section, job.lr, job.params.seed))
        _compare(k, "proposal", record.proposal, proposals[k])
        if k >= section.first_block:  # the block's comparisons are made from its segments each time it is read
            _compare(k, "rungs", record.rungs, judged(record, seen, section))
        stops += len(record.rungs)
    return f"{len(found)} proposals and {stops} comparisons at rungs derived again from the records: all as recorded"


def judged(record: Record, seen: Sequence[Record], section: SweepBayes) -> tuple[RungPoint, ...]:
    """The comparisons of a trial at its rungs, from its own curve and the records that it had in sight."""
    decide = study.judge_by(seen, section, record.proposal.lr)
    points = []
    for i, point in enumerate(record.evals):
        if point.loss_nats is not None and (made := decide(Curve(evals=list(record.evals[: i + 1])), point.step)):
            points.append(made)
            if made.stopped:
                break
    return tuple(points)


def _compare(trial: int, what: str, recorded: object, derived: object) -> None:
    if recorded != derived:
        raise Mismatch(f"trial {trial}: recorded {what} {recorded}, derived {derived}; the record or the code was changed since")
