"""The command that asks a law for the LR of a run that matters."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lrsweep.cli.questions import PANEL, Json, Picture
from lrsweep.terminal import say

app = typer.Typer()


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep law runs.csv --target D=2e10 --target N=1.1e9")
def law(
    table: Annotated[Path, typer.Argument(help="CSV or parquet with a run a row: lr, loss, and a column for each target.")],
    target: Annotated[
        list[str], typer.Option(help="NAME=VALUE: a column of size, horizon or batch, and its value to answer for.")
    ],
    as_json: Json = False,
    figure: Picture = None,
) -> None:
    """Say which maximum learning rate a larger or longer run needs, from runs that you have at several LRs and sizes."""
    from lrsweep.stages.law import described, run

    found = run(table, target)
    if figure:
        from lrsweep.figures.law import law as drawn

        drawn.save(figure, drawn.prepare(found))
    if as_json:
        say(json.dumps(described(found), indent=2))
        return
    at = ", ".join(f"{name} {value:g}" for name, value in found.target.items())
    say(f"best LR for {at}: {found.lr.value:.3g}, 95 % interval {found.lr.low:.3g} to {found.lr.high:.3g}")
    say(f"within 0.5 % of the best loss: {found.band[0]:.3g} to {found.band[1]:.3g}, from the profiles' own widths")
    for name, its in found.exponents.items():
        say(f"lr goes with {name}^{its.value:.2f} ({its.low:.2f} to {its.high:.2f}), prior of {found.roles[name]}")
    say("\n".join([f"from {len(found.proxies)} profiles", *(f"warning: {warning}" for warning in found.warnings)]))
