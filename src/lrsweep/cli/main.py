"""The command line: `lrsweep STAGE` runs one stage in the project's folder; Snakemake and DVC call nothing else."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.exceptions import TyperException

from lrsweep.cli import completion, usage
from lrsweep.config import checking
from lrsweep.config.params import Params
from lrsweep.errors import Mismatch, UserError, lines
from lrsweep.runner import jobs
from lrsweep.runner.jobs import FANNED_OUT, PARAMS, Folder, job_of
from lrsweep.runner.progress import duration
from lrsweep.tracking import commands

ALL_STAGES = (
    *("check", "corpus", "tokenize", "sweep_uniform", "edge", "sharpness", "sweep_bayes"),
    *("cluster", "importance", "assess", "select", "train", "generate", "figures", "report"),
)
PLAIN_STAGES = tuple(stage for stage in ALL_STAGES if stage not in (*FANNED_OUT, "train"))

STAGES, QUESTIONS, CHANGES, EXCHANGE = "Stages", "Questions", "Changes", "Weights & Biases"  # panels of the help

app = typer.Typer(
    help="Finds the maximum learning rate of a small transformer at the edge of stability. Each STAGE is a command of its name.",
    epilog="Example: snakemake --cores all runs every stage; lrsweep check, lrsweep explain sweep_bayes.lag, lrsweep status",
    pretty_exceptions_enable=False,
)
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

    _register(stage, stage, command)


def _register(stage: str, module: str, command: Callable[..., None]) -> None:
    """The stage's command; the first docstring of its module is the help, read since to import it would take a second."""
    doc = (Path(__file__).parent / "stages" / f"{module}.py").read_text(encoding="utf-8").split('"""')[1]
    text = doc.removeprefix(f"{module}: ")
    app.command(stage, help=text, rich_help_panel=STAGES, epilog=f"Example: lrsweep {stage}")(command)


def _recording(stage: str, loaded: Params) -> AbstractContextManager[None]:
    """Writes the stage's provenance when it has run; refuses damaged inputs before."""
    from lrsweep.provenance import pipeline
    from lrsweep.provenance import recording as stage_provenance

    declared = pipeline.load()[stage]
    stage_provenance.refuse_damaged(declared, loaded)
    return stage_provenance.recording(declared, loaded) if declared.provenance else nullcontext()


def _fanned_out(stage: str) -> None:
    def command(folder: Folder = None) -> None:
        job = job_of(stage, folder)
        with _timed(stage), _recording(stage, job.params):
            if stage.startswith("sweep"):
                from lrsweep.stages import gather

                getattr(gather, stage)(job)
            else:
                import_module(f"lrsweep.stages.{stage}").run(job)
        commands.after(job.params, stage, job)

    _register(stage, "gather" if stage.startswith("sweep") else stage, command)


def _train(folder: Folder = None) -> None:
    from lrsweep.provenance.lineage import kept, study_folder
    from lrsweep.stages.train import run

    loaded = checking.load(PARAMS)
    commands.before(loaded)
    with _timed("train"), _recording("train", loaded):
        run(loaded, kept(folder) if folder else study_folder("train", loaded))
    commands.after(loaded, "train", None)


for _stage in ALL_STAGES:
    if _stage == "train":
        _register(_stage, _stage, _train)
    else:
        (_plain if _stage in PLAIN_STAGES else _fanned_out)(_stage)


@app.command(rich_help_panel=QUESTIONS, epilog="Example: lrsweep status --follow")
def status(follow: Annotated[bool, typer.Option(help="Look again every second, until Ctrl-C.")] = False) -> None:
    """Says how far each study of these parameters is, a line each; also of one that runs elsewhere with the same work folder."""
    from lrsweep.provenance import lineage
    from lrsweep.runner import progress

    jobs = [job_of(stage, None) for stage in FANNED_OUT]
    found = [(job.plan, folder / "events.jsonl") for job in jobs for folder in lineage.started(job.study, job.params)]
    if not found:
        typer.echo("no study of these parameters has started: snakemake --cores all starts them")
        return

    def lines() -> str:
        return "\n".join(str(progress.summarize(progress.read(events), plan)) for plan, events in found)

    if not follow:
        typer.echo(lines())
        return
    from rich.live import Live

    with Live("") as live, suppress(KeyboardInterrupt):
        while True:
            live.update(lines(), refresh=True)
            time.sleep(1)


