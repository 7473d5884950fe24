"""Checkpoints: a killed run goes on to the same bits; a damaged checkpoint is found and the one before is used."""

import json
import signal
import subprocess

import pytest

from lrsweep.search import curves
from lrsweep.search.curves import Curve
from lrsweep.trainers.builtin import training
from lrsweep.trainers.builtin.checkpoints import Series, read, write
from tests.fault_case import configured, wait_until
from tests.pipeline import artifacts, clone, environment, run
from tests.test_training import BUDGET, TOKENS, VALID, one_thread, same, start  # noqa: F401, a fixture


def train(series, until=20):
    """Trains from where the series stands to a step, as a job does; returns the state and the curve."""
    state, job = start()
    curve = series.resume(state, None)
    curves.follow(series.keep(training.observe(state, job, TOKENS, VALID, until), state, curve, 5), curve, lambda *_: None)
    return state, curve


def numbers(series):
    return sorted(int(path.stem) for path in series.folder.glob("*.safetensors"))


@pytest.mark.parametrize("killed_at", [3, 11, 17, 20])  # before the first, after one and after two checkpoints, at the end
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, killed_at):
    whole_state, whole = train(Series(tmp_path / "none", "run", None))
    series = Series(tmp_path / "some", "run", 5)
    train(series, killed_at)
    assert numbers(series) == [step for step in (5, 10, 15, 20) if step <= killed_at][-2:]
    state, curve = train(series)
    assert curve == whole and same(state, whole_state)
    series.remove()
    assert not series.folder.exists() and not (tmp_path / "none").exists()


@pytest.mark.parametrize("every", [4, 5, 7])  # between evals too: a step is in a checkpoint with its eval or not at all
def test_each_checkpoint_holds_the_curve_up_to_its_step(tmp_path, every):
    _, whole = train(Series(tmp_path / "none", "run", None))
    series = Series(tmp_path / "some", "run", every)
    train(series)
    for step in numbers(series):
        curve = read(series.folder / f"{step:08d}.safetensors", "run", start(seed=2)[0])
        assert curve.last_step == step == len(curve.steps["lr"])
        assert curve.evals == [point for point in whole.evals if point.step <= step]


def damage(path, how):
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "turned": data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]}[how])


@pytest.mark.parametrize("how", ["cut", "empty", "turned"])
def test_a_damaged_checkpoint_is_found_and_the_one_before_is_used(tmp_path, how, capsys):
    whole_state, whole = train(Series(tmp_path / "none", "run", None))
    series = Series(tmp_path / "some", "run", 5)
    train(series, 17)
    damage(series.folder / "00000015.safetensors", how)
    state, curve = start()[0], None
    assert series.resume(state, None).last_step == state.step == 10
    assert "00000015.safetensors: not used" in capsys.readouterr().err
    damage(series.folder / "00000010.safetensors", how)
    state, curve = train(series)
    assert curve == whole and same(state, whole_state)


def test_another_run_s_checkpoint_is_not_used(tmp_path):
    state, _ = start()
    write(tmp_path / "00000005.safetensors", "one", state, Curve())
    assert read(tmp_path / "00000005.safetensors", "other", state) is None


def project_of(folder, section):
    """The tiny pipeline up to its tokens, with long trainings in a section and a checkpoint every 50 steps."""
    steps = {"steps": 600, "warmup_steps": 60, "eval_every": 100}
    project = configured(clone(folder), {section: steps, "execution": {"checkpoint_every": 50}})
    for stage in ("corpus", "tokenize"):
        assert run(project, "lrsweep", stage).returncode == 0
    return project


def kill_in_the_middle(project, command, pattern):
    """Starts a training and kills it at its second checkpoint."""
    killed = subprocess.Popen(command, cwd=project, env=environment())
    wait_until(lambda: len(list(project.glob(pattern))) >= 2, 120)
    killed.send_signal(signal.SIGKILL)
    killed.wait()


def test_the_final_training_killed_in_the_middle_ends_in_the_same_bytes(tmp_path):
    project = project_of(tmp_path / "project", "train")
    (project / "results/select").mkdir()
    choice = {"selected": {"lr": 0.01, "beta2": 0.99, "weight_decay": 0.01}}
    (project / "results/select/choice.json").write_text(json.dumps(choice))
    assert run(project, "lrsweep", "train").returncode == 0
    whole = artifacts(project)
    (log,) = project.glob("work/*/train/trained.log")
    kill_in_the_middle(project, ["lrsweep", "train"], "work/*/train/*/*.safetensors")
    for path in (project / "results/train").iterdir():
        path.unlink()
    assert run(project, "lrsweep", "train").returncode == 0
    first, second = log.read_text().splitlines()
    assert first == "steps 0 to 600" and second.endswith(" to 600") and int(second.split()[1]) >= 100
    assert artifacts(project) == whole
    assert list(log.parent.iterdir()) == [log], "checkpoints are removed at the end"


def test_a_trial_killed_in_the_middle_ends_in_the_same_bytes(tmp_path):
    project, command = project_of(tmp_path / "project", "sweep_uniform"), ["lrsweep", "trials", "sweep_uniform", "0", "0"]
    assert run(project, *command).returncode == 0
    (folder,) = project.glob("work/*/sweep_uniform/trials/000")
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in folder.iterdir():
        path.unlink()
    kill_in_the_middle(project, command, "work/*/sweep_uniform/trials/000/*.checkpoints/*.safetensors")
    assert run(project, *command).returncode == 0
    first, second = (folder.parents[1] / "trained.log").read_text().splitlines()
    assert first == "trial 0 steps 0 to 600" and second.endswith(" to 600") and int(second.split()[3]) >= 100
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole
