"""A sweep that somebody already has: what is taken from it, and the line and the reason where it is broken or partial."""

import copy
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from lrsweep.errors import UserError
from lrsweep.search.evals import eval_rows
from lrsweep.stages import exchange
from lrsweep.tracking import histories, importing, transaction_log
from lrsweep.tracking.sources import SOURCES
from tests.spaces import OPEN
from tests.wandb_sweeps import params_of

PARAMS = params_of("rung at eval 2, eta 2")  # 40 steps, an eval every 5, rungs at 10 and 20
WANDB = SOURCES["wandb"]
THEIRS = ("config.lr=learning_rate", "step=_step", "lr=opt/lr", "train/loss_nats=loss", "train/grad_norm=", "eval/loss_nats=val")


def a_run(name, steps=40, lr=0.01, every=5, **config):
    """A run of another trainer: a row a step, an eval every few steps, and none at step 0."""
    rows = [{"_step": step, "opt/lr": lr, "loss": 3.0 - step / 100} for step in range(1, steps + 1)]
    for row in rows[every - 1 :: every]:
        row["val"] = 3.0 - row["_step"] / 50
    return {"name": name, "config": {"learning_rate": lr, "beta2": 0.99, "weight_decay": 0.01, **config}, "history": rows}


def take(tmp_path, runs, stage="sweep_bayes", names=THEIRS, leave_out=(), params=PARAMS):
    source = tmp_path / "runs.jsonl"
    source.write_text(runs if isinstance(runs, str) else "\n".join(map(json.dumps, runs)))
    found = histories.read(WANDB, [source], leave_out)
    study = exchange.study_of(params, stage)
    return importing.convert(found, exchange.names_of(study, WANDB, names), study, "refuse").trials


def test_a_sweep_of_another_trainer(tmp_path):
    runs = [a_run("a"), a_run("b", steps=23, lr=0.02), a_run("c", steps=32)]
    runs[2]["history"][31] |= {"loss": "NaN"}
    runs[2]["config"] |= {"seed": None, "state": "resumed"}  # of their own
    whole, stopped, diverged = take(tmp_path, runs)
    assert [trial.record.state for trial in (whole, stopped, diverged)] == ["COMPLETE", "PRUNED", "DIVERGED"]
    assert [trial.record.trial for trial in (whole, stopped, diverged)] == [0, 1, 2]
    assert [point.step for point in whole.record.evals] == list(range(5, 41, 5))
    assert whole.record.evals[-1].loss_nats == 3.0 - 40 / 50
    assert (stopped.record.proposal.lr, stopped.record.steps, stopped.record.proposal.sampler) == (0.02, 23, "imported")
    assert [(point.rung, point.value, point.stopped) for point in stopped.record.rungs] == [(10, 2.8, False), (20, 2.6, True)]
    assert np.isnan(whole.curve["grad_norm"]).all() and whole.curve["loss_nats"][9] == 2.9


def test_the_first_eval_is_the_first_without_one_at_step_0(tmp_path):
    """The metric's window begins at eval 1: with 5 evals before it, the sixth is the first with a value of M_u."""

    (trial,) = take(tmp_path, [a_run("a")])
    rows = list(eval_rows(trial.record, PARAMS.sweep_bayes.metric))
    assert [row["m_u"] is None for row in rows] == [True] * 5 + [False] * 3
    assert rows[5]["reference_nats"] == pytest.approx(np.mean([row["loss_nats"] for row in rows[:5]]))


def test_steps_may_be_logged_now_and_then(tmp_path):
    run = a_run("a")
    run["history"] = [row for row in run["history"] if row["_step"] == 1 or row["_step"] % 5 == 0]
    (trial,) = take(tmp_path, [run])
    assert np.flatnonzero(~np.isnan(trial.curve["loss_nats"])).tolist() == [0, *range(4, 40, 5)]


def test_phase_1_needs_the_learning_rate_alone(tmp_path):
    run = a_run("a")
    run["config"] = {"learning_rate": 0.01}
    (trial,) = take(tmp_path, [run], "sweep_uniform")
    assert trial.record.proposal.values == {"lr": 0.01}


