"""track: make W&B runs of what the stages have made; not a stage of dvc.yaml, since it makes no result.

A run is made once: its ID, which is derived from what it shows, stands in tracked.log under work/ from then on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.runner.catalogue import study_of
from lrsweep.runner.identity import work
from lrsweep.runner.trainer import trained_values
from lrsweep.store import records
from lrsweep.store.records import canonical_digest
from lrsweep.store.results import Results
from lrsweep.tracking import runs as tracking
from lrsweep.tracking.runs import Identity

Row = dict[str, Any]


def trials(stage: str, params: Params, results: Results) -> None:
    """Make a run of each finished trial of a stage, except where its study is imported and has its runs already.

    Raises:
        Exception: whatever wandb raises; the runs that were made are kept, and not made again.
    """
    if getattr(getattr(params, stage), "imported", None):
        return
    study, section = study_of(stage, params, results), params.sweep_bayes.metric
    digest = study.identity.folder.parent.name
    steering = section.name if stage in ("sweep_bayes", "assess") else "loss"
    with _runs(params) as make:
        tasks = {study.path(task): task for task in study.plan.ended}
        for record, path in study.found():
            task = tasks[path]  # another task may have trained it, before its plan was edited
            identity = Identity(f"{digest}-{stage}-{path.stem}", f"{stage} {task.trial}", f"{stage}-{digest[:8]}", stage)
            rows = tracking.trial_rows(record, records.load_curve(path), section, steering)
            plain = trained_values(params, record.proposal.values, study.length(task))
            config = {**tracking.trial_config(record), "trial": task.trial, **plain, **study.label(task)}
            make(identity, config, rows, {})


def final_training(params: Params, results: Results) -> None:
    """Make a run of the final training, with its evals and steps."""
    by_step: dict[int, Row] = {}
    for table, names in {"evals": {"lr": "lr", "loss_nats": "eval/loss_nats"}, "steps": tracking.STEP_NAMES}.items():
        for row in results.read_table(f"train/{table}.parquet").to_dict("records"):
            logged = by_step.setdefault(int(row["step"]), {"step": int(row["step"])})
            logged |= {name: row[column] for column, name in names.items()}
    config = {**results.read_json("train/metrics.json"), "params_sha256": params_digest(params)}
    digests = [files.digest(results.path(f"train/{name}")) for name in ("metrics.json", "evals.parquet", "steps.parquet")]
    identity = Identity(f"train-{canonical_digest(digests)[:16]}", "final training", "train", "train")
    with _runs(params) as make:
        make(identity, config, [by_step[step] for step in sorted(by_step)], {})


def report(params: Params, results: Results) -> None:
    """Make a run of the report: its figures, its page and the choice as an artifact."""
    paths = [*sorted(results.path("figures").iterdir()), *map(results.path, ("select/choice.json", "report/index.html"))]
    shown = {str(path.relative_to(results.folder)): path for path in paths}
    digests = {name: files.digest(path) for name, path in shown.items()}
    chosen = results.read_json("select/choice.json")["selected"]
    identity = Identity(f"report-{canonical_digest(digests)[:16]}", "report", "report", "report")
    with _runs(params) as make:
        make(identity, {"selected": chosen, "params_sha256": params_digest(params)}, [], shown)


def params_digest(params: Params) -> str:
    """Give the digest of all parameters that a result can depend on."""
    return canonical_digest(params.model_dump(mode="json", exclude={"execution"}))


@contextmanager
def _runs(params: Params) -> Iterator[Callable]:
    """Make runs that are not in tracked.log; those that are whole at the end are written there."""
    batch, log = tracking.Batch(params.execution.tracking), work() / "tracked.log"
    known = set(log.read_text(encoding="utf-8").splitlines()) if log.exists() else set()

    def make(identity: Identity, *content: Any) -> None:
        if identity.id not in known:
            batch.make(identity, *content)

    try:
        yield make
    finally:
        with log.open("a", encoding="utf-8") as file:
            file.writelines(f"{run_id}\n" for run_id in batch.close())
