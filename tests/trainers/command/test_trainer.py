"""A person's script as a trainer: what a study sees of its calls, and what it says where a script does something wrong."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from lrsweep.space import Budget
from lrsweep.trainers.command.process import KEPT_BYTES, Call
from lrsweep.trainers.command.settings import Script, arguments
from lrsweep.trainers.command.trainer import Command
from lrsweep.trainers.trainer import Eval, RunFailed, Step

SCRIPT = Path(__file__).with_name("script.py")
BUDGET = Budget(steps=40, warmup_steps=0, eval_every=10)
CALL = f"{sys.executable} {SCRIPT} --lr {{lr}} --until {{until}} --out {{dir}}"
CURVE = {"file": "{dir}/log.jsonl", "step": "step", "loss": "val", "lr": "lr", "grad_norm": "grad_norm"}


@pytest.fixture
def start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(wrong="", stops=(20,), resume=True, curve=CURVE, every=5, **values):
        command = f"{CALL} --every {every} --wrong '{wrong}'"
        script = Script.model_validate({"command": command, "reads": [], "curve": curve, "resume": resume})
        return Command(script, {}, tmp_path / "runs", stops, 1).start({"lr": 0.01, **values}, 7, BUDGET)

    return make


def evals(seen):
    return {one.step: one.loss_nats for one in seen if isinstance(one, Eval)}


def loss(step):
    return 2 + 4 * 0.9**step


def test_a_run_is_a_call_for_each_stop_and_its_curve_has_every_step(start):
    run = start()
    seen = list(run.observe(40))
    assert [one.step for one in seen if isinstance(one, Step)] == list(range(1, 41))
    assert evals(seen) == {step: loss(step) for step in (10, 20, 30, 40)}
    assert seen[0] == Step(1, 0.01, None, 0.5)
    assert (run.folder / "stdout.txt").read_text().count("step 20:") == 1  # the second call went on
    trial = json.loads((run.folder / "trial.json").read_text())
    assert trial == {"values": {"lr": 0.01}, "until": 40, "steps": 40, "seed": 7, "dir": str(run.folder), "eval_every": 10}


def test_a_consumer_that_stops_at_a_rung_pays_for_nothing_after_it(start):
    run = start()
    for seen in run.observe(40):
        if isinstance(seen, Eval) and seen.step == 20:
            break
    assert (run.folder / "step.txt").read_text() == "20"


def test_a_point_of_the_grid_has_the_last_eval_at_or_before_it(start):
    assert evals(start(every=7).observe(40)) == {10: loss(7), 20: loss(20), 30: loss(28), 40: loss(40)}


def test_a_run_that_was_killed_goes_on_from_its_own_folder(start, tmp_path):
    first = start()
    whole = list(first.observe(40))
    again = start()
    assert list(again.observe(40)) == whole
    assert (again.folder / "stdout.txt").read_text().count("step 40:") == 1  # nothing was called again
    again.save(tmp_path / "state")
    third = start()
    assert third.load(tmp_path / "state") == 40


def test_a_script_that_does_not_resume_is_ended_at_the_rung(start):
    run = start("slow", resume=False)
    observing = run.observe(40)
    for seen in observing:
        if isinstance(seen, Eval) and seen.step == 20:
            break
    observing.close()
    assert not (run.folder / "step.txt").exists()  # it was ended, not waited for
    assert evals(start("slow", resume=False).observe(40))[40] == loss(40)


def test_a_loss_that_is_not_finite_ends_a_trial_and_is_no_failure(start):
    seen = list(start("nan").observe(40))
    assert seen[-1].step == 15 and math.isnan(seen[-1].loss_nats) and not seen[-1].finite
    assert all(one.finite for one in seen[:-1])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("exits", "found exit code 3, expected 0 after step 20; see what it says"),
        ("exits", "    first line\n    no such GPU"),
        ("nothing", "found nothing in {dir}/log.jsonl, expected a row for each eval; log one"),
        ("evals", "found its last eval at step 4 after a call from step 0 to 20, expected an eval near its end; log the number"),
        ("goes on", "found step 40 after a call to step 20, expected it to end there; end at {until}"),
        ("forgets", "found that it began again at step 1, expected it to go on after step 20; save into {dir}"),
        ("other checkpoint", "found that it went on at step 33, expected a step soon after 20; load the checkpoint"),
    ],
)
def test_what_a_script_does_wrong_is_one_line_with_the_command_and_a_remedy(start, wrong, said):
    with pytest.raises(RunFailed) as failed:
        list(start(wrong).observe(40))
    assert said in str(failed.value) and str(failed.value).startswith(f"`{CALL}")


def test_half_a_line_is_left_out_and_said(start, capsys):
    seen = evals(start("half").observe(40))
    assert seen[10] == loss(10) and seen[20] == loss(20) and seen[40] == loss(40)
    assert "log.jsonl line 12: found what cannot be read, and left it out" in capsys.readouterr().err


def test_numbers_in_text_are_numbers(start):
    assert evals(start("text").observe(20))[20] == loss(20)


def test_a_misspelt_column_is_named_with_those_there_are(start):
    with pytest.raises(RunFailed, match=r"found no 'valid' in .* but step, lr, grad_norm, val, expected the loss"):
        list(start(curve={**CURVE, "loss": "valid"}).observe(20))


def test_what_is_printed_is_a_curve_too(start):
    curve = {"pattern": r"step (?P<step>\d+): val loss (?P<loss>\S+)"}
    seen = list(start(curve=curve).observe(40))
    assert evals(seen) == {step: pytest.approx(loss(step), abs=1e-6) for step in (10, 20, 30, 40)}
    assert seen[0] == Step(1, None, None, None) and seen[0].finite


def test_a_file_that_each_call_begins_anew_loses_no_eval(start):
    whole = list(start("anew").observe(40))
    assert evals(whole) == {step: loss(step) for step in (10, 20, 30, 40)}
    assert list(start("anew").observe(40)) == whole  # killed after the last call: nothing is called again


def test_a_folder_may_have_any_name(tmp_path):
    (tmp_path / "a [b] {c} ü").mkdir()
    script = Script.model_validate({"command": f"{CALL} --wrong ''", "reads": [], "curve": CURVE, "resume": True})
    run = Command(script, {}, tmp_path / "a [b] {c} ü", (), 1).start({"lr": 0.01}, 7, BUDGET)
    assert evals(run.observe(40))[40] == loss(40)


def test_of_long_output_the_end_is_kept_where_no_curve_is_read_from_it(start):
    run = start("prints", stops=())
    assert evals(run.observe(40))[40] == loss(40)
    printed = run.folder / "stdout.txt"
    assert printed.stat().st_size < 2 * KEPT_BYTES and printed.read_text().endswith(f"step 40: val loss {loss(40):.6f}\n")
    curve = {"pattern": r"step (?P<step>\d+): val loss (?P<loss>\S+)"}
    assert evals(start("prints", stops=(), curve=curve, lr=0.02).observe(40)).keys() == {10, 20, 30, 40}


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_what_a_script_leaves_in_a_session_of_its_own_ends_with_it(tmp_path):
    (tmp_path / "script.sh").write_text(
        f"setsid sh -c 'sleep 60 & echo $$ $! > {tmp_path}/pids; wait' &\nwhile [ ! -s {tmp_path}/pids ]; do sleep 0.02; done\n"
    )
    assert Call(["sh", str(tmp_path / "script.sh")], tmp_path, os.environ).wait(30) == 0
    assert not any(alive(int(pid)) for pid in (tmp_path / "pids").read_text().split())


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("cd x && python t.py {lr}", "&&"),
        ("A=1 python t.py {lr}", "A=1"),
        ("python t.py {lr} > log.txt", ">"),
        ("python t.py {lr} 2>&1", "2>&1"),
        ("python t.py {lr} | tee log", "|"),
        ("python t.py {lr}; ls", ";"),
        ("python t.py {lr} $HOME", "$HOME"),
    ],
)
def test_a_command_that_needs_a_shell_is_refused(command, word):
    section = {"reads": [], "curve": CURVE, "resume": False}
    with pytest.raises(
        ValidationError, match=re.escape(f"no {word} outside of quotes, since no shell reads it: put it into sh -c")
    ):
        Script.model_validate({**section, "command": command})
    for right in (f"sh -c '{command}'", "python t.py --sep '|' \"a > b\" --x={lr} y>3 z=a|b"):
        assert Script.model_validate({**section, "command": right}).words == {"lr"}


def test_braces_of_the_command_itself():
    said = Script.model_validate({"command": "awk '{{print}}' {β} +a={b:{lr}}", "reads": [], "curve": CURVE, "resume": False})
    assert said.words == {"β", "lr"}
    assert arguments(said.command, {"β": "a b", "lr": 1}) == ["awk", "{print}", "a b", "+a={b:1}"]


def test_an_argument_is_never_a_second_word_nor_read_by_a_shell():
    values = {"lr": 3e-05, "kind": "a b; rm -rf $HOME", "n": 3}
    said = arguments("python x.py lr={lr} --kind {kind} '{n} {other}'", values)
    assert said == ["python", "x.py", "lr=3e-05", "--kind", "a b; rm -rf $HOME", "3 {other}"]


def test_the_environment_is_passed_on_and_a_trial_finds_its_values(start, monkeypatch):
    monkeypatch.setenv("SECRET", "s3cret")
    run = start()
    assert run.environment["SECRET"] == "s3cret" and run.environment["OMP_NUM_THREADS"] == "1"
    assert run.environment["LRSWEEP_TRIAL"] == str(run.folder / "trial.json")
    list(run.observe(40))
    kept = [path for path in run.folder.rglob("*") if path.is_file()]
    assert kept and not any(b"s3cret" in path.read_bytes() for path in kept)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_script_ends_with_its_worker_however_that_ends(tmp_path):
    """With all that it has started: the worker is killed, and the script's own child ends too."""
    mark = tmp_path / "pids"
    script = tmp_path / "parent.sh"
    script.write_text(f"sleep 60 &\necho $$ $! > {mark}.new\nmv {mark}.new {mark}\nwait\n")
    code = (
        "from pathlib import Path; import os; from lrsweep.trainers.command.process import Call;"
        f"Call(['sh', {str(script)!r}], Path({str(tmp_path)!r}), os.environ).wait(None)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 30
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    pids = [int(word) for word in mark.read_text().split()]
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(alive(pid) for pid in pids)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_seeds_are_such_as_every_library_takes(start, tmp_path):
    script = Script.model_validate({"command": CALL, "reads": [], "curve": CURVE, "resume": True})
    run = Command(script, {}, tmp_path, (), 1).start({"lr": 0.1}, 2**62 + 5, BUDGET)
    assert run.seed == 5


def test_an_edited_file_is_refused(start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "train.py"
    file.write_text("1")
    script = Script.model_validate({"command": CALL, "reads": ["*.py"], "curve": CURVE, "resume": True})
    trainer = Command(script, {}, tmp_path / "runs", (), 1)
    trainer.start({"lr": 0.1}, 0, BUDGET)
    file.write_text("22")
    os.utime(file)
    with pytest.raises(Exception, match=r"train\.py: found edited since this worker began"):
        trainer.start({"lr": 0.1}, 0, BUDGET)


def test_a_program_that_is_not_there_is_named_with_escapes(tmp_path):
    call = Call([f"{tmp_path}/no\x1b[31mthing\udcff"], tmp_path, os.environ)
    assert call.wait(20) == 127
    assert (tmp_path / "stderr.txt").read_text() == f"{tmp_path}/no\\x1b[31mthing\\udcff: No such file or directory\n"
