"""The lineage of one trial: its values, the call that trained it, and the files that this call read, by their digests."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrsweep.errors import UserError
from lrsweep.provenance.figure_metadata import carried
from lrsweep.provenance.recording import Identity, Provenance
from lrsweep.provenance.trace import Traced
from lrsweep.provenance.workspace import Workspace, machine, short, spelled
from lrsweep.space import Budget, Value
from lrsweep.store import tables
from lrsweep.store.results import FOLDER, work
from lrsweep.trainers.command.run import CommandRun
from lrsweep.trainers.command.settings import Script
from lrsweep.trainers.command.trainer import SEEDS, run_folder

NOT_STUDIES = ("scale", "ablate", "train")  # whose runs are no trials of a table


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


def trace(found: Traced, number: int, workspace: Workspace) -> TracedTrial:
    """Find the trial with a number: of the study that a figure shows, else of the last one before the file.

    Raises:
        UserError: there is no study before the file, or no such trial in it.
    """
    stage = _study(found, workspace)
    table, _ = tables.read(FOLDER / stage / "trials.parquet", "trials")
    if number not in table["trial"].to_numpy():
        raise UserError(f"--trial: found {number}, expected a trial of {stage}, 0 to {table['trial'].max()}; correct it")
    row: dict[str, Any] = table.loc[table["trial"] == number].iloc[0].to_dict()
    recorded = found.stages[stage]
    if recorded is None:
        raise UserError(f"{FOLDER / stage}: found no record of what made it, expected provenance.json; run {stage} again")
    values = {name: row[name] for name in tables.space_of(table)}
    loss = None if row["last_loss_nats"] != row["last_loss_nats"] else row["last_loss_nats"]
    run = _run(recorded, values, row["seed"])
    return TracedTrial(
        stage=stage,
        trial=number,
        values=run.values if run else values,
        seed=row["seed"],
        state=row["state"],
        steps=row["steps"],
        loss_nats=loss,
        identity=recorded.identity,
        command=shlex.join(run.words(row["steps"] if run.script.resume else run.budget.steps)) if run else None,
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


def _study(found: Traced, workspace: Workspace) -> str:
    """Give the stage of the trials: those that a figure says it was drawn from come before others."""
    stages = [name for name in found.stages if f"{FOLDER}/{name}/trials.parquet" in workspace.stages[name].artifacts]
    if not stages:
        raise UserError(f"{found.file}: found no trials before it, expected a file that is made from some; leave --trial out")
    drawn = carried(Path(found.file).read_bytes()) or {"inputs": {}}
    others = [path for path in drawn["inputs"] if path.startswith(tuple(f"{FOLDER}/{name}/" for name in NOT_STUDIES))]
    if others and not any(path.endswith("/trials.parquet") for path in drawn["inputs"]):
        raise UserError(f"{found.file}: found runs of {others[0]}, expected trials of a phase; leave --trial out")
    return next((name for name in reversed(stages) if f"{FOLDER}/{name}/trials.parquet" in drawn["inputs"]), stages[-1])


def _run(recorded: Provenance, values: Mapping[str, Value], seed: int) -> CommandRun | None:
    """Make the run of a script again, as it was recorded; None where none trained it here."""
    if recorded.identity is None or not recorded.params.get("trainer"):
        return None
    script, section = Script.model_validate(recorded.params["trainer"]), recorded.params[recorded.stage]
    budget = Budget(**{name: section[name] for name in Budget.model_fields})
    whole = {**values, **{name: one for name, one in recorded.params["select.default"].items() if name not in values}}
    runs = work() / recorded.identity.digest[:16] / recorded.stage / "runs"
    return CommandRun(script, whole, seed % SEEDS, budget, run_folder(runs, whole, seed, budget).resolve(), (), {})
