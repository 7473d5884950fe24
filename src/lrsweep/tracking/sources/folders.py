"""Runs that have a folder each: TensorBoard's event files, the HF Trainer, Lightning's CSVLogger, and plain JSON lines.

The configuration stands beside the log, in one of configuration.FILES.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from lrsweep.errors import UserError
from lrsweep.logs import csvfile, jsonfile, text, tfevents
from lrsweep.tracking.sources import configuration
from lrsweep.tracking.sources.source import History, Piece, Row, need

STATE = "trainer_state.json"
FIRST = 8  # events that show whether a folder is one of add_scalars
# Folders within a run: of Keras, and of add_hparams, which are named by the time.
PART = re.compile(r"train|training|validation|valid|val|eval|test|\d{10}\.\d+")

TRAINER_NAMES = {
    "lr": "learning_rate",
    "train/loss_nats": "loss",
    "train/grad_norm": "grad_norm",
    "eval/loss_nats": "eval_loss",
    "config.lr": "learning_rate",
    "config.beta1": "adam_beta1",
    "config.beta2": "adam_beta2",
    "config.eps": "adam_epsilon",
}
LIGHTNING_NAMES = {"train/loss_nats": "train_loss", "eval/loss_nats": "val_loss", "train/grad_norm": ""}

Reader = Callable[[Path], tuple[list[Row], dict[str, Any]]]  # the rows and the configuration of a folder


def tensorboard(path: Path) -> Iterator[Piece]:
    """Find the runs of TensorBoard's log folder: a folder with event files is a run, with its parts in it."""
    return _find(path, tfevents.PATTERN, "event files (events.out.tfevents.…)", _events, lambda folder: Inner.of(folder).run)


def trainer(path: Path) -> Iterator[Piece]:
    """Find the runs of output folders of the Hugging Face Trainer; the last checkpoint of each holds the whole log."""
    return _find(path, STATE, STATE, _trainer, lambda folder: folder.parent if folder.name.startswith("checkpoint-") else folder)


def lightning(path: Path) -> Iterator[Piece]:
    """Find the runs of Lightning's CSVLogger: folders with metrics.csv, and hparams.yaml beside it."""
    return _find(path, "metrics.csv", "metrics.csv", lambda folder: (_csv(folder / "metrics.csv"), configuration.beside(folder)))


def json_lines(path: Path) -> Iterator[Piece]:
    """Find runs that have a file of JSON lines each, a row a line, with a configuration beside it."""
    return _find(path, "*.jsonl", "file of JSON lines, such as metrics.jsonl", _json_lines)


def _find(
    path: Path, pattern: str, what: str, read: Reader, run_of: Callable[[Path], Path] = lambda folder: folder
) -> Iterator[Piece]:
    need(path)
    source = path if path.is_dir() else path.parent
    folders = configuration.folders_with(path, pattern) if path.is_dir() else [source]
    if not folders or (path.is_file() and not path.match(pattern)):
        raise UserError(
            f"{path}: found no {what}, expected the folder of a run, or one that holds such;"
            " name that, or see lrsweep import --help for other tools"
        )
    for folder in dict.fromkeys(map(run_of, folders)):
        yield _piece(folder, configuration.name_of(folder, source) if folder.is_relative_to(source) else folder.name, read)


def _piece(folder: Path, own: str, read: Reader) -> Piece:
    def history() -> History:
        rows, config = read(folder)
        return History(own, folder.resolve().name, str(folder), config, rows)

    return Piece((own, folder.name, str(folder)), str(folder), history)


class Inner(NamedTuple):
    """A folder with event files as a part of a run, whose scalars have names of the run: before + tag + behind."""

    run: Path
    before: str = ""
    behind: str = ""

    @classmethod
    def of(cls, folder: Path) -> "Inner":
        """Say which run a folder is a part of, itself included; add_scalars("loss", {"val": …}) becomes loss/val."""
        tag = _only_tag(folder)
        if tag is not None:
            own = f"{tag.replace('/', '_')}_"  # as torch names its folder; tensorboardX has one below the other
            if folder.name.startswith(own) and _has_events(folder.parent):
                return cls(folder.parent, behind=f"/{folder.name.removeprefix(own)}")
            run = folder.parents[tag.count("/") + 1] if len(folder.parents) > tag.count("/") + 1 else folder
            if folder.parent == run / tag and _has_events(run):
                return cls(run, behind=f"/{folder.name}")
        return cls(folder.parent, before=f"{folder.name}/") if PART.fullmatch(folder.name) else cls(folder)