@app.command(rich_help_panel=QUESTIONS, epilog="Example: lrsweep replay sweep_bayes")
def replay(stage: Annotated[Literal["sweep_bayes"], typer.Argument(help="The study.")], folder: Folder = None) -> None:
    """Derives every proposal and every stop of a study again from its records, and fails at the first that differs."""
    from lrsweep.stages.replay import run

    typer.echo(run(job_of(stage, folder)))


@app.command(rich_help_panel=QUESTIONS, epilog="Example: lrsweep estimate --steps 50")
def estimate(steps: Annotated[int, typer.Option(min=1, help="Training steps to try.")] = 20) -> None:
    """Trains the first steps of phase 1 with these parameters and says what the whole run would take on this machine.

    The text must be there in tokens: snakemake --cores all -- results/tokenize/tokens.json
    """
    from lrsweep.stages.estimate import run

    typer.echo(run(checking.load(PARAMS), steps))


@app.command(rich_help_panel=QUESTIONS, epilog="Example: lrsweep rules curves.csv --rungs 250 --rungs 500 --rungs 1000")
def rules(
    table: Annotated[Path, typer.Argument(help="CSV or parquet with columns trial, step, loss and, for M_u, lr.")],
    rungs: Annotated[list[int] | None, typer.Option(help="Steps of the rungs; those of sweep_bayes if not given.")] = None,
    eta: Annotated[int | None, typer.Option(min=2, help="Reduction factor; that of sweep_bayes if not given.")] = None,
    orders: Annotated[int | None, typer.Option(min=1, help="Random orders; assess.orders if not given.")] = None,
) -> None:
    """Replays stopping rules over curves of your own: what each would have trained and lost."""
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
    shown = Table(*columns, box=None, padding=(0, 2, 0, 0))
    for row in rows:
        counts = (f"{row['median_steps']:.0f}", f"{row['median_stopped']:.0f}", f"{row['median_best_loss_nats']:.4f}")
        shown.add_row(row["rule"], row["metric"], *counts, f"{row['mean_cost_nats']:.4f}", f"{row['kept_best_share']:.0%}")
    console = Console()
    console.print(shown)
    console.print(f"{note}. Medians; cost is the mean loss given up against no stopping.")


@app.command(rich_help_panel=QUESTIONS, epilog="Example: lrsweep trace results/figures/choice.png")
def trace(file: Annotated[Path, typer.Argument(help="An artifact, or a copy of one.")], as_json: Json = False) -> None:
    """Tells where FILE comes from: stages, parameters, inputs, code; exit code 1 where something is not as recorded."""
    from lrsweep.provenance import trace as tracing

    workspace = tracing.Workspace.read(checking.load(PARAMS))
    found = tracing.trace(file, workspace)
    print(json.dumps(found, indent=2) if as_json else "\n".join(tracing.tree(found, workspace)))
    sys.exit(0 if found["intact"] else 1)


@app.command(rich_help_panel=QUESTIONS, epilog="Example: lrsweep verify --json")
def verify(as_json: Json = False) -> None:
    """Checks every artifact against its record and the current configuration; exit code 1 where something does not fit."""
    from lrsweep.provenance import trace as tracing

    workspace = tracing.Workspace.read(checking.load(PARAMS))
    found = list(workspace.discrepancies(workspace.stages))
    if as_json:
        print(json.dumps({"intact": not found, "discrepancies": [asdict(one) for one in found]}, indent=2))
    elif found:
        print(f"{found[0]}" + (f" ({len(found) - 1} more: --json)" if found[1:] else ""))
    else:
        print(f"{sum(len(stage.artifacts) for stage in workspace.stages.values())} artifacts are as recorded")
    sys.exit(1 if found else 0)


