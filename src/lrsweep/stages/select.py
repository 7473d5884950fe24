"""select: race the best few trials and the default over seeds, choose the best mean, and confirm it over other seeds."""

from collections.abc import Sequence
from typing import Any

from lrsweep.analysis.selection import Choice, choose
from lrsweep.config.params import Params
from lrsweep.runner.repeats import Race
from lrsweep.runner.sweeps import SweepBayes
from lrsweep.runner.trainer import trained_values
from lrsweep.runner.worker import complete
from lrsweep.search import racing
from lrsweep.search.plan import Task
from lrsweep.search.trial import Record
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Train what is missing; write replicates.parquet, choice.json and metrics.json."""
    study, section = complete(Race(params, results)), params.select
    results.simulated |= params.simulate

    def record(entry: racing.Entry) -> Record:
        return study.done[Task(entry.trial, 0, study.budget.steps)]

    def row(entry: racing.Entry, number: int | None, standing: Sequence[int]) -> dict[str, Any]:
        candidate, found = study.candidates[entry.candidate], record(entry)
        return {
            "candidate": entry.candidate,
            "trial": candidate.trial,
            "round": number,
            "stays": entry.candidate in standing,
            **candidate.values,
            **trained_values(params, candidate.values, study.budget),
            "seed": found.seed,
            "state": found.state,
            "final_loss_nats": found.final_loss_nats,
        }

    rounds = list(racing.run(len(study.candidates), section, lambda entry: record(entry).final_loss_nats))
    rows = [row(entry, number, standing) for number, (entries, standing) in enumerate(rounds) for entry in entries]
    losses: dict[int, list[float | None]] = {}
    for one in rows:
        losses.setdefault(one["candidate"], []).append(one["final_loss_nats"])
    standing = rounds[-1].standing
    rows += [row(entry, None, standing) for entry in racing.confirming(racing.winner(standing, losses), section)]
    rows = [{"replicate": number, **one} for number, one in enumerate(rows)]
    space = SweepBayes(params, results).space
    results.write_rows("select/replicates.parquet", rows, space)
    replicates, trials = (results.read_table(name) for name in ("select/replicates.parquet", "sweep_bayes/trials.parquet"))
    choice = choose(study.candidates, replicates, standing, trials, section)
    results.write_json("select/choice.json", choice)
    results.write_json("select/metrics.json", _metrics(choice))


def _metrics(choice: Choice) -> dict[str, Any]:
    selected = {f"selected_{name}": value for name, value in choice.selected.items()}
    losses = {"selected_mean_nats": choice.loss and choice.loss.mean_nats, "default_mean_nats": choice.default_mean_nats}
    return {**selected, **losses}
