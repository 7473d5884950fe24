"""The tiny pipeline for real, through Snakemake, in a clone."""

import fcntl
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from safetensors.torch import load

from lrsweep.config import checking
from lrsweep.figures import FIGURES
from lrsweep.provenance import pipeline
from lrsweep.runner.catalogue import STUDIES
from lrsweep.store.results import Results
from lrsweep.trainers.builtin.model import Transformer
from lrsweep.trainers.builtin.training import evaluate
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


def test_the_final_training_took_the_values_that_the_proxies_answer(finished):
    law, choice, metrics = (
        json.loads((finished / f"results/{name}.json").read_text()) for name in ("scale/law", "select/choice", "train/metrics")
    )
    assert {name: metrics[name] for name in law["values"]} == law["values"] and law["values"]["lr"] == law["lr"]
    assert law["values"]["beta2"] == choice["selected"]["beta2"], "what is not carried is as it was selected"
    assert metrics["steps"] == 40


def test_the_stated_final_loss_is_that_of_the_weights_on_the_whole_test_text(finished):
    """Worked out again from the artifacts alone, with bits per byte and perplexity."""
    results, params = Results(finished / "results"), checking.load(finished / "params.yaml")
    found, counts = results.read_json("train/metrics.json"), results.read_json("tokenize/tokens.json")["test"]
    model = Transformer(params.model, params.tokenize.vocab_size)
    model.load_state_dict(load(results.path("train/model.safetensors").read_bytes()))
    tokens, context = np.fromfile(results.path("tokenize/test.bin"), dtype="<u2").astype(np.int64), params.model.context_length
    windows = torch.from_numpy(tokens[: (len(tokens) - 1) // context * context + 1])
    inputs, targets = windows[:-1].view(-1, 1, context), windows[1:].view(-1, 1, context)
    loss = evaluate(model, inputs, targets)
    assert found["test_loss_nats"] == pytest.approx(loss, rel=1e-6) and counts["tokens"] == len(tokens)
    assert found["perplexity"] == pytest.approx(math.exp(loss), rel=1e-5)
    assert found["bits_per_byte"] == pytest.approx(loss / math.log(2) * len(tokens) / counts["bytes"], rel=1e-6)
    assert found["final_loss_nats"] == results.read_table("train/evals.parquet")["loss_nats"].iloc[-1] != found["test_loss_nats"]


def test_nothing_but_the_final_training_reads_the_test_text(finished):
    """Neither stage by stage as declared, nor what a study loads, nor what its records are told apart by."""
    stages = pipeline.load(finished / "dvc.yaml")
    assert [name for name, stage in stages.items() if "results/tokenize/test.bin" in stage.deps] == ["train"]
    assert [name for name, stage in stages.items() if "results/corpus/test.txt" in stage.deps] == ["tokenize"]
    told = {path.parent.name: json.loads(path.read_text())["tokens"] for path in finished.glob("work/*/*/identity.json")}
    assert [name for name, tokens in told.items() if "test" in tokens] == ["train"] and len(told) == len(STUDIES)


def test_a_second_run_does_nothing(finished):
    done = run(finished, "snakemake", "--cores", "2")
    assert "Nothing to be done" in done.stderr, done.stderr[-2000:]


def test_snakemakes_own_report_has_the_captions(finished, tmp_path):
    done = run(finished, "snakemake", "--report", str(tmp_path / "report.html"))
    assert done.returncode == 0, done.stderr[-2000:]
    page = (tmp_path / "report.html").read_text()
    assert all(figure.caption.split(".")[0] in page for figure in FIGURES.values())


def test_one_worker_and_three_give_the_same_bytes_in_any_environment(finished, tmp_path):
    """The shared run has two workers; this one begins with one, and goes on with three after phase 1.

    Nor does the rest of its environment matter: Python without asserts, no UTF-8, a home that cannot be written, an environment
    that was not activated.
    """
    folder = clone(tmp_path / "project")
    snakemake = str(Path(sys.executable).parent / "snakemake")
    other = {"PATH": "/usr/bin:/bin", "PYTHONOPTIMIZE": "1", "LC_ALL": "C", "HOME": "/proc/none"}
    done = run(folder, snakemake, "--cores", "1", "--", "results/edge/edge.json", **other)
    assert done.returncode == 0, done.stderr[-4000:]
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace("workers: auto", "workers: 3"))
    done = run(folder, snakemake, "--cores", "3", **other)
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
