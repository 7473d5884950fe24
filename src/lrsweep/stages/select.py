"""select: the best few trials and the default, trained again over seeds; the best mean is chosen."""

from typing import Any

from lrsweep import artifacts
from lrsweep.params import VARIED
from lrsweep.repeats import candidates
from lrsweep.selection import choose
from lrsweep.stages.gather import independent
from lrsweep.stages.trials import Job


def run(job: Job) -> None:
    """Writes replicates.parquet, choice.json and metrics.json."""
    section = job.params.select
    trials = artifacts.read_table(artifacts.RESULTS / "sweep_bayes/trials.parquet", "trials")
    known = candidates(trials, section)
    rows = []
    for record in independent(job, len(known) * section.seeds):
        number = record.trial // section.seeds
        complete = record.state == artifacts.COMPLETE
        rows.append(
            {
                "replicate": record.trial,
                "candidate": number,
                "trial": known[number]["trial"],
                **{name: getattr(record.proposal, name) for name in VARIED},
                "seed": record.seed,
                "state": record.state,
                "final_loss_nats": record.evals[-1].loss_nats if complete else None,
            }
        )
    folder = artifacts.folder("select")
    artifacts.write_table(folder / "replicates.parquet", "replicates", rows)
    replicates = artifacts.read_table(folder / "replicates.parquet", "replicates")
    choice = choose(replicates, trials, section, job.params.sweep_bayes, job.lr.model_dump())
    artifacts.write_json(folder / "choice.json", choice)
    artifacts.write_json(folder / "metrics.json", _metrics(choice))


def _metrics(choice: dict[str, Any]) -> dict[str, Any]:
    selected = {f"selected_{name}": value for name, value in choice["selected"].items()}
    losses = {name: choice["candidates"][i]["mean_nats"] for name, i in (("selected", choice["candidate"]), ("default", 0))}
    return {**selected, **{f"{name}_mean_nats": loss for name, loss in losses.items()}}
