"""The commands that take over runs of other tools, one for each kind of source; what they need is imported when they run."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from lrsweep.config import checking
from lrsweep.config.checking import PARAMS
from lrsweep.terminal import say

app = typer.Typer(
    help="Take over runs that were trained elsewhere as a study.",
    epilog="Example: lrsweep import wandb sweep_uniform runs.jsonl --into data/my_sweep",
)

# What each command reads, and an example of it; the readers stand in tracking/sources.
KINDS = {
    "wandb": ("W&B: JSON or CSV of histories, or folders of offline runs", "runs.jsonl"),
    "optuna": ("Optuna: the file of a storage, SQLite or a journal", "study.db"),
    "csv": ("CSV: a row a step with a column `run`, or a column a run, with a table of the runs beside it", "chart.csv runs.csv"),
    "tensorboard": ("TensorBoard: a folder with event files for each run", "runs"),
    "trainer": ("the Hugging Face Trainer: output folders with trainer_state.json", "outputs"),
    "lightning": ("Lightning's CSVLogger: folders with metrics.csv and hparams.yaml", "lightning_logs"),
    "jsonl": ("JSON lines: a folder with metrics.jsonl and config.json for each run", "runs"),
}


def _register(kind: str, reads: str, example: str) -> None:
    def command(
        stage: Annotated[Literal["sweep_uniform", "sweep_bayes"], typer.Argument(help="The study that it becomes.")],
        sources: Annotated[list[Path], typer.Argument(help=f"What to read: {reads}.")],
        into: Annotated[Path, typer.Option(help="New folder for the study.")],
        name: Annotated[
            list[str] | None,
            typer.Option(help="OURS=THEIRS: the name of a value in the export; OURS= where it was not logged."),
        ] = None,
        leave_out: Annotated[list[str] | None, typer.Option(help="ID, display name or folder of a run to leave out.")] = None,
        overlap: Annotated[
            Literal["refuse", "earlier", "later"],
            typer.Option(help="Which row counts where a resumed run has two for a step."),
        ] = "refuse",
    ) -> None:
        from lrsweep.stages.exchange import take
        from lrsweep.tracking.sources import SOURCES

        say(take(checking.load(PARAMS), stage, SOURCES[kind], sources, into, name or [], leave_out or [], overlap))

    help_text = f"Take over runs of {reads} as a study, and print what to put into params.yaml: see docs/imports.md."
    app.command(kind, help=help_text, epilog=f"Example: lrsweep import {kind} sweep_uniform {example} --into data/mine")(command)


for _kind, (_reads, _example) in KINDS.items():
    _register(_kind, _reads, _example)
