"""Runs of each tool in the files that it writes: the right evals and configuration, and what cannot be read is named."""

import json
import math

import pytest

from lrsweep.cli import imports
from lrsweep.errors import UserError
from lrsweep.tracking.sources import SOURCES
from tests.events import an_event, hparams_value, record, scalar
from tests.tracking.runs import EVALS, NOTHING, PARAMS, loss, losses, refused, rows, take

LRS = {"a": 0.01, "b": 0.02}


def test_each_source_has_its_command():
    assert imports.KINDS.keys() == SOURCES.keys()


def check(taken):
    """Both runs with their LRs, and every eval of the first to the value."""
    assert [trial.record.proposal.lr for trial in taken.trials] == pytest.approx(list(LRS.values()))
    assert [trial.record.state for trial in taken.trials] == ["COMPLETE"] * 2
    assert [step for step, _ in losses(taken.trials[0])] == [step for step, _ in EVALS if step in dict(losses(taken.trials[0]))]
    for (step, found), (at, expected) in zip(losses(taken.trials[0])[::-1], EVALS[::-1], strict=False):
        assert step == at and found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("storage", ["study.db", "journal.log"])
def test_optuna(tmp_path, storage, monkeypatch):
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path = tmp_path / storage
    opened = f"sqlite:///{path}" if storage.endswith("db") else JournalStorage(JournalFileBackend(str(path)))
    study = optuna.create_study(storage=opened, study_name="mine")

    def objective(trial, stop=40):
        lr = trial.suggest_float("learning_rate", 1e-4, 0.1, log=True)
        for step in range(10, stop + 1, 10):
            trial.report(loss(step, lr) if lr < 0.05 or step < 30 else math.nan, step)
        if stop < 40:
            raise optuna.TrialPruned
        return loss(40, lr)

    for lr in (*LRS.values(), 0.09):
        study.enqueue_trial({"learning_rate": lr})
    study.optimize(objective, n_trials=3)
    study.ask()
    before = path.read_bytes()
    names = ["config.lr=learning_rate", "lr="]
    said = refused(path, kind="optuna", names=names)
    assert "trial 3: the trial is RUNNING, expected one that has ended" in said and said.endswith("--leave-out mine/3")
    taken = take(path, kind="optuna", names=names, leave_out=["mine/3", "2"])
    check(taken)
    assert path.read_bytes() == before
    states = [trial.record.state for trial in take(path, kind="optuna", names=names, leave_out=["3"]).trials]
    assert states == ["COMPLETE", "COMPLETE", "DIVERGED"]
    space = {**{name: one for name, one in PARAMS.sweep_bayes.space.items() if name == "lr"}}
    bayes = PARAMS.model_copy(update={"sweep_bayes": PARAMS.sweep_bayes.model_copy(update={"space": space})})
    study.enqueue_trial({"learning_rate": 0.03})
    study.optimize(lambda trial: objective(trial, stop=20), n_trials=1)
    stopped = take(path, kind="optuna", names=names, leave_out=["3"], stage="sweep_bayes", params=bayes).trials[-1].record
    assert (stopped.state, stopped.steps) == ("PRUNED", 20)


def test_optuna_refuses_what_is_no_loss_or_no_storage(tmp_path):
    import optuna

    study = optuna.create_study(storage=f"sqlite:///{tmp_path}/study.db", direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("lr", 0.1, 1), n_trials=1)
    assert "the study's direction is maximize, expected minimize" in refused(tmp_path / "study.db", kind="optuna")
    (tmp_path / "other.db").write_text("text")
    assert "found neither SQLite nor a journal" in refused(tmp_path / "other.db", kind="optuna")
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\x00" + bytes(100))
    assert "cannot be read as a storage of Optuna" in refused(tmp_path / "broken.db", kind="optuna")
    (tmp_path / "broken.log").write_text("{")
    assert "broken.log: " in refused(tmp_path / "broken.log", kind="optuna")


def events(folder, *all_events):
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.iterdir()))
    (folder / f"events.out.tfevents.170000000{number}.host").write_bytes(b"".join(map(record, all_events)))


TAGS = ["eval/loss_nats=Loss/val", "train/loss_nats=Loss/train", "train/grad_norm=", "lr=lr"]


def tagged(lr, **of):
    found = []
    for row in rows(lr, **of):
        values = [scalar("Loss/val", row["eval/loss_nats"])] if "eval/loss_nats" in row else []
        values += [scalar("Loss/train", row["train/loss_nats"]), scalar("lr", lr)] if row["step"] else []
        if values:
            found.append(an_event(row["step"], *values))
    return found


def test_tensorboard(tmp_path):
    for name, lr in LRS.items():
        events(tmp_path / "runs" / name, *tagged(lr, end=20))
        events(tmp_path / "runs" / name, *tagged(lr, start=21))
        (tmp_path / "runs" / name / "hparams.yaml").write_text(f"optimizer:\n  lr: {lr}\n")
    names = [*TAGS, "config.lr=optimizer.lr"]
    check(take(tmp_path / "runs", kind="tensorboard", names=names))
    check(take(tmp_path / "runs/a", tmp_path / "runs/b", kind="tensorboard", names=names))
    assert [trial.run for trial in take(tmp_path / "runs", kind="tensorboard", names=names, leave_out=["a"]).trials] == ["b"]
    assert "found no event files" in refused(tmp_path / "runs/a/hparams.yaml", kind="tensorboard")


