"""The lineage of one trial: its values, the call that trained it, and the files that this call read, by their digests."""

import math
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.provenance.figure_metadata import carried
from lrsweep.provenance.recording import Identity, Provenance
from lrsweep.provenance.trace import Traced
from lrsweep.provenance.workspace import Workspace, machine, short, spelled
from lrsweep.runner.catalogue import STUDIES, study_of
from lrsweep.runner.trainer import make_script
from lrsweep.search.study import trial_row
from lrsweep.search.trial import Record
from lrsweep.space import Budget, Value
from lrsweep.store import tables
from lrsweep.store.results import FOLDER, Results, work
from lrsweep.trainers.command.run import CommandRun
from lrsweep.trainers.command.settings import Script
from lrsweep.trainers.command.trainer import SEEDS, run_folder

RUNS = ("scale", "ablate", "train")  # stages whose trainings have no table of trials: their records are looked at


@dataclass(frozen=True)
class TracedTrial:
    """A trial behind a file.

    command: the last call of a script, and None of what else trains. folder: where that call kept its files; None where they are
    not here. code: the SHA-256 of each file that the script read, or of the code's files and folders.
    """

    stage: str
    trial: int
    values: Mapping[str, Value]
    seed: int
    state: str
    steps: int
    loss_nats: float | None
    identity: Identity | None
    command: str | None
    folder: str | None
    code: Mapping[str, str | None]


def trace(found: Traced, number: int, workspace: Workspace, params: Params, of: str | None = None) -> TracedTrial:
    """Find the trial with a number: of a stage, else of the study that a figure shows, else of the last one before the file.

    Raises:
        UserError: there is no such study before the file, or no such trial in it.
    """
    stage = _named(of, found) if of else _study(found, workspace)
    recorded = found.stages[stage]
    if recorded is None:
        raise UserError(f"{FOLDER / stage}: found no record of what made it, expected provenance.json; run {stage} again")
    is_tabled = _table(stage) in workspace.stages[stage].artifacts
    return _of_table(recorded, number) if is_tabled else _of_records(recorded, number, params)


def _of_table(recorded: Provenance, number: int) -> TracedTrial:
    """Find a trial in the table of its study, which is there where its record in work/ may not be."""
    stage = recorded.stage
    table, _ = tables.read(FOLDER / stage / "trials.parquet", "trials")
    _refuse_unknown(stage, number, table["trial"].tolist())
    row: dict[str, Any] = table.loc[table["trial"] == number].iloc[0].to_dict()
    values = {name: row[name] for name in tables.space_of(table)}
    run = None
    if recorded.identity and recorded.params.get("trainer"):
        script, section = Script.model_validate(recorded.params["trainer"]), recorded.params[stage]
        budget = Budget(**{name: section[name] for name in Budget.model_fields})
        whole = {**values, **{name: one for name, one in recorded.params["select.default"].items() if name not in values}}
        runs = work() / recorded.identity.digest[:16] / stage / "runs"
        folder = run_folder(runs, whole, row["seed"], budget).resolve()
        run = CommandRun(script, whole, row["seed"] % SEEDS, budget, folder, (), {})
    return _traced(recorded, row, values, run)


def _of_records(recorded: Provenance, number: int, params: Params) -> TracedTrial:
    """Find a training by its record in work/, of a stage that was made with the parameters that are there now."""
    study = study_of(recorded.stage, params, Results(FOLDER))
    if recorded.identity is None or study.identity.digest != recorded.identity.digest:
        found = f"found parameters, data or code other than {recorded.stage} was run with"
        raise UserError(f"--trial: {found}, expected the same; run {recorded.stage} again, or check out what made it")
    tasks = {task.trial: task for task in study.plan.ended}
    _refuse_unknown(recorded.stage, number, list(tasks))
    task = tasks[number]
    record: Record = study.done[task]
    values, run = record.proposal.values, None
    if params.trainer:
        script = make_script(params, study.identity.folder / "runs", study.stops)
        run = script.start(values, record.seed, study.length(task))
    return _traced(recorded, trial_row(record, params.sweep_bayes.metric, None), values, run)


