"""select: the best few trials and the default, raced over seeds; the best mean is chosen."""

from typing import Any

from lrsweep.analysis.selection import choose
from lrsweep.config.params import VARIED
from lrsweep.stages.job import Job
from lrsweep.stages.race import Race
from lrsweep.stages.trials import study_trials
from lrsweep.store import artifacts


def run(job: Job) -> None:
    """Writes replicates.parquet, choice.json and metrics.json."""
    race, rows = Race(job), list[dict[str, Any]]()
    rounds = race.rounds()
    for number, (entries, standing) in enumerate(rounds):
        for entry in entries:
            record = race.record(entry)
            rows.append(
                {
                    "replicate": len(rows),
                    "candidate": entry.candidate,
                    "trial": race.candidates[entry.candidate]["trial"],
                    "round": number,
                    "stays": entry.candidate in standing,
                    **{name: getattr(record.proposal, name) for name in VARIED},
                    "seed": record.seed,
                    "state": record.state,
                    "final_loss_nats": record.final_loss_nats,
                }
            )
    folder = artifacts.folder("select")
    artifacts.write_table(folder / "replicates.parquet", "replicates", rows)
    replicates = artifacts.read_table(folder / "replicates.parquet", "replicates")
    p, standing = job.params, rounds[-1].standing
    choice = choose(replicates, standing, study_trials(), p.select, p.sweep_bayes, job.lr.model_dump())
    artifacts.write_json(folder / "choice.json", choice)
    artifacts.write_json(folder / "metrics.json", _metrics(choice))


def _metrics(choice: dict[str, Any]) -> dict[str, Any]:
    selected = {f"selected_{name}": value for name, value in choice["selected"].items()}
    losses = {name: choice["candidates"][i]["mean_nats"] for name, i in (("selected", choice["candidate"]), ("default", 0))}
    return {**selected, **{f"{name}_mean_nats": loss for name, loss in losses.items()}}