def changed(**change):
    runs = [a_run("a"), a_run("b")]
    for key, value in change.items():
        kind, _, place = key.partition("_")
        if kind == "row":
            runs[1]["history"][int(place)].update(value)
        elif kind == "drop":
            runs[1]["history"] = [row for i, row in enumerate(runs[1]["history"]) if i not in value]
        else:
            runs[1][kind] = {**runs[1]["config"], **value}
    return runs


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        (changed(row_16={"loss": "much"}), "line 2, run b, row 17: loss: found 'much', expected a number"),
        (changed(row_16={"_step": 16.5}), "line 2, run b, row 17: _step: found 16.5, expected a whole number"),
        (changed(row_16={"_step": 41}), "line 2, run b, row 17: _step: found 41, expected 0 to sweep_bayes.steps (40); set it"),
        (changed(row_16={"_step": 16}), "line 2, run b, row 17: loss: found 2.83 at step 16, and 2.84 in "),
        (changed(row_16={"val": 1.0}), "row 17: found an eval at step 17, expected a multiple of sweep_bayes.eval_every (5)"),
        (
            changed(drop=[19]),
            "row 20: found no eval at step 20, expected one every 5 steps; a part is missing, or these",
        ),
        (changed(drop=[16]), "row 17: found nothing of training between steps 16 and 18, expected"),
        (changed(drop=range(39, 40)), ""),
        (
            changed(drop=range(8, 40)),
            "line 2, run b, row 8: the run ends at step 8, expected sweep_bayes.steps (40), or to be stopped",
        ),
        (changed(config={"state": "COMPLETE"}, drop=range(30, 40)), "row 30: the run ends at step 30 as PRUNED, and its config"),
        (changed(config={"weight_decay": 0}), "run b: config.weight_decay: found 0, expected greater than 0"),
        (changed(config={"beta2": 1.5}), "run b: config.beta2: found 1.5, expected less than 1"),
        (changed(config={"rungs": [1, 2]}), "run b: config.rungs: found [1, 2], expected what lrsweep logs there, or nothing"),
        (changed(config={"seed": -1}), "run b: config.seed: found -1, expected 0 to 2^63 - 1"),
        (changed(config={"learning_rate": -1}), "run b: config.lr: found -1.0, expected greater than 0"),
        (changed(config={"learning_rate": None}), "run b: config.learning_rate: found None, expected a number"),
    ],
)
def test_a_broken_or_partial_run_is_refused_with_its_line(tmp_path, runs, says):
    if not says:
        take(tmp_path, runs)  # it was stopped, past the first rung
        return
    with pytest.raises(UserError) as error:
        take(tmp_path, runs)
    said = str(error.value).replace(str(tmp_path), "")
    assert said.startswith("/runs.jsonl: line 2, run b") and says in said
    assert "\n" not in said and said.endswith(", or leave it out: --leave-out b")
    assert len(take(tmp_path, runs, leave_out=["b"])) == 1


OPEN_PARAMS = params_of("rung at eval 3, eta 3")  # 60 steps, an eval every 5, over six names
VALUES = {"beta1": 0.9, "warmup_steps": 20, "batch_size": 16, "optimizer": "muon", "schedule": "wsd"}


def open_run(**config):
    run = a_run("a", steps=60)
    return {**run, "config": {"learning_rate": 0.01, **VALUES, **config}}


def test_whole_numbers_and_choices_are_taken_as_such(tmp_path):
    text = {name: str(value) for name, value in VALUES.items()}  # as CSV has them
    for config in ({}, text, {"batch_size": 16.0}):
        (trial,) = take(tmp_path, [open_run(**config)], params=OPEN_PARAMS)
        values = trial.record.proposal.values
        assert values == {"lr": 0.01, **VALUES} and next(iter(values)) == "lr" and set(values) == set(OPEN)
        assert type(values["batch_size"]) is int and type(values["beta1"]) is float


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"batch_size": 16.5}, "config.batch_size: found 16.5, expected a whole number"),
        ({"batch_size": "many"}, "config.batch_size: found 'many', expected a number"),
        ({"warmup_steps": -1}, "config.warmup_steps: found -1, expected greater than or equal to 0"),
        ({"optimizer": "sgd"}, "config.optimizer: found 'sgd', expected one of adamw, muon; correct it"),
        ({"schedule": None}, "config.schedule: found None, expected one of cosine, wsd; correct it"),
        ({"beta1": 1.0}, "config.beta1: found 1.0, expected less than 1"),
    ],
)
def test_a_value_that_the_space_cannot_hold_is_refused(tmp_path, config, says):
    with pytest.raises(UserError) as error:
        take(tmp_path, [open_run(**config)], params=OPEN_PARAMS)
    assert says in str(error.value)


def test_every_broken_run_is_named(tmp_path):
    runs = [a_run("a", steps=5), a_run("b"), a_run("c", steps=8)]
    with pytest.raises(UserError) as error:
        take(tmp_path, runs)
    assert [line.split(", ")[1] for line in str(error.value).splitlines()] == ["run a", "run c"]


