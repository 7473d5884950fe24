"""track: W&B runs of what the stages have made; not a stage of dvc.yaml, for it makes no result.

A run is made once: its ID, which follows from what it shows, stands in tracked.log under work/ from then on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.provenance import lineage
from lrsweep.search.trial import Record
from lrsweep.store import artifacts, records
from lrsweep.tracking import runs as tracking
from lrsweep.tracking.runs import Identity

if TYPE_CHECKING:
    from lrsweep.stages.job import Job  # imports torch, which the report does not need

Row = dict[str, Any]


def trials(job: "Job") -> None:
    """Makes a run of each trial of a stage, as far as there are any; an imported study has its runs already.

    Raises:
        Exception: whatever wandb raises; the runs that were made are kept, and not made again.
    """
    if getattr(getattr(job.params, job.stage), "imported", None):
        return
    section, study = job.params.sweep_bayes.metric, job.folder.parent.name
    steering = section.name if job.stage in ("sweep_bayes", "assess") else "loss"
    with _runs(job.params) as make:
        for record, path in _finished(job):
            group = f"{job.stage}-{study[:8]}"
            identity = Identity(f"{study}-{job.stage}-{record.trial:05d}", f"{job.stage} {record.trial}", group, job.stage)
            rows = tracking.trial_rows(record, records.load_curve(path), section, steering)
            make(identity, tracking.trial_config(record), rows, {})


def _finished(job: "Job") -> Iterator[tuple[Record, Path]]:
    """The trials of a stage in their order, up to the first one that is still to come."""
    from lrsweep.stages import gather

    if job.stage.startswith("sweep"):
        try:
            yield from gather.found(job)
        except FileNotFoundError:
            return
    else:
        paths = sorted((job.folder / "trials").rglob("*.json"))
        yield from ((records.load(path, job.context), path) for path in paths if records.exists(path))


def final_training(params: Params) -> None:
    """Makes a run of the final training, with its evals and steps."""
    folder = artifacts.RESULTS / "train"
    by_step: dict[int, Row] = {}
    for table, names in {"evals": {"lr": "lr", "loss_nats": "eval/loss_nats"}, "steps": tracking.STEP_NAMES}.items():
        for row in artifacts.read_table(folder / f"{table}.parquet", f"final_{table}").to_dict("records"):
            logged = by_step.setdefault(int(row["step"]), {"step": int(row["step"])})
            logged |= {name: row[column] for column, name in names.items()}
    config = {**artifacts.read_json(folder / "metrics.json"), "params_sha256": params_digest(params)}
    digests = [files.digest(folder / name) for name in ("metrics.json", "evals.parquet", "steps.parquet")]
    identity = Identity(f"train-{records.canonical_digest(digests)[:16]}", "final training", "train", "train")
    with _runs(params) as make:
        make(identity, config, [by_step[step] for step in sorted(by_step)], {})


def report(params: Params) -> None:
    """Makes a run of the report: its figures, its page and the choice as an artifact."""
    results = artifacts.RESULTS
    paths = [*sorted((results / "figures").iterdir()), results / "select/choice.json", results / "report/index.html"]
    files = {str(path.relative_to(results)): path for path in paths}
    digests = {name: files.digest(path) for name, path in files.items()}
    chosen = artifacts.read_json(results / "select/choice.json")["selected"]
    identity = Identity(f"report-{records.canonical_digest(digests)[:16]}", "report", "report", "report")
    with _runs(params) as make:
        make(identity, {"selected": chosen, "params_sha256": params_digest(params)}, [], files)


def params_digest(params: Params) -> str:
    """Digest of all parameters that a result can depend on."""
    return records.canonical_digest(params.model_dump(mode="json", exclude={"execution"}))


@contextmanager
def _runs(params: Params) -> Iterator[Callable]:
    """Makes runs that are not in tracked.log; those that are whole at the end are written there."""
    batch, log = tracking.Batch(params.execution.tracking), lineage.work() / "tracked.log"
    known = set(log.read_text(encoding="utf-8").splitlines()) if log.exists() else set()

    def make(identity: Identity, *content: Any) -> None:
        if identity.id not in known:
            batch.make(identity, *content)

    try:
        yield make
    finally:
        with log.open("a", encoding="utf-8") as file:
            file.writelines(f"{run_id}\n" for run_id in batch.close())
