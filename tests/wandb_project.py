"""A tiny project with both studies trained and tracked, in one process, and what the tests of W&B ask of it."""

import csv
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from wandb.proto.wandb_internal_pb2 import Record as LogRecord

from lrsweep.cli import main as cli
from lrsweep.config import checking, presets
from lrsweep.config.params import Params
from lrsweep.files import digest
from lrsweep.search.settings import Imported
from lrsweep.stages import corpus, edge, exchange, sweep_bayes, sweep_uniform, tokenize, track
from lrsweep.store.results import FOLDER, Results
from lrsweep.tracking import transaction_log
from lrsweep.tracking.sources import SOURCES
from tests.pipeline import ROOT

TABLES = {"sweep_uniform": ("trials", "evals", "steps"), "sweep_bayes": ("trials", "evals", "steps", "rungs", "proposals")}
STAGES = {"sweep_uniform": sweep_uniform, "sweep_bayes": sweep_bayes}


def here():
    """The results of the working directory, as a stage that starts has them."""
    return Results(FOLDER)


@contextmanager
def trained(folder) -> Iterator[Params]:
    """Makes the project in a folder, which is the working directory until the end of the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in [name for name in os.environ if name.startswith("WANDB_")]:
            patch.delenv(name)
        patch.delenv("LRSWEEP_WORK", raising=False)
        patch.setenv("NETRC", "no-such-file")
        patch.setenv("WANDB_DATA_DIR", str(Path("wandb/data").absolute()))
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        shutil.copytree(ROOT / "workflow", "workflow")
        shutil.copy(ROOT / "params.yaml", "params.yaml")
        shutil.copy(ROOT / "dvc.yaml", "dvc.yaml")
        presets.apply(Path("params.yaml"), ["tiny"])
        Path("params.yaml").write_text(Path("params.yaml").read_text().replace("tracking: disabled", "tracking: offline"))
        p = checking.load(Path("params.yaml"))
        for stage in (corpus, tokenize, sweep_uniform, edge, sweep_bayes):
            stage.run(p, here())
        for name in (*TABLES, "edge"):
            track.trials(name, p, here())
        yield p


def logs(stage):
    return sorted(Path("wandb").glob(f"offline-run-*-{stage}-*/run-*.wandb"))


def tables(stage):
    return {name: Path(f"results/{stage}/{name}.parquet").read_bytes() for name in TABLES[stage]}


def parsed(log):
    found = []
    for data in transaction_log._records(log):
        found.append(LogRecord())
        found[-1].ParseFromString(data)
    return found


def lrsweep(*words):
    cli.app(list(words), standalone_mode=False)


def import_of(params, stage):
    """The names, as our own tracking has them, and the study that an import of a stage is read by."""
    study = exchange.study_of(params, stage)
    return {name: name for name in study.names}, study, "refuse"


def as_json(stage, path):
    """What the script in docs/wandb.md writes: a run a line."""
    runs = [transaction_log.read(log) for log in logs(stage)]
    lines = [json.dumps({"name": one.name, "config": one.config, "history": one.rows}) for one in runs]
    path.write_text("\n".join(lines) + "\n")


def as_csv(stage, path):
    runs = [transaction_log.read(log) for log in logs(stage)]
    rows = []
    for one in runs:
        config = {f"config.{key}": value if isinstance(value, str) else json.dumps(value) for key, value in one.config.items()}
        rows += [{"run": one.name, **config, **row} for row in one.rows]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)


def with_imports(params, folder):
    """The parameters with both studies imported from their offline runs."""
    changed = {}
    for stage in TABLES:
        exchange.take(params, stage, SOURCES["wandb"], [log.parent for log in logs(stage)], folder / stage, [], [], "refuse")
        imported = Imported(folder=str(folder / stage), sha256=digest(folder / stage / "import.json"))
        changed[stage] = getattr(params, stage).model_copy(update={"imported": imported})
    return params.model_copy(update=changed)
