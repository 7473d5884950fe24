"""The command line: `lrsweep STAGE` runs one stage in the project's folder; Snakemake and DVC call nothing else."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from lrsweep import checking
from lrsweep.errors import Mismatch, UserError
from lrsweep.params import Params
from lrsweep.progress import duration
from lrsweep.wb import commands

PARAMS = Path("params.yaml")
PLAIN_STAGES = ("check", "corpus", "tokenize", "edge", "sharpness", "cluster", "importance", "generate", "figures", "report")
FANNED_OUT = ("sweep_uniform", "sweep_bayes", "assess", "select")

app = typer.Typer(add_completion=True, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)
Folder = Annotated[Path | None, typer.Option(help="Folder of the stage's trials; found from the parameters if not given.")]

Json = Annotated[bool, typer.Option("--json", help="Prints JSON, for machines.")]


@contextmanager
def _timed(stage: str) -> Iterator[None]:
    """Says on the log that a stage is done, and how long it took."""
    began = time.monotonic()
    yield
    print(f"{stage} done in {duration(time.monotonic() - began)}", file=sys.stderr)


def _plain(stage: str) -> None:
    module = f"lrsweep.stages.{stage}"

    def command() -> None:
        loaded = checking.load(PARAMS)
        commands.before(loaded)
        with _timed(stage), _recording(stage, loaded):
            import_module(module).run(loaded)
        commands.after(loaded, stage, None)

    doc = (Path(__file__).parent / "stages" / f"{stage}.py").read_text(encoding="utf-8").split('"""')[1]
    app.command(stage, help=doc)(command)


def _recording(stage: str, loaded: Params) -> AbstractContextManager[None]:
    """Writes the stage's provenance when it has run; refuses damaged inputs before."""
    from lrsweep import pipeline, stage_provenance

    declared = pipeline.load()[stage]
    stage_provenance.refuse_damaged(declared, loaded)
    return stage_provenance.recording(declared, loaded) if declared.provenance else nullcontext()


def _job(stage: str, folder: Path | None):
    from lrsweep.lineage import kept, study_folder
    from lrsweep.stages.trials import Job

    loaded = checking.load(PARAMS)
    return Job(stage, loaded, kept(folder) if folder else study_folder(stage, loaded))


def _fanned_out(stage: str) -> None:
    def command(folder: Folder = None) -> None:
        job = _job(stage, folder)
        with _timed(stage), _recording(stage, job.params):
            if stage.startswith("sweep"):
                from lrsweep.stages import gather

                getattr(gather, stage)(job)
            else:
                import_module(f"lrsweep.stages.{stage}").run(job)
        commands.after(job.params, stage, job)

    app.command(stage, help=f"{stage}: gathers the records of its trials (snakemake runs the trials).")(command)


for _stage in PLAIN_STAGES:
    _plain(_stage)
for _stage in FANNED_OUT:
    _fanned_out(_stage)


@app.command(help="train: the final training; goes on from its last checkpoint where it was killed.")
def train(folder: Folder = None) -> None:
    from lrsweep.lineage import kept, study_folder
    from lrsweep.stages.train import run

    loaded = checking.load(PARAMS)
    commands.before(loaded)
    with _timed("train"), _recording("train", loaded):
        run(loaded, kept(folder) if folder else study_folder("train", loaded))
    commands.after(loaded, "train", None)


@app.command()
def trials(stage: str, first: int, last: int, folder: Folder = None) -> None:
    """Trains the trials FIRST to LAST of a stage, one after the other: a job of snakemake."""
    from lrsweep.stages.trials import run_trials

    run_trials(_job(stage, folder), first, last)


@app.command()
def block(level: int, first: int, last: int, folder: Folder = None) -> None:
    """Trains the places FIRST to LAST of phase 2's first block on to a level: a job of snakemake."""
    from lrsweep.stages.trials import run_block

    run_block(_job("sweep_bayes", folder), level, first, last)


app.command()(commands.track)
app.add_typer(commands.exports, name="export")
app.add_typer(commands.imports, name="import")


@app.command()
def status(follow: Annotated[bool, typer.Option(help="Look again every second, until Ctrl-C.")] = False) -> None:
    """Says how far each study of these parameters is, a line each; also of one that runs elsewhere with the same work folder."""
    from lrsweep import progress

    jobs = [job for job in (_job(stage, None) for stage in FANNED_OUT) if job.events.exists()]
    if not jobs:
        typer.echo("no study of these parameters has started: snakemake --cores all starts them")
        return

    def lines() -> str:
        return "\n".join(str(progress.summarize(progress.read(job.events), job.plan)) for job in jobs)

    if not follow:
        typer.echo(lines())
        return
    from rich.live import Live

    with Live("") as live, suppress(KeyboardInterrupt):
        while True:
            live.update(lines(), refresh=True)
            time.sleep(1)


@app.command()
def replay(stage: Literal["sweep_bayes"], folder: Folder = None) -> None:
    """Derives every proposal and every stop of a study again from its records, and fails at the first that differs."""
    from lrsweep.stages.replay import run

    typer.echo(run(_job(stage, folder)))


