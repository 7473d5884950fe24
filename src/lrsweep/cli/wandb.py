"""The commands for W&B; what they need is imported when they run."""

from pathlib import Path
from typing import Annotated

import typer

from lrsweep.config import checking
from lrsweep.config.checking import PARAMS
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.store.results import FOLDER, Results
from lrsweep.terminal import say, warn

exports = typer.Typer(help="Hand the studies to another tool.", epilog="Example: lrsweep export wandb wandb_sweeps")

TRIALS = ("sweep_uniform", "sweep_bayes", "assess", "select", "edge", "scale", "ablate")  # stages whose trials have a run each
RUNS = {"train": "final_training", "report": "report"}  # stages with a run of their own, and the function that makes it


def before(params: Params) -> None:
    """Make sure before any work that online tracking can start.

    Raises:
        UserError: there is no key.
    """
    if params.execution.tracking == "online":
        from lrsweep.tracking.runs import require_key

        require_key()


def after(params: Params, stage: str, results: Results) -> None:
    """Track what a stage has made, if params.yaml asks for it; outside of the stages, so that no result depends on tracking.

    Whatever goes wrong is only a warning.
    """
    if params.execution.tracking == "disabled" or stage not in (*TRIALS, *RUNS):
        return
    try:
        _make_runs(params, stage, results)
    except UserError as error:  # the results are there, and a failure here must not cost them
        warn(f"{error}; `lrsweep track` makes the missing runs later")


def _make_runs(params: Params, stage: str, results: Results) -> None:
    from lrsweep.stages import track

    try:
        track.trials(stage, params, results) if stage in TRIALS else getattr(track, RUNS[stage])(params, results)
    except Exception as error:  # whatever wandb raises
        raise UserError(f"{stage} is not tracked any further: {' '.join(str(error).split())}") from None


def track() -> None:
    """Make the W&B runs of all that is there and has none yet, also while a study is under way."""
    from lrsweep.runner.catalogue import study_of

    params, results = checking.load(PARAMS), Results(FOLDER)
    before(params)
    if params.execution.tracking == "disabled":
        raise UserError(f"{PARAMS}: execution.tracking: found 'disabled', expected offline or online; set it")
    for stage in TRIALS:
        try:
            started = study_of(stage, params, results).events.exists()
        except UserError:  # its inputs are not there yet
            continue
        if started:
            _make_runs(params, stage, results)
    for stage in RUNS:
        if any(results.path(stage).glob("*")):
            _make_runs(params, stage, results)


@exports.command("wandb", epilog="Example: lrsweep export wandb wandb_sweeps")
def export_wandb(folder: Annotated[Path, typer.Argument(help="Folder of the three files.")]) -> None:
    """Write both studies as W&B sweeps (sweep_uniform.yaml, sweep_bayes.yaml), with the program that `wandb agent` starts."""
    from lrsweep.stages.exchange import export

    for path in export(checking.load(PARAMS), folder):
        say(f"{path}")
