"""Exports as people have them: what is taken, what is ignored and said, and each remedy of a refusal, followed."""

import json

import pytest

from lrsweep.errors import UserError
from lrsweep.stages import exchange
from lrsweep.tracking import transaction_log
from tests.tracking.runs import EVALS, NOTHING, PARAMS, a_run, loss, losses, refused, rows, take, written

NAN = float("nan")


def test_nan_for_what_was_not_logged_is_no_divergence(tmp_path):
    """run.history().to_dict("records") of pandas: every row has every name."""
    history = [{"step": 0, "eval/loss_nats": loss(0, 0.01), "lr": NAN, "train/loss_nats": NAN}]
    for step in range(5, 41, 5):
        history.append({"step": step, "eval/loss_nats": NAN, "lr": 0.01, "train/loss_nats": loss(step, 0.01)})
        if step % 10 == 0:
            history.append({"step": step, "eval/loss_nats": loss(step, 0.01), "lr": NAN, "train/loss_nats": NAN})
    history.append({"step": NAN, "eval/loss_nats": NAN, "lr": NAN, "train/loss_nats": NAN})
    taken = take(written(tmp_path / "runs.jsonl", a_run("a", history=history)), names=["train/grad_norm="])
    (trial,) = taken.trials
    assert trial.record.state == "COMPLETE" and losses(trial) == EVALS
    assert any("values of eval/loss_nats ignored that are not finite, first nan in a at step 5" in note for note in taken.notes)


def test_a_skipped_step_is_no_divergence_and_one_that_does_not_come_back_is(tmp_path):
    skipped, lost, ends = rows(0.01), rows(0.01), rows(0.01, end=23)
    skipped[13] |= {"train/loss_nats": "Infinity", "train/grad_norm": "NaN"}
    for row in lost[24:]:
        row |= {name: "NaN" for name in row if name not in ("step", "lr")}
    ends[23]["train/grad_norm"] = "Infinity"
    taken = take(
        written(tmp_path / "runs.jsonl", a_run("a", history=skipped), a_run("b", history=lost), a_run("c", history=ends))
    )
    first, second, third = (trial.record for trial in taken.trials)
    assert (first.state, first.steps) == ("COMPLETE", 40)
    assert (second.state, second.steps, len(second.evals)) == ("DIVERGED", 24, 3)
    assert (third.state, third.steps) == ("DIVERGED", 23)
    assert "diverged, with no finite loss after that: b at step 24, c at step 23" in taken.notes
    assert any(note.startswith("1 values of train/loss_nats ignored") and "inf in a at step 13" in note for note in taken.notes)


def test_an_eval_that_is_not_finite_and_comes_back_is_refused_by_name(tmp_path):
    history = rows(0.01)
    history[20]["eval/loss_nats"] = "Infinity"
    said = refused(written(tmp_path / "runs.jsonl", a_run("a", history=history)))
    assert "found no finite eval at step 20" in said and "it is inf, and finite ones follow" in said


def offline(folder, run_id, history, config, name="", end=True):
    """A folder of an offline run, as wandb writes it."""
    import zlib

    from wandb.proto.wandb_internal_pb2 import Record

    head, records = Record(), []
    head.run.run_id, head.run.display_name = run_id, name
    for key, value in config.items():
        item = head.run.config.update.add()
        item.key, item.value_json = key, json.dumps(value)
    records.append(head)
    for number, row in enumerate(history):
        one = Record()
        one.history.step.num = number
        for key, value in row.items():
            item = one.history.item.add()
            item.key, item.value_json = key, json.dumps(value)
        records.append(one)
    if end:
        last = Record()
        last.exit.exit_code = 0
        records.append(last)
    data = [record.SerializeToString() for record in records]
    pieces = [transaction_log.PIECE.pack(zlib.crc32(b"\x01" + one), len(one), 1) + one for one in data]
    folder.mkdir(parents=True)
    (folder / f"run-{run_id}.wandb").write_bytes(transaction_log.HEADER.pack(*transaction_log.MAGIC) + b"".join(pieces))