@app.command(rich_help_panel=CHANGES, epilog="Example: lrsweep record")
def record() -> None:
    """Has DVC record a run that Snakemake has made; refuses where the files are not what params.yaml makes."""
    _hand_over("record")


@app.command(rich_help_panel=CHANGES, epilog="Example: lrsweep adopt")
def adopt() -> None:
    """Has Snakemake take over a run that DVC has made or pulled; refuses where the files are not what params.yaml makes."""
    _hand_over("adopt")


def _hand_over(direction: str) -> None:
    from lrsweep.provenance import handover
    from lrsweep.provenance import trace as tracing
    from lrsweep.stages import check

    loaded = checking.load(PARAMS)
    check.run(loaded)
    getattr(handover, direction)(tracing.Workspace.read(loaded))


@app.command(rich_help_panel=CHANGES, epilog="Example: lrsweep preset writeup tinystories")
def preset(
    names: Annotated[list[str], typer.Argument(help="One or more, the last one on top.", autocompletion=completion.preset_names)],
) -> None:
    """Lays presets (workflow/presets/NAME.yaml) over params.yaml, keeping its comments."""
    from lrsweep.config.presets import apply

    apply(PARAMS, names)


@app.command(rich_help_panel=QUESTIONS, epilog="Example: lrsweep explain sweep_bayes.stopping.first_rung")
def explain(
    key: Annotated[
        str | None, typer.Argument(help="A dotted key; all keys, a line each, if not given.", autocompletion=completion.keys)
    ] = None,
) -> None:
    """Says what a key of params.yaml is: unit, type and range, value, default, source, and the stages that it runs again."""
    from lrsweep.config import explanation, schema, yamlfile
    from lrsweep.provenance import pipeline

    if key is None:
        typer.echo("\n".join(explanation.listing(list(explanation.keys(schema.read())))))
        return
    params = yamlfile.read(PARAMS)
    yamlfile.parse(params, PARAMS)
    typer.echo(explanation.explain(key, params, pipeline.load()))


@app.command("schema", rich_help_panel=CHANGES, epilog="Example: lrsweep schema")
def write_schema() -> None:
    """Writes params.schema.json, by which editors complete and check params.yaml, from the types and the comments."""
    from lrsweep.config import schema

    schema.write(PARAMS)


app.add_typer(jobs.app)
app.command(rich_help_panel=EXCHANGE, epilog="Example: lrsweep track")(commands.track)
app.add_typer(commands.exports, name="export", rich_help_panel=EXCHANGE)
app.add_typer(commands.imports, name="import", rich_help_panel=EXCHANGE)


def main() -> None:
    """Turns a user's mistake into a line and exit code 2, and evidence that does not hold into one and exit code 1."""
    try:
        if code := app(sys.argv[1:] or ["--help"], prog_name="lrsweep", standalone_mode=False):
            sys.exit(code)
    except TyperException as error:
        print(f"lrsweep: {usage.explain(error)}", file=sys.stderr)
        sys.exit(2)
    except UserError as error:
        print(lines(error), file=sys.stderr)
        sys.exit(2)
    except Mismatch as error:
        print(lines(error), file=sys.stderr)
        sys.exit(1)
    except (MemoryError, RuntimeError, OSError) as error:
        if not _out_of_memory(error):
            raise
        remedy = "use fewer --cores, or lower execution.trials_at_once or optimizer.batch_size"
        print(f"lrsweep: {' '.join(sys.argv[1:])}: memory ran out; {remedy}, and run again", file=sys.stderr)
        sys.exit(1)


def _out_of_memory(error: Exception) -> bool:
    """torch has a type for the GPU's memory only; a file that cannot be mapped is the system's error; oneDNN does not say why."""
    return isinstance(error, MemoryError) or any(s in str(error) for s in ("allocate memory", "of memory", "create a primitive"))
