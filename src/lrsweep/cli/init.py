"""The commands for a person's own script: lrsweep init starts its study, lrsweep try runs one trial."""

import math
import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.section import MOST_STEPS
from lrsweep.shipped import shipped
from lrsweep.terminal import say

PANEL = "Your own script"
SNAKEFILE = """# Every rule comes with lrsweep; the stages stand in dvc.yaml, and all numbers in params.yaml.
from lrsweep.cli.workflow import RULES


include: RULES / "common.smk"


rule all:
    input:
        every_artifact(),


include: RULES / "captions.smk"
include: RULES / "stages.smk"
include: RULES / "study.smk"
"""
PROFILE = Path("profiles/default/config.yaml")  # Snakemake reads it by itself
SLURM = Path("workflow/profiles/slurm/config.yaml")
IGNORED = ("work/", ".snakemake/", "results/")
_RANGE = re.compile(r"([^:,]+):([^:,]+)(?::(log|linear))?(:int)?")

app = typer.Typer()


@app.command(
    rich_help_panel=PANEL,
    epilog="Example: lrsweep init --command 'python train.py --lr {lr} --max-steps {until} --out {dir}' --read train.py"
    " --curve 'file={dir}/metrics.jsonl,step=step,loss=val_loss'",
)
def init(
    command: Annotated[str, typer.Option(help="How a trial is trained, with {lr}, other names, {until} {steps} {seed} {dir}.")],
    curve: Annotated[str, typer.Option(help="file=…,step=…,loss=…[,lr=…][,grad_norm=…], or pattern=… over stdout.")],
    read: Annotated[list[str], typer.Option(help="A file or glob that trials depend on; may be given more than once.")],
    space: Annotated[list[str] | None, typer.Option(help="name=min:max[:log][:int], or name=one,another.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=MOST_STEPS, help="Length of a trial, in updates.")] = None,
    eval_every: Annotated[int | None, typer.Option(min=1, max=MOST_STEPS, help="Steps between two evals of the script.")] = None,
    lr_range: Annotated[str | None, typer.Option(help="LRs of phase 1, as min:max[:log].")] = None,
    resume: Annotated[bool, typer.Option("--resume/--no-resume", help="Whether a call goes on from what one saved.")] = True,
    slurm: Annotated[bool, typer.Option("--slurm", help="Write the profile for a SLURM cluster too.")] = False,
) -> None:
    """Start a study of your own script in this folder; nothing is overwritten.

    It writes params.yaml, dvc.yaml, Snakefile, profiles/default/config.yaml, and lines of .gitignore and .dvcignore.
    """
    from lrsweep.config import script, starting
    from lrsweep.trainers.command.settings import Script
    from lrsweep.trainers.command.trainer import files_read

    profiles = [str(PROFILE), *([str(SLURM)] if slurm else [])]
    _refuse(("params.yaml", "dvc.yaml", "Snakefile", *profiles))
    for option, said in (("--command", [command]), ("--curve", [curve]), ("--read", read), ("--space", space or [])):
        _need_text(option, said)
    trainer = {"command": command, "reads": read, "curve": parse_curve(curve), "resume": resume}
    dimensions = dict(parse_dimension("--space", one) for one in space or ())
    lr = parse_dimension("--lr-range", f"lr={lr_range}")[1] if lr_range else None
    made = starting.params(starting.Start(trainer, dimensions, steps, eval_every, lr))
    found = [path.as_posix() for path in files_read(Script.model_validate(trainer))]
    for name, text in (("params.yaml", made), ("dvc.yaml", starting.pipeline(found)), ("Snakefile", SNAKEFILE)):
        files.write_text(Path(name), text)
    for name in profiles:
        files.write_text(Path(name), shipped(name).read_text(encoding="utf-8"))
    for name in (".gitignore", ".dvcignore"):
        _ignore(Path(name))
    written = ", ".join(("params.yaml", "dvc.yaml", "Snakefile", *profiles))
    say(f"wrote {written}, and lines of .gitignore and .dvcignore; trials read {', '.join(found)}")
    for line in script.unexpanded(command):
        say(line)
    say("next: look through params.yaml, then `lrsweep try`, then `snakemake --cores all`")


@app.command("try", rich_help_panel=PANEL, epilog="Example: lrsweep try")
def try_out() -> None:
    """Run one trial of your script to a rung: whole, twice, in two halves, with another seed.

    It says what was read of the curve, what is wrong with resuming, seeds and names, and what the study will take. The exit code
    is 1 where something is wrong, and 2 where the script fails.
    """
    from lrsweep.config import checking
    from lrsweep.stages.trying import run

    said, wrong = run(checking.load(checking.PARAMS))
    say("\n".join([*said, *(f"WRONG: {line}" for line in wrong)]))
    sys.exit(1 if wrong else 0)


def _refuse(written: Iterable[str]) -> None:
    """Refuse our own checkout, and those of the files to be written that are there.

    Raises:
        UserError: why, and what to do.
    """
    if Path("src/lrsweep/cli/entry.py").is_file():
        expected = "the folder of your own script: this one has its params.yaml, for the built-in model"
        raise UserError(f"init: found the checkout of lrsweep itself, expected {expected}; change to that folder")
    for name in written:
        if Path(name).exists():
            remedy = "make a folder for the study (mkdir sweep && cd sweep) and name the script as ../train.py"
            raise UserError(f"init: found {name}, expected none, since nothing is overwritten; {remedy}, or move it away")


def _need_text(option: str, said: Iterable[str]) -> None:
    """Refuse bytes that are not UTF-8, which no file of ours can hold."""
    for word in said:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UserError(f"{option}: found {shlex.quote(word)}, expected UTF-8 text; correct it or rename the file") from None


def parse_curve(said: str) -> dict[str, Any]:
    """Read --curve.

    Raises:
        UserError: it names no file or pattern, or something unknown.
    """
    if said.startswith("pattern="):
        return {"pattern": said.removeprefix("pattern=")}
    pairs = dict(part.split("=", 1) for part in said.split(",") if "=" in part)
    known = ("file", "step", "loss", "lr", "grad_norm")
    parts = said.split(",")
    is_whole = len(pairs) == len(parts) and all(pairs.get(name, name) for name in known)  # each once, none empty
    if not {"file", "loss"} <= pairs.keys() <= set(known) or not is_whole:
        raise UserError(f"--curve: found {said!r}, expected file=…,step=…,loss=…[,lr=…][,grad_norm=…] or pattern=…; correct it")
    return {"file": pairs["file"], "step": "step", "lr": None, "grad_norm": None, **pairs}


def parse_dimension(option: str, said: str) -> tuple[str, dict[str, Any]]:
    """Read a name with its range or choices.

    Raises:
        UserError: it is neither.
    """
    name, _, values = said.partition("=")
    if found := _RANGE.fullmatch(values):
        low, high, scale, whole = found.groups()
        try:
            ends = {"min": int(low), "max": int(high), "type": "int"} if whole else {"min": float(low), "max": float(high)}
            return name, {**ends, "scale": scale or "linear"}
        except ValueError:
            pass
    elif "," in values:
        return name, {"choices": [_value(word) for word in values.split(",")]}
    expected = "name=min:max[:log][:int] or name=one,another"
    raise UserError(f"{option}: found {shlex.quote(said)}, expected {expected}; correct it")


def _value(word: str) -> str | int | float:
    """Read a choice: a finite number, else the word itself."""
    for kind in (int, float):
        try:
            number = kind(word)
        except ValueError:
            continue
        return number if math.isfinite(number) else word
    return word


def _ignore(path: Path) -> None:
    """Add what is missing to a file of ignored paths; DVC must see results/."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    wanted = [line for line in IGNORED if path.name == ".gitignore" or line != "results/"]
    missing = [line for line in wanted if line not in text.splitlines()]
    if missing:
        files.write_text(path, text + ("" if text.endswith("\n") or not text else "\n") + "\n".join(missing) + "\n")
