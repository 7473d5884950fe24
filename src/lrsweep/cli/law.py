"""The command that asks a law for the LR of a run that matters."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrsweep.cli.questions import PANEL, Json

if TYPE_CHECKING:
    from lrsweep.analysis.law import Law

app = typer.Typer()


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep law runs.csv --target D=2e10 --target N=1.1e9")
def law(
    table: Annotated[Path, typer.Argument(help="CSV or parquet with a run a row: lr, loss, and a column for each target.")],
    target: Annotated[
        list[str], typer.Option(help="NAME=VALUE: a column of size, horizon or batch, and its value to answer for.")
    ],
    as_json: Json = False,
    figure: Annotated[Path | None, typer.Option(help="Draw the law as .svg or .png.")] = None,
) -> None:
    """Say which maximum learning rate a larger or longer run needs, from runs that you have at several LRs and sizes."""
    from lrsweep.errors import UserError
    from lrsweep.stages.law import described, run

    if figure and figure.suffix not in (".svg", ".png"):
        raise UserError(f"--figure: found {figure}, expected a name that ends in .svg or .png; rename it")
    found = run(table, target)
    if figure:
        _draw(found, figure)
    if as_json:
        print(json.dumps(described(found), indent=2))
        return
    at = ", ".join(f"{name} {value:g}" for name, value in found.target.items())
    print(f"best LR for {at}: {found.lr.value:.3g}, 95 % interval {found.lr.low:.3g} to {found.lr.high:.3g}")
    print(f"within 0.5 % of the best loss: {found.band[0]:.3g} to {found.band[1]:.3g}, from the profiles' own widths")
    for name, its in found.exponents.items():
        print(f"lr goes with {name}^{its.value:.2f} ({its.low:.2f} to {its.high:.2f}), prior of {found.roles[name]}")
    print("\n".join([f"from {len(found.proxies)} profiles", *(f"warning: {warning}" for warning in found.warnings)]))


def _draw(found: "Law", path: Path) -> None:
    from lrsweep import files
    from lrsweep.figures import law as module

    drawn = module.law
    svg, png = drawn.render(drawn.prepare(found), {"Title": drawn.name, "Description": drawn.caption})
    files.write_bytes(path, svg if path.suffix == ".svg" else png)
