"""The commands of the stages: `lrsweep STAGE` runs one in the project's folder, for Snakemake and DVC too."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrsweep.cli import wandb
from lrsweep.errors import UserError
from lrsweep.runner.catalogue import STUDIES
from lrsweep.runner.progress import duration
from lrsweep.terminal import note

if TYPE_CHECKING:
    from lrsweep.provenance.pipeline import Stage

STAGES = (
    *("check", "corpus", "tokenize", "sweep_uniform", "edge", "sharpness", "sweep_bayes"),
    *("cluster", "importance", "assess", "select", "scale", "ablate", "train", "generate", "figures", "report"),
)
PARAMS = Path("params.yaml")
PANEL = "Stages"

app = typer.Typer()


def _register(stage: str) -> None:
    """Make the command of a stage. Its help is the docstring of its module, which is read, since an import takes a second."""
    doc = (Path(__file__).parents[1] / "stages" / f"{stage}.py").read_text(encoding="utf-8").split('"""')[1]

    def command() -> None:
        _run(stage)

    help_text = doc.removeprefix(f"{stage}: ")
    app.command(stage, help=help_text, rich_help_panel=PANEL, epilog=f"Example: lrsweep {stage}")(command)


def _run(stage: str) -> None:
    from lrsweep.cli.identities import identity
    from lrsweep.provenance import recording
    from lrsweep.runner import device, premise
    from lrsweep.store.results import FOLDER, Results

    params, results = premise.load(), Results(FOLDER)
    device.device(params)
    wandb.before(params)
    declared = _declared(stage)
    recording.refuse_damaged(declared, params)
    recorded = recording.recording(declared, params, results, lambda: identity(stage, params))
    with _timed(stage), recorded if declared.provenance else nullcontext():
        import_module(f"lrsweep.stages.{stage}").run(params, results)
    wandb.after(params, stage, results)


def _declared(stage: str) -> "Stage":
    """Give what dvc.yaml says of a stage.

    Raises:
        UserError: there is no such stage, as of those that make the text of the built-in model beside a script.
    """
    from lrsweep.provenance import pipeline

    stages = pipeline.load()
    if stage not in stages:
        raise UserError(f"{stage}: found no such stage in dvc.yaml, expected one of {', '.join(stages)}; name one of these")
    return stages[stage]


@contextmanager
def _timed(stage: str) -> Iterator[None]:
    """Say on stderr that a stage is done, and how long it took."""
    began_s = time.monotonic()
    yield
    note(f"{stage} done in {duration(time.monotonic() - began_s)}")


for _stage in STAGES:
    _register(_stage)


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep work sweep_bayes")
def work(
    stage: Annotated[str, typer.Argument(help=f"One of {', '.join(STUDIES)}.")],
    number: Annotated[int, typer.Option(min=0, help="Number of the worker, from 0: on several GPUs each has one.")] = 0,
) -> None:
    """Train trials of a stage, one after the other, until all have ended. Workers may join and leave at any time."""
    from lrsweep.runner import device, premise, worker
    from lrsweep.runner.supervisor import Limits, supervise

    if stage not in STUDIES:
        raise UserError(f"STAGE: found {stage!r}, expected one of {', '.join(STUDIES)}; name one of these")
    _declared(stage)
    params = premise.load()
    device.take(params, number)
    section = params.execution
    sys.exit(supervise(worker.work, (stage,), Limits(section.trial_minutes, section.attempts)))
