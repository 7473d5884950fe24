"""replay: derive every proposal, every stop and the ending of phase 2 again from the records, and compare them."""

from collections.abc import Sequence

from lrsweep.config.params import Params
from lrsweep.errors import Mismatch, UserError
from lrsweep.runner.sweeps import SweepBayes
from lrsweep.search import ending, study
from lrsweep.search.curve import Curve
from lrsweep.search.proposing import propose
from lrsweep.search.settings import SweepBayes as Section
from lrsweep.search.trial import Proposal, Record, RungPoint
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> str:
    """Say what was derived again.

    Raises:
        Mismatch: a proposal, a comparison at a rung or the ending differs from the recorded one; it names the first.
        UserError: a record is damaged, or not there yet.
    """
    section, own = params.sweep_bayes, SweepBayes(params, results)
    if section.imported:
        found = f"found {section.imported.folder}, expected null: it was not proposed here"
        raise UserError(f"sweep_bayes.imported: {found}; replay a study of your own")
    if not own.plan.whole:
        found = f"{own.identity.folder}: not all trials have a record, expected a finished study"
        raise UserError(f"{found}; run snakemake --cores all first")
    records, proposals, stops = [record for record, _ in own.found()], list[Proposal](), 0
    for record in records:
        k = record.trial
        seen, waiting = own.seen(k), [proposals[j] for j in study.pending(k, section)]
        proposals.append(propose(seen, waiting, k, section, own.space, params.seed))
        _compare(k, "proposal", record.proposal, proposals[k])
        if k >= section.first_block:  # the block's comparisons are made from its segments each time it is read
            _compare(k, "rungs", record.rungs, judged(record, seen, section))
        stops += len(record.rungs)
    end = ending.ended_at({one.trial: one.promise for one in proposals[section.first_block :]}, section)
    _compare(len(records), "ending at trial", results.read_json("sweep_bayes/summary.json")["ended_at_trial"], end)
    what = f"{len(records)} proposals, {stops} comparisons at rungs and the ending at trial {end}"
    return f"{what} derived again from the records: all as recorded"


def judged(record: Record, seen: Sequence[Record], section: Section) -> tuple[RungPoint, ...]:
    """Derive the comparisons of a trial at its rungs, from its own curve and the records that it had in sight."""
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