LINE = json.dumps(a_run("a"))
LIST = json.dumps([a_run("a"), a_run("b")], indent=1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LINE + "\n" + LINE[:300], "runs.jsonl: line 2: not JSON ("),
        (LIST[:-2], f"line {LIST.count(chr(10))}: found no end of the list of runs; the file is damaged or cut off"),
        (LIST[: LIST.rindex("{")], f"line {LIST[: LIST.rindex('{')].count(chr(10)) + 1}: not JSON"),
        ('{"name": "a", "history": []}', "line 1: found ['history', 'name'], expected a run with its name, its config and its"),
        (LINE + "\n" + LINE, "line 2, run a: stands at "),
        ("", "runs.jsonl: holds no run"),
    ],
)
def test_broken_json(tmp_path, text, says):
    with pytest.raises(UserError) as error:
        take(tmp_path, text)
    assert says in str(error.value)


CSV = "run,config.learning_rate,_step,val\na,0.1,1,2.5\na,0.1,2,2.4\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (CSV[:-5], "runs.csv: line 3: found 3 cells, expected 4 as in the first line; it is cut off"),
        (CSV.replace("a,0.1,2", "a,0.2,2"), "line 3: config.learning_rate: found '0.2', expected '0.1' as on the run's lines"),
        (CSV.replace("\na,0.1,2", "\n,0.1,2"), "line 3: run: found an empty cell"),
        (CSV + '"a,0.1,3,2\n', "line 4: not CSV (unexpected end of data)"),
        ("state,val\n1,2\n", "line 1: found the columns ['state', 'val'], expected each once and `run` among them"),
    ],
)
def test_broken_csv(tmp_path, text, says):
    source = tmp_path / "runs.csv"
    source.write_text(text)
    with pytest.raises(UserError) as error:
        histories.read(WANDB, [source], [])
    assert says in str(error.value)


def test_a_name_that_no_run_logged_is_named_with_those_it_could_be(tmp_path):
    names = [name for name in THEIRS if not name.startswith("eval")]
    with pytest.raises(UserError, match=r"^eval/loss_nats: no run logged 'eval/loss_nats', found _step, loss, opt/lr, val; say"):
        take(tmp_path, [a_run("a")], names=names)
    with pytest.raises(UserError, match=r"^--name: found 'evil=val', expected OURS=THEIRS with OURS one of config.lr, "):
        take(tmp_path, [a_run("a")], names=["evil=val"])
    with pytest.raises(UserError, match=r"^--leave-out: found 'z', expected the name of a run: a"):
        take(tmp_path, [a_run("a")], leave_out=["z"])


def log_of(*payloads):
    """A transaction log of these records, each in one piece."""
    pieces = [transaction_log.PIECE.pack(zlib.crc32(b"\x01" + data), len(data), 1) + data for data in payloads]
    return transaction_log.HEADER.pack(*transaction_log.MAGIC) + b"".join(pieces)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data[:-1], "cut off at byte 34"),
        (lambda data: data[:-8], "cut off at byte 34"),
        (lambda data: data[:34], "without the run's end: it was cut off, was killed, or still runs"),
        (lambda data: data[:20] + b"\xff" + data[21:], "damaged at byte 7: its checksum does not fit"),
        (lambda data: b"text", "found no W&B header"),
    ],
)
def test_broken_offline_runs(tmp_path, damage, says):
    from wandb.proto.wandb_internal_pb2 import Record

    run, end = Record(), Record()
    run.run.run_id = "a-run-of-theirs"
    end.exit.exit_code = 0
    path = Path(tmp_path / "run-a.wandb")
    path.write_bytes(damage(log_of(run.SerializeToString(), end.SerializeToString())))
    with pytest.raises(UserError) as error:
        transaction_log.read(path)
    assert str(error.value).startswith(str(path)) and says in str(error.value)


def test_pieces_over_blocks_are_put_together(tmp_path):
    """wandb's own writer splits what is longer than a block of 32 KiB, as a long text in the configuration is."""
    import wandb

    config = {"text": "x" * 100_000, "short": 1}
    with wandb.init(mode="offline", dir=tmp_path, config=copy.deepcopy(config), settings=wandb.Settings(silent=True)) as run:
        for step in range(400):
            run.log({"value": step / 7}, step=step)
    wandb.teardown()
    read = transaction_log.read(next(tmp_path.rglob("run-*.wandb")))
    assert {key: read.config[key] for key in config} == config
    assert [row["value"] for row in read.rows] == [step / 7 for step in range(400)]