def _refuse_unknown(stage: str, number: int, known: list[int]) -> None:
    if not known:
        raise UserError(f"--trial: found no record of {stage} in {work()}, expected those of its trainings; run {stage} again")
    if number not in known:
        shown = ", ".join(map(str, known[:3])) + (f", … {known[-1]}" if len(known) > 3 else "")
        raise UserError(f"--trial: found {number}, expected a trial of {stage}: {shown}; correct it")


def _traced(recorded: Provenance, row: Mapping[str, Any], values: Mapping[str, Value], run: CommandRun | None) -> TracedTrial:
    """Give a trial from its row of the table `trials`, and the run of a script that trained it; None where none did."""
    loss, steps = row["last_loss_nats"], row["steps"]
    return TracedTrial(
        stage=recorded.stage,
        trial=row["trial"],
        values={**values, **run.values} if run else values,
        seed=row["seed"],
        state=row["state"],
        steps=steps,
        loss_nats=None if loss is None or math.isnan(loss) else loss,
        identity=recorded.identity,
        command=shlex.join(run.words(steps if run.script.resume else run.budget.steps)) if run else None,
        folder=str(run.folder) if run and run.folder.is_dir() else None,
        code=recorded.code,
    )


def lines(found: Traced, trial: TracedTrial) -> Iterator[str]:
    """Give the lines that lead from a file to the trial, its command, and the files that this read."""
    yield f"{found.file}  {short(found.sha256)}"
    yield "as recorded, like all before it" if found.intact else f"NOT AS RECORDED: {found.discrepancies[0]}"
    values = ", ".join(f"{name} = {spelled(value)}" for name, value in trial.values.items())
    loss = "no finite loss" if trial.loss_nats is None else f"{trial.loss_nats:.4f} nats"
    yield f"<- {trial.stage} trial {trial.trial}: {values}, seed {trial.seed}; {trial.state} at step {trial.steps}, {loss}"
    if trial.command:
        yield f"<- {trial.command}"
        yield f"   its output: {trial.folder or 'not here'}"
    elif trial.identity:
        yield f"<- identity {short(trial.identity.digest)}: {machine(trial.identity)}, code {short(trial.identity.code)}"
    else:
        yield "<- trained elsewhere"
    yield from (f"<- {path}  {short(digest)}" for path, digest in trial.code.items() if trial.command)


def _named(stage: str, found: Traced) -> str:
    """Give a stage that is asked for.

    Raises:
        UserError: it trains nothing, or does not lie before the file.
    """
    known = [name for name in found.stages if name in STUDIES]
    if stage not in known:
        expected = f"one of {', '.join(known)}" if known else "none: no stage before it trains"
        raise UserError(
            f"--of: found {stage!r}, expected a stage that trains and lies before {found.file}: {expected}; correct it"
        )
    return stage


def _table(stage: str) -> str:
    return f"{FOLDER}/{stage}/trials.parquet"


def _study(found: Traced, workspace: Workspace) -> str:
    """Give the stage of the trials: those that a figure says it was drawn from come before others."""
    tabled = [name for name in found.stages if _table(name) in workspace.stages[name].artifacts]
    drawn = (carried(Path(found.file).read_bytes()) or {"inputs": {}})["inputs"]
    if of_table := [name for name in tabled if _table(name) in drawn]:
        return of_table[-1]
    of_runs = [name for name in RUNS if name == found.stage or any(path.startswith(f"{FOLDER}/{name}/") for path in drawn)]
    if of_runs or tabled:
        return [*tabled, *of_runs][-1]
    raise UserError(f"{found.file}: found no trials before it, expected a file that is made from some; leave --trial out")
