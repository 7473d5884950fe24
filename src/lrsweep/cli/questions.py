"""The commands that answer questions and change nothing."""

import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from lrsweep.cli import completion
from lrsweep.config import checking
from lrsweep.config.checking import PARAMS
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.store.results import FOLDER, Results
from lrsweep.terminal import plain, say

PANEL = "Questions"

app = typer.Typer()
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def _picture(path: Path | None) -> Path | None:
    """Refuse a picture of another kind, before any work."""
    if path and path.suffix not in (".svg", ".png"):
        raise UserError(f"--figure: found {path}, expected a name that ends in .svg or .png; rename it")
    return path


Picture = Annotated[Path | None, typer.Option("--figure", help="Draw it as .svg or .png.", callback=_picture)]


def _origins(params: Params) -> dict[str, str]:
    """Say where the imported studies come from, by their stages; a folder that is not as it was is named."""
    from lrsweep.store import imported

    said = {}
    for stage in ("sweep_uniform", "sweep_bayes"):
        try:
            found = imported.origin(stage, getattr(params, stage))
        except UserError as error:
            said[stage] = f"imported: {error}"
        else:
            said |= {stage: str(found)} if found else {}
    return said


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep status --follow")
def status(follow: Annotated[bool, typer.Option(help="Look again every second, until Ctrl-C.")] = False) -> None:
    """Show how far each study of these parameters is, a line each; also where it runs elsewhere with the same work folder."""
    from lrsweep.runner import catalogue, progress

    params = checking.load(PARAMS)
    found = list(catalogue.started(params, Results(FOLDER)))
    for stage, origin in _origins(params).items():
        say(f"{stage} {origin}; nothing is trained for it")
    if not found:
        say("no study of these parameters has started: snakemake --cores all starts them")
        return

    def lines() -> str:
        return "\n".join(str(progress.summarize(progress.read(events), size)) for size, events in found)

    if not follow:
        say(lines())
        return
    from rich.live import Live

    with Live("") as live, suppress(KeyboardInterrupt):
        while True:
            live.update(lines(), refresh=True)
            time.sleep(1)


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep watch --every 5")
def watch(
    once: Annotated[bool, typer.Option(help="Write the page once, and end.")] = False,
    every: Annotated[float, typer.Option(min=1, max=86400, help="Seconds from one look to the next.")] = 10,
) -> None:
    """Write a live page of what runs, until the run is over or Ctrl-C: a file that loads itself again, for any browser."""
    from lrsweep.cli.workflow import LOCK
    from lrsweep.provenance import pipeline
    from lrsweep.report import live
    from lrsweep.stages.watch import Watch

    os.nice(10)  # what trains goes first
    found = Watch(checking.load(PARAMS), Results(FOLDER), pipeline.load(), LOCK, every)
    state = found.write()
    say(f"open {found.path.resolve().as_uri()}")
    with suppress(KeyboardInterrupt):
        while not once and state != live.OVER:
            time.sleep(every)
            state = found.write()


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep replay sweep_bayes")
def replay(stage: Annotated[Literal["sweep_bayes"], typer.Argument(help="The study.")]) -> None:
    """Derive every proposal and every stop of a study again from its records, and fail at the first that differs."""
    from lrsweep.stages.replay import run

    say(run(checking.load(PARAMS), Results(FOLDER)))


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep estimate --steps 50")
def estimate(steps: Annotated[int, typer.Option(min=1, help="Training steps to try.")] = 20) -> None:
    """Train the first steps of phase 1 with these parameters, and say how long the whole run would take on this machine.

    The text must have been tokenized: snakemake --cores all -- results/tokenize/tokens.json
    """
    from lrsweep.stages.estimate import run

    say(run(checking.load(PARAMS), Results(FOLDER), steps))


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep rules curves.csv --rungs 250 --rungs 500 --rungs 1000")
def rules(
    table: Annotated[Path, typer.Argument(help="CSV or parquet with columns trial, step, loss and, for M_u, lr.")],
    rungs: Annotated[list[int] | None, typer.Option(help="Steps of a rung; by default all rungs of sweep_bayes.")] = None,
    eta: Annotated[int | None, typer.Option(min=2, help="Reduction factor; by default sweep_bayes.stopping.eta.")] = None,
    orders: Annotated[int | None, typer.Option(min=1, help="Random orders; by default assess.orders.")] = None,
) -> None:
    """Replay stopping rules over your own curves: show what each would have saved and lost."""
    from rich.console import Console
    from rich.table import Column, Table

    from lrsweep.stages.rules import run

    p = checking.load(PARAMS)
    bayes = p.sweep_bayes
    rows, note = run(
        table,
        sorted(set(rungs)) if rungs else bayes.rungs,
        bayes.stopping.model_copy(update={"eta": eta} if eta else {}),
        orders or p.assess.orders,
        bayes.metric,
        p.seed,
    )
    heads = ("rule", "metric", "steps", "stopped", "best loss", "cost", "best kept")
    columns = (Column(head, no_wrap=True, justify="left" if i < 2 else "right") for i, head in enumerate(heads))
    shown = Table(*columns, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for row in rows:
        counts = (f"{row['median_steps']:.0f}", f"{row['median_stopped']:.0f}", f"{row['median_best_loss_nats']:.4f}")
        shown.add_row(row["rule"], row["metric"], *counts, f"{row['mean_cost_nats']:.4f}", f"{row['kept_best_share']:.0%}")
    console = Console(markup=False)
    console.print(shown)
    console.print(f"{plain(note)}. Numbers are medians, but for cost: the mean loss in nats given up against no stopping.")


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep trace results/figures/choice.png")
def trace(
    file: Annotated[Path, typer.Argument(help="An artifact, or a copy of one.")],
    trial: Annotated[
        int | None, typer.Option(min=0, help="One trial behind it: its values, its command, what that read.")
    ] = None,
    of: Annotated[str | None, typer.Option(help="Stage of the trial, as select for a run of the race.")] = None,
    as_json: Json = False,
) -> None:
    """Show where FILE comes from: stages, parameters, inputs, code. The exit code is 1 where something is not as recorded."""
    from lrsweep.cli.identities import identities
    from lrsweep.provenance import trace as tracing
    from lrsweep.provenance.workspace import Workspace
    from lrsweep.stages import trial as trials

    params = checking.load(PARAMS)
    workspace = Workspace.read(params, identities(params))
    found = tracing.trace(file, workspace)
    one = None if trial is None else trials.trace(found, trial, workspace, params, of)
    origins = {stage: f"{said}; not trained here, and its model is not known" for stage, said in _origins(params).items()}
    if as_json:
        say(json.dumps({**asdict(found), "intact": found.intact, "trial": asdict(one) if one else None}, indent=2))
    else:
        say("\n".join(trials.lines(found, one) if one else tracing.tree(found, workspace, origins)))
    sys.exit(0 if found.intact else 1)


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep verify --json")
def verify(as_json: Json = False) -> None:
    """Check every artifact against its record and the current configuration. The exit code is 1 where something differs."""
    from lrsweep.cli.identities import identities
    from lrsweep.provenance.workspace import Workspace

    params = checking.load(PARAMS)
    workspace = Workspace.read(params, identities(params))
    found, notes = list(workspace.discrepancies(workspace.stages)), list(workspace.notes(workspace.stages))
    if as_json:
        described = [asdict(one) for one in found]
        say(json.dumps({"intact": not found, "discrepancies": described, "notes": notes}, indent=2))
    elif found:
        say(f"{found[0]}" + (f" ({len(found) - 1} more: --json)" if found[1:] else ""))
    else:
        artifacts = sum(len(stage.artifacts) for stage in workspace.stages.values())
        say("\n".join([f"{artifacts} artifacts are as recorded", *notes]))
    sys.exit(1 if found else 0)


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep explain sweep_bayes.stopping.first_rung")
def explain(
    key: Annotated[
        str | None, typer.Argument(help="A dotted key; without one all keys are listed.", autocompletion=completion.keys)
    ] = None,
) -> None:
    """Say what a key of params.yaml is: unit, type and range, value, default, source, and the stages that it runs again."""
    from lrsweep.config import explanation, schema, yamlfile
    from lrsweep.provenance import pipeline

    if key is None:
        say("\n".join(explanation.listing(list(schema.keys(schema.read())))))
        return
    params = yamlfile.read(PARAMS)
    yamlfile.parse(params, PARAMS)
    say(explanation.explain(key, params, partial(pipeline.rerun, pipeline.load())))
