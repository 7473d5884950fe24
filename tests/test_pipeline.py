"""The tiny pipeline for real, through Snakemake, in a clone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", ".snakemake", "work", "results", ".pytest_cache", "__pycache__", ".dvc")


def run(folder, *command, **environment):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, **environment}
    env.pop("LRSWEEP_WORK", None)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=900)


def clone(target):
    shutil.copytree(ROOT, target, ignore=LEFT_OUT)
    done = run(target, "lrsweep", "preset", "tiny")
    assert done.returncode == 0, done.stderr
    return target


def artifacts(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted((folder / "results").rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = clone(tmp_path_factory.mktemp("tiny") / "project")
    done = run(folder, "snakemake", "--cores", "2")
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def test_every_declared_artifact_is_there(finished):
    stages = yaml.safe_load((finished / "dvc.yaml").read_text())["stages"]
    for stage in stages.values():
        for entry in stage.get("outs", []) + stage.get("metrics", []):
            name = entry if isinstance(entry, str) else next(iter(entry))
            assert (finished / name).stat().st_size > 0, name
    assert "</html>" in (finished / "results/report/index.html").read_text()


def test_the_final_training_took_the_selected_lr(finished):
    choice = json.loads((finished / "results/select/choice.json").read_text())
    metrics = json.loads((finished / "results/train/metrics.json").read_text())
    assert metrics["lr"] == choice["selected"]["lr"]
    assert metrics["steps"] == 40


def test_a_second_run_does_nothing(finished):
    done = run(finished, "snakemake", "--cores", "2")
    assert "Nothing to be done" in done.stderr, done.stderr[-2000:]


def test_one_core_and_other_jobs_give_the_same_bytes(finished, tmp_path):
    folder = clone(tmp_path / "project")
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace("trials_per_job: 2", "trials_per_job: 3"))
    done = run(folder, "snakemake", "--cores", "1")
    assert done.returncode == 0, done.stderr[-4000:]
    first, second = artifacts(finished), artifacts(folder)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_a_lost_record_is_trained_again_and_only_that(finished):
    before = artifacts(finished)
    (log,) = finished.glob("work/*/sweep_bayes/trained.log")
    trained = log.read_text().splitlines()
    (record,) = finished.glob("work/*/sweep_bayes/trials/000/00010.json")
    record.unlink()
    (finished / "results/sweep_bayes/trials.parquet").unlink()  # records are looked at again when a table is to be made
    done = run(finished, "snakemake", "--cores", "2")
    assert done.returncode == 0, done.stderr[-4000:]
    again = log.read_text().splitlines()[len(trained) :]
    assert len(again) == 1 and again[0].startswith("trial 10 ")
    assert artifacts(finished) == before


def test_a_wrong_parameter_is_one_line_and_exit_2(finished, tmp_path):
    text = (finished / "params.yaml").read_text()
    try:
        (finished / "params.yaml").write_text(text.replace("first_rung: 10", "first_rung: 11"))
        for command in (["snakemake", "--cores", "1"], ["lrsweep", "corpus"]):
            done = run(finished, *command)
            assert done.returncode == 2
            (line,) = done.stderr.splitlines()
            assert "sweep_bayes.stopping.first_rung: found 11, expected a multiple of" in line
    finally:
        (finished / "params.yaml").write_text(text)
