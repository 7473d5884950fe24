"""The tiny pipeline for real, through Snakemake, in a clone."""

import fcntl
import json
import os
import random
import signal
import subprocess
import time

from ruamel.yaml import YAML

from lrsweep.figures import FIGURES
from lrsweep.store.results import Results
from tests.pipeline import artifacts, clone, different, environment, run, trained

PROFILE = "Using workflow specific profile profiles/default for setting default command line arguments."  # Snakemake's own
KILLS = int(os.environ.get("LRSWEEP_KILLS", "2"))  # make test-kills does more


def test_every_declared_artifact_is_there(finished):
    stages = YAML(typ="safe").load((finished / "dvc.yaml").read_text())["stages"]
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


def test_snakemakes_own_report_has_the_captions(finished, tmp_path):
    done = run(finished, "snakemake", "--report", str(tmp_path / "report.html"))
    assert done.returncode == 0, done.stderr[-2000:]
    page = (tmp_path / "report.html").read_text()
    assert all(figure.caption.split(".")[0] in page for figure in FIGURES.values())


def test_one_worker_and_three_give_the_same_bytes(finished, tmp_path):
    """The shared run has two workers; this one begins with one, and goes on with three after phase 1."""
    folder = clone(tmp_path / "project")
    done = run(folder, "snakemake", "--cores", "1", "--", "results/edge/edge.json")
    assert done.returncode == 0, done.stderr[-4000:]
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace("workers: auto", "workers: 3"))
    done = run(folder, "snakemake", "--cores", "3")
    assert done.returncode == 0, done.stderr[-4000:]
    first, second = artifacts(finished), artifacts(folder)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_kills_change_nothing_and_nothing_finished_is_trained_again(finished, tmp_path):
    """SIGKILL of the whole process group at random moments; the same command goes on."""
    folder = clone(tmp_path / "project")
    draw, command = random.Random(KILLS), ["snakemake", "--cores", "2"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for _ in range(KILLS):
        process = subprocess.Popen(command, cwd=folder, env=environment(), start_new_session=True, **quiet)
        time.sleep(draw.uniform(4, 20))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = run(folder, *command)
    assert done.returncode == 0, done.stderr[-4000:]
    first, second = artifacts(finished), artifacts(folder)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert set(trained(folder).values()) == {1}
    assert trained(folder).keys() == trained(finished).keys()


def test_a_second_runner_is_refused_in_one_line(finished):
    with (finished / ".snakemake/runner.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run(finished, "snakemake", "--cores", "1", "--forcerun", "generate")
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("lrsweep: ")]
    assert "found another run in this folder" in line
    assert run(finished, "snakemake", "--cores", "2").returncode == 0


def test_other_cores_start_no_worker_of_a_study_that_is_whole(finished):
    planned = run(finished, "snakemake", "--cores", "7", "-n")
    assert "Nothing to be done" in planned.stderr + planned.stdout, planned.stderr[-2000:]


def test_a_lost_record_is_trained_again_and_only_that(finished):
    before, ran = artifacts(finished), trained(finished)
    (record,) = finished.glob("work/*/sweep_bayes/trials/000/00010.json")
    record.unlink()
    (finished / "results/sweep_bayes/trials.parquet").unlink()  # records are looked at again when a table is to be made
    done = run(finished, "snakemake", "--cores", "2")
    assert done.returncode == 0, done.stderr[-4000:]
    assert trained(finished) - ran == {("sweep_bayes", 10, 0): 1}
    assert artifacts(finished) == before


def test_a_clock_that_jumped_stops_no_run(finished):
    before, tomorrow = artifacts(finished), time.time() + 86400
    for path in (finished / "params.yaml", finished / "results/tokenize/train.bin"):
        os.utime(path, (tomorrow, tomorrow))
    (finished / "results/sweep_uniform/trials.parquet").unlink()
    done = run(finished, "snakemake", "--cores", "2")
    assert done.returncode == 0, done.stderr[-4000:]
    assert artifacts(finished) == before


def test_a_lost_run_of_the_race_is_trained_again_and_only_that(finished):
    before, ran = artifacts(finished), trained(finished)
    assert {trial for study, trial, _ in ran if study == "select"} >= {0, 1, 100, 101, 200, 201}, "two seeds of each candidate"
    records = sorted(finished.glob("work/*/select/trials/*/*.json"))
    records[0].unlink()
    (finished / "results/select/choice.json").unlink()
    done = run(finished, "snakemake", "--cores", "2")
    assert done.returncode == 0, done.stderr[-4000:]
    again = trained(finished) - ran
    assert sum(again.values()) == 1 and {study for study, _, _ in again} == {"select"}
    assert artifacts(finished) == before


def test_a_word_to_people_trains_nothing_and_changes_no_result(finished):
    """The stages whose folders changed run again, and gather what is there."""
    before, ran = artifacts(finished), trained(finished)
    path = finished / "src/lrsweep/trainers/builtin/model.py"
    path.write_text(path.read_text() + "\n# a comment\n")
    done = run(finished, "snakemake", "--cores", "2")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "sweep_uniform done" in done.stderr
    assert trained(finished) == ran
    assert [name for name in different(before, artifacts(finished)) if not name.endswith("provenance.json")] == []


def test_no_seed_of_the_race_is_one_of_the_study(finished):
    study, race = (
        set(Results(finished / "results").read_table(f"{path}.parquet")["seed"])
        for path in ("sweep_bayes/trials", "select/replicates")
    )
    assert len(race) >= 6 and not race & study


def test_a_wrong_parameter_is_one_line_and_exit_2(finished, tmp_path):
    text = (finished / "params.yaml").read_text()
    try:
        (finished / "params.yaml").write_text(text.replace("first_rung: 10", "first_rung: 11"))
        for command in (["snakemake", "--cores", "1"], ["lrsweep", "corpus"]):
            done = run(finished, *command)
            assert done.returncode == 2
            *notice, line = done.stderr.splitlines()
            assert notice in ([], [PROFILE])
            assert "sweep_bayes.stopping.first_rung: found 11, expected a multiple of" in line
    finally:
        (finished / "params.yaml").write_text(text)
