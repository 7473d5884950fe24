"""Checkpoints: a killed training goes on to the same bits; a damaged checkpoint is found and the one before is used."""

import json
import os
import signal
import subprocess

import pytest

from lrsweep.runner.checkpoints import KEPT, Series, read, write
from lrsweep.search.curve import Curve, follow
from tests.fault_case import running_trials, wait_until
from tests.pipeline import artifacts, clone, configured, environment, events, run
from tests.trainers.builtin.tiny import same, start


def train(series, until=20):
    """Train from where the series stands to a step, as a worker does; give the run and the curve."""
    trained = start()
    curve = series.resume(trained, None)
    follow(series.keep(trained.observe(until), trained, curve, 5), curve, lambda *_: None)
    return trained, curve


def numbers(series):
    return sorted(int(path.name) for path in series.folder.iterdir())


@pytest.mark.parametrize("killed_at", [3, 11, 17, 20])  # before the first, after one and after two checkpoints, at the end
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, killed_at):
    whole_run, whole = train(Series(tmp_path / "none", "run", None))
    series = Series(tmp_path / "some", "run", 5)
    series.folder.mkdir()
    train(series, killed_at)
    assert numbers(series) == [step for step in (5, 10, 15, 20) if step <= killed_at][-KEPT:]
    gone_on, curve = train(series)
    assert curve == whole and same(gone_on, whole_run)
    series.remove()
    assert not series.folder.exists() and not (tmp_path / "none").exists()


@pytest.mark.parametrize("every", [4, 5, 7])  # between evals too: a step is in a checkpoint with its eval or not at all
def test_each_checkpoint_holds_the_curve_up_to_its_step(tmp_path, every):
    _, whole = train(Series(tmp_path / "none", "run", None))
    series = Series(tmp_path / "some", "run", every)
    train(series)
    assert len(numbers(series)) == KEPT == 2
    for step in numbers(series):
        curve = read(series.folder / f"{step:08d}", "run", start())
        assert curve.last_step == step == len(curve.steps["lr"])
        assert curve.evals == [point for point in whole.evals if point.step <= step]


def damage(path, how):
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "turned": data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]}[how])


@pytest.mark.parametrize("file", ["state.safetensors", "curve.safetensors"])
@pytest.mark.parametrize("how", ["cut", "empty", "turned"])
def test_a_damaged_checkpoint_is_found_and_the_one_before_is_used(tmp_path, file, how, capsys):
    whole_run, whole = train(Series(tmp_path / "none", "run", None))
    series = Series(tmp_path / "some", "run", 5)
    train(series, 17)
    damage(series.folder / "00000015" / file, how)
    gone_on = start()
    assert series.resume(gone_on, None).last_step == gone_on.step == 10
    assert "00000015: not used" in capsys.readouterr().err
    damage(series.folder / "00000010" / file, how)
    gone_on, curve = train(series)
    assert curve == whole and same(gone_on, whole_run)


def test_another_run_s_checkpoint_is_not_used(tmp_path, capsys):
    other = start()
    write(tmp_path / "00000005", "one", other, Curve())
    fresh = start()
    assert read(tmp_path / "00000005", "other", fresh) is None and fresh.step == 0
    assert "made from other parameters" in capsys.readouterr().err
    assert read(tmp_path / "00000005", "one", start(seed=2)) is None, "the trainer holds the state against the seed too"


def test_what_a_kill_has_left_of_a_checkpoint_is_no_checkpoint(tmp_path):
    series = Series(tmp_path / "some", "run", 5)
    train(series, 12)
    (series.folder / "00000010").rename(series.folder / ".00000015.node.1")
    assert series.resume(start(), None).last_step == 5


@pytest.fixture(scope="module")
def tokenized(tmp_path_factory):
    """The tiny pipeline up to its tokens, with long trainings and a checkpoint every 50 steps."""
    steps = {"steps": 600, "warmup_steps": 60, "eval_every": 100}
    sections = {"train": steps | {"compare": None}, "sweep_uniform": {"trials": 1} | steps, "execution": {"checkpoint_every": 50}}
    project = configured(clone(tmp_path_factory.mktemp("checkpoints") / "project"), sections)
    for stage in ("corpus", "tokenize"):
        assert run(project, "lrsweep", stage).returncode == 0
    choice = {"selected": {"lr": 0.01, "beta2": 0.99, "weight_decay": 0.01}}
    for name, found in {"select/choice": choice, "scale/law": {"lr": None, "values": {}}}.items():
        path = project / f"results/{name}.json"
        path.parent.mkdir()
        path.write_text(json.dumps(found))
    return project


def kill_in_the_middle(project, command, killed):
    """Start a training, kill a process of it at its second checkpoint, and let it end where it goes on by itself."""
    process = subprocess.Popen(command, cwd=project, env=environment())
    wait_until(lambda: len(list(project.glob("work/*/*/trials/*/*.checkpoints/0*"))) >= 2, 120)
    os.kill(process.pid if killed == "all" else running_trials(project)[0], signal.SIGKILL)
    return process.wait()


def kept(project, stage):
    """The files beside the records of a stage, by their names."""
    return {path.name: path.read_bytes() for path in project.glob(f"work/*/{stage}/trials/*/*")}


def ends(project, stage):
    return [event for found, event in events(project) if found == stage and event.state]


@pytest.mark.parametrize("killed", ["all", "training"])
@pytest.mark.parametrize("stage", ["train", "sweep_uniform"])
def test_a_training_killed_in_the_middle_goes_on_and_ends_in_the_same_bytes(tokenized, stage, killed):
    command = ["lrsweep", "work", stage]
    assert run(tokenized, *command).returncode == 0
    whole, before = kept(tokenized, stage), len(ends(tokenized, stage))
    for path in tokenized.glob(f"work/*/{stage}/trials/*/*"):
        path.unlink()
    code = kill_in_the_middle(tokenized, command, killed)
    assert code == (-signal.SIGKILL if killed == "all" else 0)
    assert run(tokenized, *command).returncode == 0
    (again,) = ends(tokenized, stage)[before:]
    assert again.steps == 600 and 0 < again.trained <= 550
    assert kept(tokenized, stage) == whole, "the checkpoints are removed at the end, and all else is as it was"


def test_the_final_weights_are_those_beside_the_record_and_damaged_ones_are_trained_again(tokenized):
    assert run(tokenized, "lrsweep", "train").returncode == 0
    whole, before = artifacts(tokenized), len(ends(tokenized, "train"))
    (path,) = tokenized.glob("work/*/train/trials/*/*.weights")
    damage(path, "turned")
    assert run(tokenized, "lrsweep", "train").returncode == 0
    assert artifacts(tokenized) == whole and len(ends(tokenized, "train")) == before + 1
