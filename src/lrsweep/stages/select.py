"""select: race the best few trials and the default over seeds, and choose the best mean."""

from typing import Any

from lrsweep.analysis.selection import Choice, choose
from lrsweep.config.params import Params
from lrsweep.runner.repeats import Race
from lrsweep.runner.sweeps import SweepBayes
from lrsweep.runner.worker import complete
from lrsweep.search import racing
from lrsweep.search.plan import Task
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Train what is missing; write replicates.parquet, choice.json and metrics.json."""
    study, section = complete(Race(params, results)), params.select
    results.simulated |= params.simulate

    def record(entry: racing.Entry):
        return study.done[Task(entry.trial, 0, study.budget.steps)]

    rounds = list(racing.run(len(study.candidates), section, lambda entry: record(entry).final_loss_nats))
    rows = list[dict[str, Any]]()
    for number, (entries, standing) in enumerate(rounds):
        for entry in entries:
            candidate, found = study.candidates[entry.candidate], record(entry)
            rows.append(
                {
                    "replicate": len(rows),
                    "candidate": entry.candidate,
                    "trial": candidate.trial,
                    "round": number,
                    "stays": entry.candidate in standing,
                    **candidate.values,
                    "seed": found.seed,
                    "state": found.state,
                    "final_loss_nats": found.final_loss_nats,
                }
            )
    space = SweepBayes(params, results).space
    results.write_rows("select/replicates.parquet", rows, space)
    replicates, trials = (results.read_table(name) for name in ("select/replicates.parquet", "sweep_bayes/trials.parquet"))
    choice = choose(study.candidates, replicates, rounds[-1].standing, trials, section)
    results.write_json("select/choice.json", choice)
    results.write_json("select/metrics.json", _metrics(choice))


def _metrics(choice: Choice) -> dict[str, Any]:
    selected = {f"selected_{name}": value for name, value in choice.selected.items()}
    losses = {name: choice.candidates[i].mean_nats for name, i in (("selected", choice.candidate), ("default", 0))}
    return {**selected, **{f"{name}_mean_nats": loss for name, loss in losses.items()}}
