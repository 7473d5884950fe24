"""The commands that Snakemake starts for the stages that train: each trains a few trials, in a process of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lrsweep.config import checking
from lrsweep.errors import UserError

if TYPE_CHECKING:
    from lrsweep.stages.job import Job

PARAMS = Path("params.yaml")
FANNED_OUT = ("sweep_uniform", "sweep_bayes", "assess", "select")
PANEL = "Jobs of snakemake"

app = typer.Typer()
Folder = Annotated[Path | None, typer.Option(help="Folder of the stage's trials; found from the parameters if not given.")]
First = Annotated[int, typer.Argument(help="The first of them.")]
Last = Annotated[int, typer.Argument(help="The last of them.")]


def job_of(stage: str, folder: Path | None) -> "Job":
    """The trials of a stage, in the folder given or in that which the parameters lead to."""
    from lrsweep.provenance.lineage import kept, study_folder
    from lrsweep.stages.job import Job

    loaded = checking.load(PARAMS)
    return Job(stage, loaded, kept(folder) if folder else study_folder(stage, loaded))


def _expect(name: str, found: int, least: int, most: int) -> None:
    """Refuses the number of a job that the study of params.yaml does not have."""
    if not least <= found <= most:
        raise UserError(f"{name}: found {found}, expected {least} to {most}; the jobs are what `snakemake -n` shows")


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep trials sweep_uniform 0 1")
def trials(
    stage: Annotated[Literal["sweep_uniform", "sweep_bayes", "assess"], typer.Argument(help="The stage whose trials they are.")],
    first: First,
    last: Last,
    folder: Folder = None,
) -> None:
    """Trains the trials FIRST to LAST of a stage, one after the other: a job of snakemake."""
    from lrsweep.stages.trials import run_trials

    job = job_of(stage, folder)
    begin = job.params.sweep_bayes.first_block if stage == "sweep_bayes" else 0
    _expect("FIRST", first, begin, job.plan.trials - 1)
    _expect("LAST", last, first, job.plan.trials - 1)
    run_trials(job, first, last)


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep block 0 0 1")
def block(
    level: Annotated[int, typer.Argument(help="The rung to train to, from 0; one more is the end.")],
    first: First,
    last: Last,
    folder: Folder = None,
) -> None:
    """Trains the places FIRST to LAST of phase 2's first block on to a level: a job of snakemake."""
    from lrsweep.stages.trials import run_block

    job = job_of("sweep_bayes", folder)
    bayes = job.params.sweep_bayes
    _expect("LEVEL", level, 0, len(bayes.rungs))
    _expect("FIRST", first, 0, bayes.first_block // bayes.stopping.eta**level - 1)
    _expect("LAST", last, first, bayes.first_block // bayes.stopping.eta**level - 1)
    run_block(job, level, first, last)


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep race 0 0 1")
def race(
    number: Annotated[int, typer.Argument(help="The round, from 0.")], first: First, last: Last, folder: Folder = None
) -> None:
    """Trains the places FIRST to LAST of round NUMBER of the race of the candidates: a job of snakemake."""
    from lrsweep.search import racing
    from lrsweep.stages.race import run_race

    job = job_of("select", folder)
    places = racing.places(job.params.select)
    _expect("NUMBER", number, 0, len(places) - 1)
    _expect("FIRST", first, 0, places[number] - 1)
    _expect("LAST", last, first, places[number] - 1)
    run_race(job, number, first, last)
