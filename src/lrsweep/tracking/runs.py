"""Runs at Weights & Biases: what is logged of a trial, and how a run is made from its record after the trial.

So tracking costs a trial nothing, and cannot change it. wandb is imported where it is used, since that takes a second.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lrsweep.errors import UserError
from lrsweep.search.curve import STEP_COLUMNS
from lrsweep.search.evals import measure
from lrsweep.search.metric import Components
from lrsweep.search.settings import Metric
from lrsweep.search.trial import EvalPoint, Record
from lrsweep.tracking import transaction_log

if TYPE_CHECKING:
    import wandb

Row = dict[str, Any]

PROJECT = "lrsweep"  # where WANDB_PROJECT names no other
STEERING = "metric"  # what W&B's sweeps compare; logged once an eval, so that their rungs, which count logged values, count evals
STEP_NAMES = dict(zip(STEP_COLUMNS, ("lr", "train/loss_nats", "train/grad_norm"), strict=True))
INIT_TIMEOUT_S, FINISH_TIMEOUT_S = 30.0, 60.0  # a missing network is noticed, not waited for


class Identity(NamedTuple):
    """The names of a run; the same thing tracked twice is the same run."""

    id: str
    name: str
    group: str
    job_type: str


def require_key() -> None:
    """Make sure that online tracking can start.

    Raises:
        UserError: neither the environment nor `wandb login` gives a key.
    """
    from wandb.errors import AuthenticationError
    from wandb.sdk import wandb_setup
    from wandb.sdk.lib import wbauth

    host, problem = wandb_setup.singleton().settings.base_url, "no API key for W&B"  # wandb.setup() would start a process
    try:
        if wbauth.authenticate_session(host=host, source="lrsweep", prompt=False, update_session=False):
            return
    except AuthenticationError as error:
        problem = str(error)
    raise UserError(
        f"execution.tracking: found 'online' and {problem}, expected one in WANDB_API_KEY or from `wandb login`; "
        "give it, or set execution.tracking to offline or disabled"
    )


def trial_config(record: Record) -> Row:
    """Give the configuration of a trial's run. Seeds are text: W&B's pages would round 63 bits."""
    proposal = {name: value for name, value in asdict(record.proposal).items() if name not in ("trial", "values")}
    return {
        **record.proposal.values,
        "trial": record.trial,
        "seed": str(record.seed),
        "state": record.state,
        "steps": record.steps,
        "proposal": {**proposal, "seed": str(record.proposal.seed)},
        "rungs": [asdict(point) for point in record.rungs],
    }


def trial_rows(record: Record, curve: Mapping[str, Iterable[float]], section: Metric, steering: str) -> Iterator[Row]:
    """Give what is logged of a trial: a row for each step, from step 0, with its eval where there is one."""
    measured = {point.step: found for point, found in measure(record.evals, record.proposal.lr, section)}
    evals = {point.step: point for point in record.evals}
    columns = [list(curve[name]) for name in STEP_COLUMNS]
    for step in range(max([record.steps, *evals]) + 1):
        row = step_row(dict(zip(STEP_COLUMNS, (column[step - 1] for column in columns), strict=True))) if step else {}
        if step in evals:
            row |= eval_row(evals[step], measured.get(step), steering)
        if row:
            yield {"step": step, **row}


def step_row(values: Mapping[str, float]) -> Row:
    """Give a training step as it is logged, from a row of STEP_COLUMNS."""
    return {STEP_NAMES[name]: float(values[name]) for name in STEP_COLUMNS}


def eval_row(point: EvalPoint, found: Components | None, steering: str) -> Row:
    """Give an eval as it is logged, with its metrics; `found` is None where the loss is not finite."""
    if found is None:
        return {"lr": point.lr, "eval/loss_nats": float("nan")}
    row = {"lr": point.lr, **{f"eval/{name}": value for name, value in asdict(found).items() if value is not None}}
    if point.step:  # W&B counts logged values: every eval has one, except that at step 0
        value = found.value(steering)
        row[STEERING] = found.loss_nats if value is None else value
    return row


def start(mode: str | None, identity: Identity | None, config: Mapping[str, Any]) -> "wandb.Run":
    """Start a run with `step` as the x axis; without a mode or an identity, the environment gives them.

    Raises:
        wandb.Error, OSError: W&B cannot be reached, or its files cannot be written.
    """
    import wandb

    settings = wandb.Settings(
        silent=mode is not None,  # an agent's trial says where its run is
        console="off",
        init_timeout=INIT_TIMEOUT_S,
        finish_timeout=FINISH_TIMEOUT_S,
        finish_timeout_raises=True,
        # 25 ms a run instead of 170: wandb does not inspect the packages, the machine or the repository
        x_save_requirements=False,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_disable_stats=True,
        disable_git=True,
        disable_code=True,
        disable_job_creation=True,
    )
    folder = Path(os.environ.get("WANDB_DIR", ".")).resolve() / "wandb"
    folder.mkdir(parents=True, exist_ok=True)  # where that fails, wandb would go on in the system's temporary folder
    os.environ.setdefault("WANDB_DATA_DIR", str(folder / "data"))
    logging.raiseExceptions = False  # on a full disk wandb's log would print a traceback for each of its lines
    named = identity._asdict() if identity else {}
    run = wandb.init(project=os.environ.get("WANDB_PROJECT", PROJECT), mode=mode, config=dict(config), settings=settings, **named)
    run.define_metric("step")
    run.define_metric("*", step_metric="step")
    return run


class Batch:
    """Runs that are made one after the other, in one mode; only when the batch is closed is it known which are whole."""

    def __init__(self, mode: str):
        self.mode = mode
        self._begun: dict[str, tuple[Path, int]] = {}

    def make(self, identity: Identity, config: Row, rows: Iterable[Row], files: Mapping[str, Path]) -> None:
        """Make a run; `files`, by name, become its artifact, with the job type as its name and the config as its metadata.

        Raises:
            wandb.Error, OSError: it could not be made.
        """
        import wandb

        n = 0
        with start(self.mode, identity, config) as run:
            for row in rows:
                run.log(row, step=row["step"])
                n += 1
            run.summary.update({key: config[key] for key in ("state", "steps") if key in config})
            if files:
                artifact = wandb.Artifact(identity.job_type, identity.job_type, metadata=config)
                for name, path in files.items():
                    artifact.add_file(str(path), name)
                run.log_artifact(artifact)
            path = Path(run.settings.sync_file)
        self._begun[identity.id] = path, n

    def close(self) -> Iterator[str]:
        """Wait until all is written, and give the IDs of the runs that are whole.

        Raises:
            OSError: the file of a run lacks rows, as on a full disk; the runs before it have been given.
            UserError: it is cut off.
        """
        if not self._begun:
            return
        import wandb

        wandb.teardown()
        for run_id, (path, n) in self._begun.items():
            if self.mode == "offline" and (written := len(transaction_log.read(path).rows)) != n:
                raise OSError(f"{path}: holds {written} of {n} rows")
            yield run_id
