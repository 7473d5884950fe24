"""The commands that change params.yaml, or hand a run from one runner to the other."""

from typing import Annotated

import typer

from lrsweep.cli import completion
from lrsweep.config import checking
from lrsweep.config.checking import PARAMS

PANEL = "Changes"

app = typer.Typer()


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep record")
def record() -> None:
    """Let DVC record a run that Snakemake made. This is refused where the files are not what params.yaml makes."""
    _hand_over("record")


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep adopt")
def adopt() -> None:
    """Let Snakemake take over a run that DVC made or pulled. This is refused where the files are not what params.yaml makes."""
    _hand_over("adopt")


def _hand_over(direction: str) -> None:
    from lrsweep.cli.identities import identities
    from lrsweep.provenance import handover
    from lrsweep.provenance.workspace import Workspace
    from lrsweep.stages import check
    from lrsweep.store.results import FOLDER, Results

    params = checking.load(PARAMS)
    check.run(params, Results(FOLDER))
    getattr(handover, direction)(Workspace.read(params, identities(params)))


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep preset writeup tinystories")
def preset(
    names: Annotated[list[str], typer.Argument(help="One or more, the last one on top.", autocompletion=completion.preset_names)],
) -> None:
    """Lay presets (workflow/presets/NAME.yaml) over params.yaml, and keep its comments."""
    from lrsweep.config.presets import apply

    apply(PARAMS, names)


@app.command("schema", rich_help_panel=PANEL, epilog="Example: lrsweep schema")
def write_schema() -> None:
    """Write params.schema.json, with which editors complete and check params.yaml, and the comments of params.yaml."""
    from lrsweep.config import schema

    schema.write(PARAMS)