def _has_events(folder: Path) -> bool:
    return any(folder.glob(tfevents.PATTERN))


def _only_tag(folder: Path) -> str | None:
    """Give the one tag that the first scalars of a folder have; None for several, or where they cannot be read."""
    path = min(folder.glob(tfevents.PATTERN))
    try:
        tags = {tag for event in islice(tfevents.read(path), FIRST) for tag in event.scalars}
    except UserError:  # it is named when the run is read
        return None
    return tags.pop() if len(tags) == 1 else None


def _events(folder: Path) -> tuple[list[Row], dict[str, Any]]:
    """Read the event files of a run and its parts in the order of their names, which begin with the time."""
    rows: list[Row] = []
    config: dict[str, Any] = {}
    for inner in configuration.folders_with(folder, tfevents.PATTERN):
        part = Inner.of(inner)
        for path in sorted(inner.glob(tfevents.PATTERN)) if part.run == folder else ():
            for number, event in enumerate(tfevents.read(path), start=1):
                config |= event.hparams
                logged = {f"{part.before}{tag}{part.behind}": value for tag, value in event.scalars.items()}
                if logged:
                    rows.append((f"{path}: event {number}", {"step": event.step, **logged}))
    return rows, config | configuration.beside(folder)


def _trainer(folder: Path) -> tuple[list[Row], dict[str, Any]]:
    """Read log_history, of the folder itself or of its last checkpoint, and the hyperparameters of a search."""
    states = [(folder / STATE, None), *((one / STATE, one) for one in folder.glob("checkpoint-*"))]
    read = [(path, _state(path)) for path, _ in states if path.is_file()]
    path, state = max(read, key=lambda one: (one[1]["global_step"], -len(one[0].parts)))
    rows = [(f"{path}: log_history[{number}]", row) for number, row in enumerate(state["log_history"])]
    # The summary at the end repeats the last step; its train_loss is a mean over the whole run.
    rows = [(place, row) for place, row in rows if "train_runtime" not in row]
    searched = state["trial_params"] if isinstance(state.get("trial_params"), dict) else {}
    return rows, {**configuration.beside(folder), **searched}


def _state(path: Path) -> dict[str, Any]:
    state = jsonfile.read(path, text.read(path))
    found = state if isinstance(state, dict) else {}
    history = found.get("log_history")
    if (
        not isinstance(history, list)
        or not all(isinstance(row, dict) for row in history)
        or not isinstance(found.get("global_step"), int)
    ):
        raise UserError(
            f"{path}: found no log_history with global_step, expected the state of a Hugging Face Trainer; copy it again"
        )
    return found


def _csv(path: Path) -> list[Row]:
    table = csvfile.read(path)
    return [
        (place, {name: cell for name, cell in zip(table.columns, cells, strict=True) if cell and name})
        for place, cells in table.lines
    ]


def _json_lines(folder: Path) -> tuple[list[Row], dict[str, Any]]:
    """Read the one file of JSON lines in a folder."""
    files = sorted(folder.glob("*.jsonl"))
    if len(files) > 1:
        files = [path for path in files if path.name == "metrics.jsonl"] or files
    if len(files) > 1:
        found = ", ".join(path.name for path in files)
        raise UserError(
            f"{folder}: found {found}, expected one file of JSON lines, or metrics.jsonl among them; rename it to that"
        )
    (path,) = files
    rows: list[Row] = []
    for line, value in jsonfile.values(path, text.read(path)):
        if isinstance(value, UserError):
            raise value
        if not isinstance(value, dict):
            raise UserError(
                f"{path}: line {line}: found a {type(value).__name__}, expected what was logged, by names; correct it"
            )
        if isinstance(value.get("history"), list):
            raise UserError(
                f"{path}: line {line}: found a run with its history, expected a row a line; lrsweep import wandb reads it"
            )
        rows.append((f"{path}: line {line}", value))
    return rows, configuration.beside(folder)
