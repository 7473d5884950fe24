"""The commands that have to do with W&B; what they need is imported where they run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lrsweep.config import checking
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.store.results import FOLDER as RESULTS

if TYPE_CHECKING:
    from lrsweep.stages.job import Job

exports = typer.Typer(help="Gives the studies to another tool.", epilog="Example: lrsweep export wandb wandb_sweeps")
imports = typer.Typer(
    help="Takes a sweep that was trained elsewhere as a study.",
    epilog="Example: lrsweep import wandb sweep_uniform runs.jsonl --into data/my_sweep",
)

RUNS = {"train": "final_training", "report": "report"}  # stages with a run of their own, and the function that makes it


def before(loaded: Params) -> None:
    """Sees to it that online tracking can start, before any work; jobs leave it out, for it takes a second.

    Raises:
        UserError: there is no key.
    """
    if loaded.execution.tracking == "online":
        from lrsweep.tracking.runs import require_key

        require_key()


def after(loaded: Params, stage: str, job: "Job | None") -> None:
    """Tracks what a stage has made, if that is asked for: apart from the stages, so that no result depends on the code of it.

    job: of a stage that fans out into trials. Nothing that goes wrong is more than a warning.
    """
    if loaded.execution.tracking == "disabled" or not (job or stage in RUNS):
        return
    try:
        _make_runs(loaded, stage, job)
    except UserError as error:  # the results are there, and tracking is not worth one of them
        print(f"lrsweep: warning: {error}; `lrsweep track` makes the missing runs later", file=sys.stderr)


def _make_runs(loaded: Params, stage: str, job: "Job | None") -> None:
    from lrsweep.stages import track

    try:
        track.trials(job) if job else getattr(track, RUNS[stage])(loaded)
    except Exception as error:  # whatever wandb raises
        raise UserError(f"{stage} is not tracked any further: {' '.join(str(error).split())}") from None


def track() -> None:
    """Makes the W&B runs of all that is there and has none yet, also while a study is under way."""
    from lrsweep.provenance.lineage import current_records, study_folder
    from lrsweep.runner.jobs import FANNED_OUT, PARAMS
    from lrsweep.stages.job import Job

    loaded = checking.load(PARAMS)
    before(loaded)
    if loaded.execution.tracking == "disabled":
        raise UserError(f"{PARAMS}: execution.tracking: found 'disabled', expected offline or online; set it")
    for stage in FANNED_OUT:
        study = study_folder(stage, loaded)
        if (found := current_records(study, loaded)) and found.is_dir():
            _make_runs(loaded, stage, Job(stage, loaded, study))
    for stage in RUNS:
        if any((RESULTS / stage).glob("*")):
            _make_runs(loaded, stage, None)


@exports.command("wandb", epilog="Example: lrsweep export wandb wandb_sweeps")
def export_wandb(folder: Annotated[Path, typer.Argument(help="Folder of the three files.")]) -> None:
    """Writes both studies as W&B sweeps (sweep_uniform.yaml, sweep_bayes.yaml), with the program that `wandb agent` starts."""
    from lrsweep.runner.jobs import PARAMS
    from lrsweep.stages.exchange import export

    for path in export(checking.load(PARAMS), folder):
        print(path)


@imports.command("wandb", epilog="Example: lrsweep import wandb sweep_uniform runs.jsonl --into data/my_sweep")
def import_wandb(
    stage: Annotated[Literal["sweep_uniform", "sweep_bayes"], typer.Argument(help="The study that it becomes.")],
    sources: Annotated[list[Path], typer.Argument(help="JSON or CSV of histories, or folders of offline runs.")],
    into: Annotated[Path, typer.Option(help="New folder for the study.")],
    name: Annotated[
        list[str] | None, typer.Option(help="OURS=THEIRS: what a value is called in the export; OURS=: not logged.")
    ] = None,
    leave_out: Annotated[list[str] | None, typer.Option(help="Name of a run that is not to be imported.")] = None,
) -> None:
    """Takes the runs of a W&B sweep as a study, and prints what to put into params.yaml: see docs/wandb.md."""
    from lrsweep.runner.jobs import PARAMS
    from lrsweep.stages.exchange import take

    print(take(checking.load(PARAMS), stage, sources, into, name or [], leave_out or []))