def test_tensorboard_with_add_hparams_and_parts_of_a_run(tmp_path):
    for name, lr in LRS.items():
        events(tmp_path / name / "1700000000.25", an_event(0, hparams_value({"lr": lr})))
        events(tmp_path / name / "train", *(an_event(s, scalar("loss", loss(s, lr)), scalar("lr", lr)) for s in range(1, 41)))
        events(tmp_path / name / "validation", *(an_event(s, scalar("loss", loss(s, lr))) for s in range(0, 41, 10)))
    names = ["eval/loss_nats=validation/loss", "train/loss_nats=train/loss", "lr=train/lr", "train/grad_norm="]
    check(take(tmp_path, kind="tensorboard", names=names))


@pytest.mark.parametrize("inner", ["loss_all_{key}", "loss/all/{key}"])
def test_tensorboard_with_add_scalars(tmp_path, inner):
    """torch writes add_scalars("loss/all", {"val": …}) to loss_all_val with the tag loss/all; tensorboardX to loss/all/val."""
    for name, lr in LRS.items():
        events(tmp_path / name, *(an_event(s, scalar("lr", lr)) for s in range(1, 41)))
        for key, every in (("train", 1), ("val", 10)):
            own = (an_event(s, scalar("loss/all", loss(s, lr))) for s in range(0, 41, every))
            events(tmp_path / name / inner.format(key=key), *own)
    names = ["eval/loss_nats=loss/all/val", "train/loss_nats=loss/all/train", "lr=lr", "train/grad_norm=", "config.lr="]
    for paths in ([tmp_path], [tmp_path / "a", tmp_path / "b"]):
        check(take(*paths, kind="tensorboard", names=names))


def test_a_run_that_has_the_name_of_its_first_tag_is_a_run(tmp_path):
    for lr in LRS.values():
        events(tmp_path / f"lr_{lr}", an_event(1, scalar("lr", lr)), *tagged(lr))
    check(take(tmp_path, kind="tensorboard", names=[*TAGS, "config.lr="]))


def test_tensorboards_own_csv(tmp_path):
    for name, lr in LRS.items():
        lines = [f"{1.7e9 + step},{step},{loss(step, lr)}\n" for step in range(0, 41, 10)]
        (tmp_path / f"run-{name}-tag-val_loss.csv").write_text("Wall time,Step,Value\n" + "".join(lines))
    (tmp_path / "runs.csv").write_text("Name,lr\n" + "".join(f"{name},{lr}\n" for name, lr in LRS.items()))
    check(take(tmp_path, kind="csv", names=["eval/loss_nats=val_loss", "lr=", *NOTHING]))


def test_the_hugging_face_trainer(tmp_path):
    for name, lr in LRS.items():
        history = []
        for step in range(5, 41, 5):
            history.append({"loss": loss(step, lr), "grad_norm": 1.0, "learning_rate": lr, "epoch": 0.1, "step": step})
            if step % 10 == 0:
                history.append({"eval_loss": loss(step, lr), "eval_runtime": 1.0, "step": step})
        history.append({"train_loss": 9.9, "train_runtime": 60.0, "step": 40})
        for end in (20, 40):
            folder = tmp_path / name / f"checkpoint-{end}"
            folder.mkdir(parents=True)
            state = {"global_step": end, "log_history": [row for row in history if row["step"] <= end]}
            (folder / "trainer_state.json").write_text(json.dumps(state))
        (tmp_path / name / "args.json").write_text(json.dumps({"learning_rate": lr, "adam_beta2": 0.999}))
    check(take(tmp_path, kind="trainer"))
    (tmp_path / "a/args.json").unlink()
    assert "--name config.lr=" in refused(tmp_path, kind="trainer")
    check(take(tmp_path, kind="trainer", names=["config.lr="]))


def test_lightning(tmp_path):
    """Steps count from 0, evals come after their step, and each call has a line of its own."""
    for number, lr in enumerate(LRS.values()):
        folder = tmp_path / "lightning_logs" / f"version_{number}"
        folder.mkdir(parents=True)
        (folder / "hparams.yaml").write_text(f"lr: {lr}\nbetas:\n- 0.9\n- 0.95\n")
        lines = ["epoch,step,lr-AdamW,train_loss,val_loss"]
        for step in range(40):
            lines.append(f"0,{step},{lr},,")
            lines.append(f"0,{step},,{loss(step + 1, lr)},")
            lines += [f"0,{step},,,{loss(step + 1, lr)}"] if step % 10 == 9 else []
        (folder / "metrics.csv").write_text("\n".join(lines))
    taken = take(tmp_path / "lightning_logs", kind="lightning", names=["lr=lr-AdamW"])
    check(taken)
    assert "each counts as the next" in taken.notes[0]


def test_json_lines(tmp_path):
    for name, lr in LRS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"optimizer": {"lr": lr}}))
        (tmp_path / name / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(lr)))
    names = ["config.lr=optimizer.lr"]
    check(take(tmp_path, kind="jsonl", names=names))
    (tmp_path / "b/metrics.jsonl").write_text('{"step": 1}\n{"st')
    said = refused(tmp_path, kind="jsonl", names=names)
    assert "b/metrics.jsonl: line 2: not JSON" in said and said.endswith("--leave-out b")
    assert len(take(tmp_path, kind="jsonl", names=names, leave_out=["b"]).trials) == 1
    with pytest.raises(UserError, match="found no file of JSON lines, such as"):
        take(tmp_path / "a/config.json", kind="jsonl")
