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
from lrsweep.stages.job import Job
from lrsweep.store.artifacts import digest
from wandb.proto.wandb_internal_pb2 import Record as LogRecord

from lrsweep.cli import main as cli
from lrsweep.config import checking, presets
from lrsweep.config.params import Params
from lrsweep.provenance import lineage
from lrsweep.search.settings import Imported
from lrsweep.stages import corpus, edge, exchange, gather, tokenize, track, trials
from lrsweep.tracking import importing, transaction_log

from .pipeline import ROOT

TABLES = {"sweep_uniform": ("trials", "evals", "steps"), "sweep_bayes": ("trials", "evals", "steps", "rungs", "proposals")}


def job_of(params, stage):
    job = Job(stage, params, lineage.study_folder(stage, params))
    job.study.mkdir(parents=True, exist_ok=True)  # as Snakemake does for a job's receipt
    return job


def run_trials(params, stage, n):
    trials.run_trials(job := job_of(params, stage), 0, n - 1)
    return job


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
        corpus.run(p)
        tokenize.run(p)
        uniform, bayes = run_trials(p, "sweep_uniform", p.sweep_uniform.trials), job_of(p, "sweep_bayes")
        gather.sweep_uniform(uniform)
        edge.run(p)
        for level in range(3):
            trials.run_block(bayes, level, 0, p.sweep_bayes.first_block // 2**level - 1)
        trials.run_trials(bayes, p.sweep_bayes.first_block, p.sweep_bayes.trials - 1)
        gather.sweep_bayes(bayes)
        track.trials(uniform)
        track.trials(bayes)
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


def study_of(params, stage):
    return importing.Study(stage, getattr(params, stage), params.optimizer)


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
        exchange.take(params, stage, [log.parent for log in logs(stage)], folder / stage, [], [])
        imported = Imported(folder=str(folder / stage), sha256=digest(folder / stage / "import.json"))
        changed[stage] = getattr(params, stage).model_copy(update={"imported": imported})
    return params.model_copy(update=changed)
