"""Steps as people count them: from 0, in epochs or tokens, with evals in calls of their own."""

import pytest

from tests.tracking.runs import EVALS, NOTHING, PARAMS, a_run, loss, losses, refused, rows, take, written


def test_the_last_eval_of_a_loop_from_0_counts_as_the_end(tmp_path):
    history = [{**row, "lr": 0.01, "train/loss_nats": 2.0, "train/grad_norm": 1.0} for row in rows(0.01, end=39)]
    history[39]["eval/loss_nats"] = 1.5
    path = written(tmp_path / "runs.jsonl", a_run("a", history=history))
    for names in ((), ["step=step+1"]):
        taken = take(path, names=names)
        assert losses(taken.trials[0]) == [*EVALS[:-1], (40, 1.5)]
        assert taken.trials[0].record.state == "COMPLETE" and len(taken.trials[0].curve["lr"]) == 40
        assert taken.notes == ["steps count from 0: the last eval, at 39, counts as that of step 40"]


def test_steps_from_0_with_evals_after_them(tmp_path):
    history = [{**row, "step": row["step"] - 1} for row in rows(0.01)[1:]]
    taken = take(written(tmp_path / "runs.jsonl", a_run("a", history=history)))
    assert losses(taken.trials[0]) == EVALS[1:] and "each counts as the next" in taken.notes[0]


def test_steps_in_epochs(tmp_path):
    history = [{"epoch": n, "lr": 0.01, "eval/loss_nats": loss(10 * n, 0.01)} for n in range(5)]
    path = written(tmp_path / "runs.jsonl", a_run("a", history=history))
    assert losses(take(path, names=["step=epoch*10", *NOTHING]).trials[0]) == EVALS


@pytest.mark.parametrize(("formula", "of"), [("tokens/512", 512), ("epoch*8", 0.125), ("iteration*5", 0.2), ("n/2+0", 2)])
def test_steps_in_tokens_and_shares_of_epochs(tmp_path, formula, of):
    name = formula.split("*")[0].split("/")[0]
    history = [{name: n * of, "lr": 0.01, "eval/loss_nats": loss(n, 0.01)} for n in range(0, 41, 10)]
    path = written(tmp_path / "runs.jsonl", a_run("a", history=history))
    assert losses(take(path, names=[f"step={formula}", *NOTHING]).trials[0]) == EVALS


def test_steps_that_are_not_whole_are_refused(tmp_path):
    history = [{"step": n * 512, "lr": 0.01, "eval/loss_nats": loss(n, 0.01)} for n in range(0, 41, 10)]
    path = written(tmp_path / "runs.jsonl", a_run("a", history=history))
    said = refused(path, names=NOTHING)
    assert "found 5120, expected 0 to sweep_uniform.steps (40)" in said
    assert "how much of it one step is: --name step=step/N" in said
    said = refused(path, names=["step=step/500", *NOTHING])
    assert "step: found 5120, expected a number that times 1/500 is a whole step; correct --name step=" in said


@pytest.mark.parametrize("leading", [False, True])
def test_evals_in_a_call_of_their_own_have_the_step_of_their_row(tmp_path, leading):
    history = []
    for row in rows(0.01):
        own = {"eval/loss_nats": row.pop("eval/loss_nats")} if "eval/loss_nats" in row else None
        row["train/loss_nats"] = 2.0
        history += ([own] if own and leading else []) + [row] + ([own] if own and not leading else [])
    history = [{"_step": number, **row} for number, row in enumerate(history)]
    (trial,) = take(written(tmp_path / "runs.jsonl", a_run("a", history=history))).trials
    assert losses(trial) == EVALS


def test_what_is_advised_for_the_distance_of_evals_is_accepted(tmp_path):
    history = [{"step": step, "lr": 0.01, "eval/loss_nats": 2.0} for step in range(0, 41, 8)]
    path = written(tmp_path / "runs.jsonl", a_run("a", history=history))
    said = refused(path, names=NOTHING)
    assert "set sweep_uniform.eval_every to 8" in said
    section = PARAMS.sweep_uniform.model_copy(update={"eval_every": 8})
    assert len(take(path, names=NOTHING, params=PARAMS.model_copy(update={"sweep_uniform": section})).trials) == 1
    odd = [{**row, "step": min(40, row["step"] + 1)} for row in history]
    said = refused(written(path, a_run("a", history=odd)), names=NOTHING)
    assert "eval_every to" not in said and "name what counts them: --name step=THEIRS" in said
