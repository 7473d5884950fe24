"""Workers: however many there are and whenever they come and go, a study has the same records, and trains each trial once."""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter

import pytest

from tests.fault_case import wait_until
from tests.pipeline import ROOT, configured, environment, events, run, trained

LR = {"min": 0.001, "max": 0.1, "scale": "log"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All that a worker of a made-up study needs: params.yaml, with phase 2 over a range of its own."""
    folder = tmp_path_factory.mktemp("study") / "project"
    folder.mkdir()
    for name in ("params.yaml", "dvc.yaml", "workflow"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, folder / name)
    assert run(folder, "lrsweep", "preset", "tiny").returncode == 0
    configured(folder, {"simulate": True, "sweep_bayes": {"trials": 40, "space": {"lr": LR, "beta2": {"choices": [0.9, 0.99]}}}})
    return folder


@pytest.fixture
def project(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "project")


@pytest.fixture(scope="module")
def alone(folder, tmp_path_factory):
    """The study as one worker makes it."""
    project = shutil.copytree(folder, tmp_path_factory.mktemp("alone") / "project")
    assert worker(project).wait() == 0
    return project


def worker(project, number=0, **more):
    command = ["lrsweep", "work", "sweep_bayes", "--number", str(number)]
    return subprocess.Popen(command, cwd=project, env=environment(**more), stderr=subprocess.PIPE, text=True)


def records(project):
    """The files of the study, without what says who trained when, saved states (of several spellings) and halves of files."""
    names = ("trials", "block-*", "proposals")
    paths = [path for name in names for path in project.glob(f"work/*/sweep_bayes/{name}/*/[!.]*") if path.is_file()]
    return {str(path.relative_to(project)): path.read_bytes() for path in paths}


def expect_whole(project, alone):
    assert records(project) == records(alone)
    assert trained(project) == trained(alone) and set(trained(project).values()) == {1}


@pytest.mark.parametrize("n", [2, 3])
def test_any_number_of_workers_gives_the_same_records(project, alone, n):
    workers = [worker(project, number) for number in range(n)]
    assert [one.wait() for one in workers] == [0] * n, [one.stderr.read() for one in workers]
    expect_whole(project, alone)
    assert 8 < len({event.trial for _, event in events(alone)}) < 40, "the study ended itself"


def test_one_that_joins_late_finds_the_rest(project, alone):
    first = worker(project)
    wait_until(lambda: len(events(project)) > 8)
    second = worker(project, 1)
    first.send_signal(signal.SIGSTOP)
    training = events(project)[0][1].pid
    os.kill(training, signal.SIGSTOP)  # between two trials or in one, which the other waits for then
    wait_until(lambda: any(event.pid != training for _, event in events(project)) or second.poll() is not None or held(project))
    for pid in (training, first.pid):
        os.kill(pid, signal.SIGCONT)
    assert (first.wait(), second.wait()) == (0, 0)
    expect_whole(project, alone)


def held(project):
    """Whether a trial has begun and not ended."""
    counts = Counter(event.state is None for _, event in events(project))
    return counts[True] > counts[False]


@pytest.mark.parametrize("killed", ["worker", "training"])
def test_one_killed_in_the_middle_loses_nothing(project, alone, killed):
    first = worker(project)
    # a training has just begun: one that was killed between its record and its line in events.jsonl would lack the line
    begun = wait_until(lambda: (found := events(project))[8:] and found[-1][1].state is None and found[-1][1])
    os.kill(first.pid if killed == "worker" else begun.pid, signal.SIGKILL)
    second = worker(project, 1)
    assert second.wait() == 0, second.stderr.read()
    assert first.wait() == (-signal.SIGKILL if killed == "worker" else 0)
    expect_whole(project, alone)


def test_two_folders_that_share_the_work_folder_train_each_trial_once(project, alone):
    other = shutil.copytree(project, project.with_name("other"))
    workers = [worker(project), worker(other, LRSWEEP_WORK=str(project / "work"))]
    assert [one.wait() for one in workers] == [0, 0], [one.stderr.read() for one in workers]
    expect_whole(project, alone)
    assert not (other / "work").exists()


WHOLE = """
import sys
from lrsweep.cli.main import main
sys.argv = ["lrsweep", "work", "sweep_bayes"]
try:
    code = main()
except SystemExit as end:
    code = end.code
assert not code, code
assert "torch" not in sys.modules
"""


def test_a_study_that_is_whole_is_left_alone_without_torch(alone):
    before = len(events(alone))
    done = run(alone, sys.executable, "-c", WHOLE)
    assert done.returncode == 0, done.stderr
    assert len(events(alone)) == before


@pytest.mark.parametrize(
    ("stage", "sections", "missing"),
    [
        ("sweep_uniform", {"simulate": False}, "tokenize"),
        ("sweep_bayes", {"sweep_bayes": {"space": {"lr": "auto"}}}, "edge"),
        ("select", {}, "sweep_bayes"),
        ("scale", {}, "select"),
        ("train", {}, "scale"),
    ],
)
def test_a_missing_stage_before_it_is_one_line_and_exit_2(project, stage, sections, missing):
    done = run(configured(project, sections), "lrsweep", "work", stage)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("lrsweep: results/") and missing in line and "has not run" in line


def test_an_unknown_stage_is_named_with_those_that_there_are(project):
    done = run(project, "lrsweep", "work", "cluster")
    assert done.returncode == 2 and "found 'cluster', expected one of sweep_uniform, edge, sharpness" in done.stderr


def test_an_edit_ends_a_worker_with_a_line_and_gets_into_no_record(project, alone):
    path = project / "params.yaml"
    begun = path.read_text()
    first = worker(project)
    wait_until(lambda: len(events(project)) > 8)
    configured(project, {"model": {"d_ff": 96}, "execution": {"attempts": 3}})
    assert first.wait() == 2
    (line,) = [line for line in first.stderr.read().splitlines() if line.startswith("lrsweep: ")]
    assert line.startswith("lrsweep: params.yaml: model.d_ff: found edited since this run began")
    assert {path.parts[-2] for path in project.glob("work/*/sweep_bayes")} == {alone_folder(alone)}
    path.write_text(begun)
    assert worker(project).wait() == 0
    expect_whole(project, alone)


def alone_folder(alone):
    (path,) = alone.glob("work/*")
    return path.name
