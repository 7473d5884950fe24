"""The command line."""

import sys

import typer
from typer.exceptions import TyperException

from lrsweep import errors, terminal
from lrsweep.cli import changes, environment, imports, init, law, questions, stages, usage, wandb, why

EXCHANGE = "Other tools"

app = typer.Typer(
    cls=usage.Group,
    help="Find the maximum learning rate of a training run at the edge of stability. Each STAGE is a command of its name.",
    epilog="Example: snakemake --cores all runs every stage; lrsweep check, lrsweep explain sweep_bayes.lag, lrsweep status",
    pretty_exceptions_enable=False,
)
for part in (init.app, stages.app, questions.app, law.app, why.app, changes.app):
    app.add_typer(part)
app.command(rich_help_panel=EXCHANGE, epilog="Example: lrsweep track")(wandb.track)
app.add_typer(wandb.exports, name="export", cls=usage.Group, rich_help_panel=EXCHANGE)
app.add_typer(imports.app, name="import", cls=usage.Group, rich_help_panel=EXCHANGE)


def main() -> None:
    """Run a command and exit with its code; a command line that cannot be read gets one line and exit code 2."""
    terminal.take_any_character()
    sys.exit(errors.exit_code(_run))


def _run() -> None:
    environment.check()
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], prog_name="lrsweep", standalone_mode=False))
    except TyperException as error:
        raise errors.UserError(usage.explain(error)) from None
