"""The plan of a run for the Snakefile: which stages there are, what each depends on, and how many workers train its trials."""

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lrsweep import files
from lrsweep.cli import environment, wandb
from lrsweep.config import checking
from lrsweep.config.params import Params
from lrsweep.errors import UserError, exit_code
from lrsweep.provenance import pipeline, recording
from lrsweep.provenance.pipeline import Stage
from lrsweep.runner import device, premise
from lrsweep.runner.catalogue import STUDIES, study_of
from lrsweep.shipped import shipped
from lrsweep.stages.check import need_sources
from lrsweep.store import results
from lrsweep.store.locking import held, hold
from lrsweep.store.records import canonical_digest
from lrsweep.trainers import devices

LOCK = Path(".snakemake/runner.lock")
WORKERS = Path(".snakemake/workers")
RULES = shipped("workflow/rules")
T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """The plan of one run of the workflow, or of one job in it."""

    stages: dict[str, Stage]
    params: Params
    data: dict[str, tuple[str, ...]]  # the deps of each stage that are data
    is_main: bool
    at_once: int  # trials

    def begin(self) -> None:
        """Take the folder's lock for this run."""
        _or_refuse(lambda: hold(LOCK))

    def inputs(self, stage: Stage) -> list[str]:
        """Give the deps of a stage, without the check, which was made for the plan."""
        return [*self.data[stage.name], *stage.code_files]

    def values(self, stage: Stage) -> str:
        """Give a digest of the parameters that a stage reads, so that a changed one runs it again; texts may hold braces."""
        return canonical_digest(stage.values(self.params))

    def worker(self, stage: str, number: int | str) -> str:
        """Give the file that marks the end of a worker."""
        return str(WORKERS / f"{stage}-{number}")

    def workers(self, stage: Stage) -> list[str]:
        """Give the workers that a stage waits for: none where it and all before it are of this configuration."""
        if not self.is_main or stage.name not in STUDIES:
            return []
        before = [self.stages[name].provenance for name in pipeline.upstream(self.stages, stage.name)]
        if all(Path(path).exists() for path in before if path):
            return []
        n = min(self.at_once, study_of(stage.name, self.params, results.Results(results.FOLDER)).size.at_once)
        return [self.worker(stage.name, number) for number in range(n)]


def plan(is_main: bool, is_dry: bool, is_here: bool, at_once: int, given: Mapping[str, object]) -> Plan:
    """Check params.yaml and give the plan; a mistake gets a line and ends Snakemake with exit code 2.

    is_here: whether jobs run on this machine. at_once: the number of trials that train at once: Snakemake's cores here, its jobs
    on a cluster. given: what stands behind
    --config, which this workflow has no use for.
    """
    return _or_refuse(lambda: _plan(is_main, is_dry, is_here, at_once, given))


def _plan(is_main: bool, is_dry: bool, is_here: bool, at_once: int, given: Mapping[str, object]) -> Plan:
    if given:
        values = " ".join(f"{key}={value}" for key, value in given.items())
        command = "dvc exp run " + " ".join(f"-S {shlex.quote(f'{key}={value}')}" for key, value in given.items())
        raise UserError(f"--config: found {values}, expected nothing: values stand in params.yaml; edit it, or run {command}")
    environment.check()
    stages, params = pipeline.load(), checking.load(Path("params.yaml"))
    workers = at_once if params.execution.workers == "auto" else params.execution.workers
    data = {name: recording.inputs(stage, params) for name, stage in stages.items()}
    found = Plan(stages, params, data, is_main, workers or 1)
    _inherit(params)
    if is_main and is_here:
        device.refuse_absent(params)
    if is_main:
        premise.begin(params)
        need_sources(params)
        wandb.before(params)
        if not held(LOCK):
            _clear(found, is_dry)
    return found


def _inherit(params: Params) -> None:
    """Set what jobs inherit from the run that starts them: the code, the command, and the device, which decides last digits."""
    own = {"PYTHONPATH": Path("src").resolve()} if Path("src/lrsweep").is_dir() else {}
    for name, path in {**own, "PATH": Path(sys.executable).parent}.items():
        os.environ[name] = os.pathsep.join(filter(None, [str(path), os.environ.get(name)]))
    os.environ[devices.VARIABLE] = device.device(params)


def _clear(found: Plan, is_dry: bool) -> None:
    """Remove what killed runs have left, and the provenance of stages that are out of date."""
    if not is_dry:
        for folder in (results.FOLDER, results.work()):
            files.prepare(folder)
        made_from = {path for stage in found.stages.values() for path in found.inputs(stage)}
        files.bring_to_the_present([*map(Path, made_from), *results.FOLDER.rglob("*.*")])
        for ended in WORKERS.glob("*"):
            ended.unlink(missing_ok=True)
    recording.set_stale_aside(found.stages, found.params)


def _or_refuse(ask: Callable[[], T]) -> T:
    """Print what is wrong and exit, since Snakemake would wrap an exception in a traceback of its own."""
    found: list[T] = []
    if code := exit_code(lambda: found.append(ask())):
        os._exit(code)
    return found[0]
