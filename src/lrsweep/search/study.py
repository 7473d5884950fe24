"""A study: which records a trial may see, how it is judged, how the first block is halved, and its rows in the tables.

After the first block, trial k depends on the records of the block and of trials up to k - lag, and on nothing else. So up to
`lag` trials run at once, and the order in which they end changes no result. While the study is young, the lag is at most k / 2,
so that not many proposals are made from the same few records.

"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lrsweep.search.curve import Curve, Decide
from lrsweep.search.evals import Row, measure, values_by_step
from lrsweep.search.settings import Metric, SweepBayes
from lrsweep.search.stopping import Verdict, halve, judge
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED, Record, RungPoint

ENDING, TRIALS = "ending", "trials"


@dataclass(frozen=True)
class Summary:
    """A study in a few numbers. `ended_at_trial` is the first trial that was not started: the number of those that were."""

    trials_complete: int
    trials_pruned: int
    trials_diverged: int
    steps_trained: int
    ended_at_trial: int
    ended_by: str  # ENDING, or TRIALS where all were trained
    ending_gain: float | None  # the rule's; None where there is none
    ending_patience: int | None

    @classmethod
    def of(cls, records: Sequence[Record], section: SweepBayes) -> "Summary":
        """Sum a study up that is whole."""
        states, rule = [record.state for record in records], None if section.imported else section.ending
        return cls(
            trials_complete=states.count(COMPLETE),
            trials_pruned=states.count(PRUNED),
            trials_diverged=states.count(DIVERGED),
            steps_trained=sum(record.steps for record in records),
            ended_at_trial=len(records),
            ended_by=ENDING if rule and len(records) < section.trials else TRIALS,
            ending_gain=rule.gain if rule else None,
            ending_patience=rule.patience if rule else None,
        )


def lag(k: int, section: SweepBayes) -> int:
    """Give the lag of trial k: how many trials, itself included, may run at once with it."""
    return max(1, min(section.lag, k // 2))


def sight(k: int, section: SweepBayes) -> range:
    """Give the trials after the block whose records trial k may see."""
    return range(section.first_block, max(section.first_block, k - lag(k, section) + 1))


def pending(k: int, section: SweepBayes) -> range:
    """Give the earlier trials after the block that trial k may not see."""
    return range(sight(k, section).stop, k)


def judge_by(records: Sequence[Record], section: SweepBayes, max_lr: float) -> Decide:
    """Make the stopping rule of a trial with these records in sight; `max_lr` is the trial's own."""
    return judge_against([values_by_step(record, section.metric) for record in records], section, max_lr)


def judge_against(references: Sequence[Mapping[int, float]], section: SweepBayes, max_lr: float) -> Decide:
    """Make the stopping rule of a trial that is compared with these, each the metric of another trial by step."""

    def decide(curve: Curve, step: int) -> RungPoint | None:
        if step not in section.rungs:
            return None
        _, here = measure(curve.evals, max_lr, section.metric)[-1]
        value = here.value(section.metric.name)
        assert value is not None, "checking.py refuses a rung at which the metric is not defined"
        others = [values[step] for values in references if step in values]
        verdict: Verdict = judge(value, others, section.stopping.eta, section.stopping.slack)
        return RungPoint(step, value, len(others), verdict.threshold, verdict.stopped)

    return decide


def survivors(segments: Mapping[int, Record], rung: int, section: SweepBayes) -> list[int]:
    """Give the trials of the block that go on past a rung, from the records of all that were trained to it."""
    return halve(_values(segments, rung, section), len_at(rung, section), section.stopping.eta)


def len_at(rung: int, section: SweepBayes) -> int:
    """Give the size of the block at a rung: first_block // eta^i; the end counts as the last rung."""
    return int(section.first_block // section.stopping.eta ** section.levels.index(rung))


def close_block(levels: Sequence[Mapping[int, Record]], section: SweepBayes) -> list[Record]:
    """Give the records of the first block in trial order, each with its comparisons, from its segments at each level.

    levels[i] holds the records of the trials that were trained to rung i; the last level is the end.
    """
    points: dict[int, list[RungPoint]] = {trial: [] for trial in levels[0]}
    for rung, segments in zip(section.rungs, levels, strict=False):
        values, kept = _values(segments, rung, section), survivors(segments, rung, section)
        known = {trial: value for trial, value in values.items() if value is not None}
        limit = max((known[trial] for trial in kept), default=None)
        for trial, value in known.items():
            points[trial].append(RungPoint(rung, value, len(known) - 1, limit, trial not in kept))
    closed = []
    for trial in sorted(levels[0]):
        last = [segments[trial] for segments in levels if trial in segments][-1]
        ended = last.state == DIVERGED or last.steps == section.steps
        state = last.state if ended else PRUNED
        closed.append(replace(last, state=state, rungs=tuple(points[trial])))
    return closed


def _values(segments: Mapping[int, Record], rung: int, section: SweepBayes) -> dict[int, float | None]:
    return {trial: values_by_step(record, section.metric).get(rung) for trial, record in segments.items()}


def trial_row(record: Record, section: Metric, steering: str | None) -> Row:
    """Give the record's row of the table `trials`; `steering` names the metric that steers the study, None for none."""
    measured = measure(record.evals, record.proposal.lr, section)
    last = measured[-1][1] if measured else None
    complete = record.state == COMPLETE
    return {
        "trial": record.trial,
        "state": record.state,
        "steps": record.steps,
        **record.proposal.values,
        "seed": record.seed,
        "last_loss_nats": last.loss_nats if last else None,
        "final_loss_nats": last.loss_nats if last and complete else None,
        "metric": last.value(steering or "loss") if last else None,
        "m_u": last.m_u if last else None,
    }


def rung_rows(record: Record) -> Iterator[Row]:
    """Give the record's rows of the table `rungs`."""
    for point in record.rungs:
        yield {"trial": record.trial, **point.__dict__}