def test_a_killed_run_is_left_out_by_any_of_its_names_and_all_are_named(tmp_path):
    source = tmp_path / "wandb"
    offline(source / "offline-run-1-whole001", "whole001", rows(0.01), {"lr": 0.01})
    offline(source / "offline-run-2-killed01", "killed01", [], {}, end=False)
    offline(source / "offline-run-3-killed02", "killed02", rows(0.02, end=7), {"lr": 0.02}, name="fluent-oath-59", end=False)
    (source / "offline-run-4-broken03").mkdir()
    (source / "offline-run-4-broken03/run-broken03.wandb").write_bytes(b"text")
    lines = refused(source).splitlines()
    assert len(lines) == 1 and "broken03" in lines[0] and lines[0].endswith("--leave-out broken03")
    lines = refused(source, leave_out=["broken03"]).splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["killed01", "killed02"]
    assert "ends after 7 rows" not in lines[0] and "ends after 8 rows without the run's end" in lines[1]
    for names in (["killed01", "killed02"], ["offline-run-2-killed01", "fluent-oath-59"]):
        assert len(take(source, leave_out=["broken03", *names]).trials) == 1
    assert "--leave-out: found 'kiled01', expected the name of a run (nearest: killed01)" in refused(
        source, leave_out=["kiled01"]
    )


def test_broken_lines_are_all_named_and_can_be_left_out(tmp_path):
    whole = json.dumps(a_run("b"))
    text = json.dumps(a_run("a"))[:200] + "\n" + whole + "\n" + json.dumps({"name": "c", "history": []}) + "\n"
    (tmp_path / "runs.jsonl").write_text(text)
    lines = refused(tmp_path / "runs.jsonl").splitlines()
    assert ["line 1: not JSON" in lines[0], "line 3: found ['history', 'name']" in lines[1]] == [True, True]
    names = [line.rpartition("--leave-out ")[2] for line in lines]
    assert names == ["a", "c"]
    assert len(take(tmp_path / "runs.jsonl", leave_out=names).trials) == 1


def test_a_resumed_run_is_joined_from_its_folders(tmp_path):
    source = tmp_path / "wandb"
    offline(source / "offline-run-1-part0001", "part0001", rows(0.01, end=20), {"lr": 0.01}, end=False)
    offline(source / "offline-run-2-part0001", "part0001", rows(0.01, start=21), {"lr": 0.01, "resumed": True})
    taken = take(source)
    assert losses(taken.trials[0]) == EVALS and taken.notes == ["put together from several pieces: part0001"]


def test_overlapping_pieces_are_settled_by_choice(tmp_path):
    """Killed at 30, resumed from 20, and the second piece goes on at once with other values."""
    again = [{**row, **{k: v + 1 for k, v in row.items() if "loss" in k}} for row in rows(0.01, start=21)]
    path = written(tmp_path / "runs.jsonl", a_run("a", history=[*rows(0.01, end=30), *again]))
    said = refused(path)
    assert "row 32: train/loss_nats: found 3.37737 at step 21, and 2.37737 in" in said and "row 22" in said
    later, earlier = (take(path, overlap=choice) for choice in ("later", "earlier"))
    assert losses(later.trials[0])[3:] == [(step, loss(step, 0.01) + 1) for step in (30, 40)]
    assert losses(earlier.trials[0])[3] == (30, loss(30, 0.01)) and losses(earlier.trials[0])[4] == (40, loss(40, 0.01) + 1)
    assert "where a step has two values the later one counts: a from step 21" in later.notes