@app.command()
def estimate(steps: Annotated[int, typer.Option(min=1, help="Training steps to try.")] = 20) -> None:
    """Trains the first steps of phase 1 with these parameters and says what the whole run would take on this machine.

    The text must be there in tokens: snakemake --cores all -- results/tokenize/tokens.json
    """
    from lrsweep.stages.estimate import run

    typer.echo(run(checking.load(PARAMS), steps))


@app.command()
def rules(
    table: Annotated[Path, typer.Argument(help="CSV or parquet with columns trial, step, loss and, for M_u, lr.")],
    rungs: Annotated[list[int] | None, typer.Option(help="Steps of the rungs; those of sweep_bayes if not given.")] = None,
    eta: Annotated[int | None, typer.Option(min=2, help="Reduction factor; that of sweep_bayes if not given.")] = None,
    orders: Annotated[int | None, typer.Option(min=1, help="Random orders; assess.orders if not given.")] = None,
) -> None:
    """Replays stopping rules over curves of your own: what each would have trained and lost.

    Example: lrsweep rules curves.csv --rungs 250 --rungs 500 --rungs 1000
    """
    from rich.console import Console
    from rich.table import Column, Table

    from lrsweep.stages.rules import run

    p = checking.load(PARAMS)
    bayes = p.sweep_bayes
    rows, note = run(table, rungs or bayes.rungs, eta or bayes.stopping.eta, orders or p.assess.orders, bayes.metric, p.seed)
    heads = ("rule", "metric", "steps", "stopped", "best loss", "cost", "best kept")
    columns = (Column(head, no_wrap=True, justify="left" if i < 2 else "right") for i, head in enumerate(heads))
    shown = Table(*columns, box=None, padding=(0, 2, 0, 0))
    for row in rows:
        counts = (f"{row['median_steps']:.0f}", f"{row['median_stopped']:.0f}", f"{row['median_best_loss_nats']:.4f}")
        shown.add_row(row["rule"], row["metric"], *counts, f"{row['mean_cost_nats']:.4f}", f"{row['kept_best_share']:.0%}")
    console = Console()
    console.print(shown)
    console.print(f"{note}. Medians; cost is the mean loss given up against no stopping.")


@app.command()
def race(number: int, first: int, last: int, folder: Folder = None) -> None:
    """Trains the places FIRST to LAST of round NUMBER of the race of the candidates: a job of snakemake."""
    from lrsweep.stages.race import run_race

    run_race(_job("select", folder), number, first, last)


@app.command()
def trace(file: Path, as_json: Json = False) -> None:
    """Tells where FILE comes from: stages, parameters, inputs, code; exit code 1 where something is not as recorded."""
    from lrsweep import tracing

    workspace = tracing.Workspace.read(checking.load(PARAMS))
    found = tracing.trace(file, workspace)
    print(json.dumps(found, indent=2) if as_json else "\n".join(tracing.tree(found, workspace)))
    sys.exit(0 if found["intact"] else 1)


@app.command()
def verify(as_json: Json = False) -> None:
    """Checks every artifact against its record and the current configuration; exit code 1 where something does not fit."""
    from lrsweep import tracing

    workspace = tracing.Workspace.read(checking.load(PARAMS))
    found = list(workspace.discrepancies(workspace.stages))
    if as_json:
        print(json.dumps({"intact": not found, "discrepancies": [asdict(one) for one in found]}, indent=2))
    elif found:
        print(f"{found[0]}" + (f" ({len(found) - 1} more: --json)" if found[1:] else ""))
    else:
        print(f"{sum(len(stage.artifacts) for stage in workspace.stages.values())} artifacts are as recorded")
    sys.exit(1 if found else 0)


@app.command()
def record() -> None:
    """Has DVC record a run that Snakemake has made; refuses where the files are not what params.yaml makes."""
    _hand_over("record")


@app.command()
def adopt() -> None:
    """Has Snakemake take over a run that DVC has made or pulled; refuses where the files are not what params.yaml makes."""
    _hand_over("adopt")


def _hand_over(direction: str) -> None:
    from lrsweep import handover, tracing
    from lrsweep.stages import check

    loaded = checking.load(PARAMS)
    check.run(loaded)
    getattr(handover, direction)(tracing.Workspace.read(loaded))


@app.command()
def preset(names: list[str]) -> None:
    """Lays presets (workflow/presets/NAME.yaml) over params.yaml, keeping its comments: lrsweep preset writeup."""
    from lrsweep.presets import apply

    apply(PARAMS, names)


def main() -> None:
    """Turns a user's mistake into a line and exit code 2, and evidence that does not hold into one and exit code 1."""
    try:
        app()
    except UserError as error:
        print(f"lrsweep: {error}", file=sys.stderr)
        sys.exit(2)
    except Mismatch as error:
        print(f"lrsweep: {error}", file=sys.stderr)
        sys.exit(1)
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        remedy = "use fewer --cores, or lower execution.trials_at_once or optimizer.batch_size"
        print(f"lrsweep: {' '.join(sys.argv[1:])}: memory ran out; {remedy}, and run again", file=sys.stderr)
        sys.exit(1)


def _out_of_memory(error: Exception) -> bool:
    """torch has a type of its own for the GPU's memory only."""
    return isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error)
