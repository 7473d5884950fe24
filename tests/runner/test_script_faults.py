"""What a script does wrong in one trial of a study: a line with the trial, the command and a remedy, and nothing is lost."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from lrsweep.config import checking, starting
from lrsweep.errors import UserError
from lrsweep.runner import progress
from lrsweep.runner.catalogue import study_of
from lrsweep.runner.worker import complete
from lrsweep.search.plan import Task
from lrsweep.store.results import Results
from tests.pipeline import ROOT, configured, run

SCRIPT = ROOT / "tests/trainers/command/script.py"
COMMAND = f"{sys.executable} {SCRIPT} --lr {{lr}} --until {{until}} --out {{dir}}"
CURVE = {"file": "{dir}/log.jsonl", "step": "step", "loss": "val", "lr": "lr", "grad_norm": "grad_norm"}
SMALL = {
    "sweep_bayes": {
        "trials": 3,
        "first_block": 2,
        "lag": 2,
        "ending": None,
        "space": {"lr": {"min": 0.001, "max": 0.1, "scale": "log"}},
        "stopping": {"first_rung": 20, "eta": 2, "slack": 0.5},
    }
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder with a study of three trials, two of which have a rung between two calls; it is the present one."""
    trainer = {"command": COMMAND, "reads": [], "curve": CURVE, "resume": True}
    text = starting.params(starting.Start(trainer, {}, 40, 10, None))
    (tmp_path / "params.yaml").write_text(text)
    (tmp_path / "dvc.yaml").write_text(starting.pipeline([]))
    monkeypatch.chdir(configured(tmp_path, SMALL))
    monkeypatch.delenv("LRSWEEP_WORK", raising=False)
    return tmp_path


def study():
    return study_of("sweep_bayes", checking.load(Path("params.yaml")), Results(Path("results")))


def begun(found):
    """How often each trial was started from its first step."""
    ended = [event for event in progress.read(found.events) if event.state]
    return Counter(event.trial for event in ended if event.steps == event.trained)


def losses(found):
    return {trial: [one.loss_nats for one in found.done[Task(trial, 0, 40)].evals] for trial, *_ in found.plan.ended}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("exits", "found exit code 3, expected 0 after step 20; see what it says, and run again"),
        ("nothing", "found nothing in {dir}/log.jsonl, expected a row for each eval; log one"),
        ("evals", "found its last eval at step 4 after a call from step 0 to 20, expected an eval near its end; log"),
        ("goes on", "found step 40 after a call to step 20, expected it to end there; end at {until}"),
        ("forgets", "found that it began again at step 1, expected it to go on after step 20; save into {dir}"),
        ("other checkpoint", "found that it went on at step 33, expected a step soon after 20; load the checkpoint"),
    ],
)
def test_a_fault_is_a_line_and_costs_its_trial_alone(own, monkeypatch, wrong, said):
    monkeypatch.setenv("WRONG", wrong)
    monkeypatch.setenv("WRONG_IN", "2")
    with pytest.raises(UserError) as failed:
        complete(study())
    line, *output = str(failed.value).splitlines()
    assert line.startswith("sweep_bayes trial ") and f": `{COMMAND}`: {said}" in line, line
    assert all(one.startswith("    ") for one in output)
    before = begun(study())
    monkeypatch.delenv("WRONG_IN")
    found = complete(study())
    assert {trial: n for trial, n in begun(found).items() if before[trial]} == {trial: before[trial] for trial in before}
    values = [2 + 4 * 0.9**step for step in (10, 20, 30, 40)]
    assert all(seen == values[: len(seen)] and seen for seen in losses(found).values())


@pytest.mark.parametrize("wrong", ["repeats", "half"])
def test_what_can_be_read_all_the_same_is_no_failure(own, monkeypatch, wrong):
    whole = losses(complete(study()))
    monkeypatch.setenv("LRSWEEP_WORK", str(own / "other"))
    monkeypatch.setenv("WRONG", wrong)
    monkeypatch.setenv("WRONG_IN", "2")
    assert losses(complete(study())) == whole


def test_a_loss_of_nan_is_a_result(own, monkeypatch):
    monkeypatch.setenv("WRONG", "nan")
    monkeypatch.setenv("WRONG_IN", "3")
    found = complete(study())
    states = [record.state for record, _ in found.found()]
    assert states.count("DIVERGED") == 1 and len(states) == 3
    assert {one.step: one.loss_nats for one in next(lost for lost, _ in found.found() if lost.state == "DIVERGED").evals}[
        15
    ] is None


def test_a_script_that_hangs_is_ended_and_named(own):
    configured(own, {"execution": {"trial_minutes": 0.1}})
    hanging = run(own, "lrsweep", "work", "sweep_bayes", WRONG="hangs", WRONG_IN="2")
    assert hanging.returncode == 124, hanging.stderr
    line = (
        f"lrsweep: sweep_bayes trial 1: `{COMMAND}`: found no end after 0.1 min, and killed it, expected execution.trial_minutes"
    )
    assert line in hanging.stderr and "nothing that had finished is lost" in hanging.stderr
    assert run(own, "lrsweep", "work", "sweep_bayes").returncode == 0
    assert begun(study()) == {0: 1, 1: 1, 2: 1}


def test_a_script_has_the_threads_of_its_worker(own, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.delenv("LRSWEEP_THREADS", raising=False)
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)

    def threads(workers):
        configured(own, {"execution": {"workers": workers}})
        return study().trainer().start({"lr": 0.1}, 0, study().budget).environment["OMP_NUM_THREADS"]

    assert [threads(workers) for workers in ("auto", 1, 3, 16)] == ["1", "8", "2", "1"]
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "4")
    assert threads("auto") == "4"
    monkeypatch.setenv("LRSWEEP_THREADS", "5")
    assert threads(3) == "5"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("corpus",), "corpus: found no such stage in dvc.yaml, expected one of check, sweep_uniform"),
        (("work", "sharpness"), "sharpness: found no such stage in dvc.yaml, expected one of check, sweep_uniform"),
        (("estimate",), "trainer: found a script, expected the built-in model; `lrsweep try` says"),
        (
            ("preset", "quick"),
            "preset 'quick': found a script, expected the built-in model, which presets are of; edit params.yaml",
        ),
    ],
)
def test_what_does_not_apply_to_a_script_is_refused_in_a_line(own, command, said):
    done = run(own, "lrsweep", *command)
    assert done.returncode == 2 and done.stderr.startswith(f"lrsweep: {said}") and done.stderr.count("\n") == 1, done.stderr


def test_a_key_is_explained_beside_a_script(own):
    done = run(own, "lrsweep", "explain", "sweep_bayes.lag")
    assert "value       2 (params.yaml, line" in done.stdout and "runs again  sweep_bayes" in done.stdout, (
        done.stdout + done.stderr
    )