def test_what_a_resumed_run_has_lost_is_not_mixed_in(tmp_path):
    """The first piece reached 30, the second, from 20, diverges at 25: of 26 to 30 nothing counts."""
    again = [{**row, "train/loss_nats": 3.0 if row["step"] < 25 else "NaN"} for row in rows(0.01, start=21, end=25)]
    path = written(tmp_path / "runs.jsonl", a_run("a", history=[*rows(0.01, end=30), *again]))
    (trial,) = take(path, overlap="later").trials
    assert (trial.record.state, trial.record.steps) == ("DIVERGED", 25)


def test_several_runs_of_one_name_need_their_ids(tmp_path):
    path = written(tmp_path / "runs.jsonl", a_run("baseline", seed=0), a_run("baseline", seed=1))
    assert "each needs its ID: run.id, not run.name" in refused(path)
    again = written(tmp_path / "same.jsonl", a_run("baseline"), a_run("baseline"))
    assert "begins at step 0 here as well" in refused(again) and "run.id and not run.name" in refused(again)
    ids = [{**a_run("baseline", seed=seed), "id": f"id{seed}"} for seed in (0, 1)]
    assert len(take(written(path, *ids)).trials) == 2
    assert len(take(path, leave_out=["id1"]).trials) == 1


@pytest.mark.parametrize(
    ("config", "theirs"),
    [
        ({"_wandb": {"value": {}}, "lr": {"desc": None, "value": 0.01}}, "lr"),
        ({"optimizer": {"lr": 0.01, "betas": [0.9, 0.95]}}, "optimizer.lr"),
        ({"groups": [{"lr": "1e-2"}]}, "groups.0.lr"),
        (json.dumps({"lr": {"value": 0.01, "desc": None}}), "lr"),
    ],
)
def test_configurations_as_people_have_them(tmp_path, config, theirs):
    path = written(tmp_path / "runs.jsonl", {**a_run("a"), "config": config})
    (trial,) = take(path, names=[f"config.lr={theirs}"]).trials
    assert trial.record.proposal.values == {"lr": 0.01}


def test_a_name_that_the_study_does_not_vary_may_be_said(tmp_path):
    path = written(tmp_path / "runs.jsonl", a_run("a", adam_beta2=0.9))
    assert take(path, names=["config.beta2=adam_beta2"]).trials[0].record.proposal.values == {"lr": 0.01}
    for wrong in ("config.beta_2=adam_beta2", "beta2=adam_beta2", "config.lr"):
        assert f"--name: found '{wrong}', expected OURS=THEIRS with OURS one of config.lr," in refused(path, names=[wrong])


def test_names_of_a_script_are_read_and_its_schedule_is_not_known(tmp_path):
    from lrsweep.space import Choice, Float
    from lrsweep.tracking.sources import SOURCES

    space = {"lr": "auto", "dropout": Float(min=0.1, max=0.5, scale="linear"), "act": Choice(choices=("relu", "gelu"))}
    bayes = PARAMS.sweep_bayes.model_copy(update={"space": space})
    params = PARAMS.model_copy(update={"sweep_bayes": bayes, "trainer": "a script"})
    path = written(tmp_path / "runs.jsonl", a_run("a", dropout=0.2, act="gelu"))
    taken = take(path, stage="sweep_bayes", params=params)
    assert taken.trials[0].record.proposal.values == {"lr": 0.01, "dropout": 0.2, "act": "gelu"}
    with pytest.raises(UserError, match="found lr=, expected the name of the learning rates: a script's schedule is not known"):
        exchange.take(params, "sweep_bayes", SOURCES["wandb"], [path], tmp_path / "new", ["lr="], [], "refuse")


def test_settings_that_differ_and_are_not_read_are_named(tmp_path):
    runs = [
        a_run(f"{size}-{lr}", lr, batch_size=size, model={"layers": size // 4}, seed=7) for size in (8, 64) for lr in (0.1, 0.2)
    ]
    (note,) = take(written(tmp_path / "runs.jsonl", *runs)).notes
    assert note.startswith("differ between the runs and are not read: batch_size (8, 64), model.layers (2, 16);")


def test_a_longer_run_can_be_left_out(tmp_path):
    longer = [*rows(0.01), *({"step": step, "lr": 0.01} for step in range(41, 61))]
    path = written(tmp_path / "runs.jsonl", a_run("a"), a_run("long", history=longer))
    said = refused(path)
    assert "found 41, expected 0 to sweep_uniform.steps (40)" in said and said.endswith("--leave-out long")
    assert len(take(path, leave_out=["long"]).trials) == 1


def test_learning_rates_that_were_not_logged_follow_the_schedule(tmp_path):
    """By hand: warm-up over 4 steps, then a cosine to min_lr_ratio: halfway (1 + min_lr_ratio) / 2 of it."""
    history = [{key: value for key, value in row.items() if key != "lr"} for row in rows(0.01)]
    path = written(tmp_path / "runs.jsonl", a_run("a", history=history))
    assert refused(path).endswith("or that it follows the schedule of params.yaml: --name lr=")
    taken = take(path, names=["lr="])
    ratio = PARAMS.optimizer.min_lr_ratio
    curve = taken.trials[0].curve["lr"]
    assert curve[[0, 3, 21, 39]] == pytest.approx([0.0025, 0.01, 0.005 * (1 + ratio), 0.01 * ratio])
    assert taken.notes == ["learning rates were not logged: those of each step follow the schedule of params.yaml"]
    said = refused(written(path, a_run("a", history=history, warmup_steps=8)), names=["lr="])
    assert "config.warmup_steps: found 8, and sweep_uniform.warmup_steps is 4" in said


def test_the_highest_lr_is_advised_only_where_some_were_logged(tmp_path):
    history = [{key: value for key, value in row.items() if key != "lr"} for row in rows(0.01)]
    path = written(tmp_path / "runs.jsonl", {**a_run("a", history=history), "config": {}})
    said = refused(path, names=["lr="])
    assert "--name config.lr=THEIRS" in said and "--name config.lr=;" not in said


def test_the_highest_lr_stands_for_one_that_no_configuration_has(tmp_path):
    path = written(tmp_path / "runs.jsonl", {**a_run("a"), "config": {}})
    assert "--name config.lr=;" in refused(path)
    assert take(path, names=["config.lr="]).trials[0].record.proposal.lr == 0.01


def test_exports_that_are_bombs_are_refused_at_once(tmp_path):
    path = tmp_path / "runs.jsonl"
    for text in (
        "[" * 100_000,
        '{"name": ' + "[" * 100_000,
        '{"name": "a", "config": {"lr": ' + "9" * 5_000 + '}, "history": []}',
    ):
        path.write_text(text)
        assert "not JSON" in refused(path)
    path.write_text(
        '{"name": "a", "config": {"lr": 0.1}, "history": [{"step": ' + "9" * 400 + ', "lr": 1, "eval/loss_nats": 1}]}'
    )
    assert "expected 0 to sweep_uniform.steps" in refused(path, names=NOTHING)


def test_tens_of_thousands_of_columns_are_read_at_once(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{number % 40_000}" for number in range(80_000)) + "\n")
    assert "found the column 'c0', 'c1'" in refused(path, kind="csv")


def test_an_export_does_not_write_over_a_file_of_ones_own(tmp_path):
    (tmp_path / "trial.py").write_text("mine")
    params = PARAMS.model_copy(
        update={"sweep_bayes": PARAMS.sweep_bayes.model_copy(update={"space": {"lr": PARAMS.sweep_uniform.lr}})}
    )
    with pytest.raises(UserError, match=r"trial\.py: found another file, expected a new name; move it away"):
        exchange.export(params, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["trial.py"] and (tmp_path / "trial.py").read_text() == "mine"
    again = [exchange.export(params, tmp_path / "new") for _ in range(2)]
    assert again[0] == again[1], "what is ours already is no other file"
