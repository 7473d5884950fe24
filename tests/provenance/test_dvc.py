"""DVC for real on the tiny pipeline: experiments, both runners after each other, a second clone."""

import html
import json
import re
import shlex
import shutil

import pandas as pd
import pytest
import yaml

from lrsweep.config import checking
from lrsweep.runner import progress
from lrsweep.runner.catalogue import STUDIES
from lrsweep.search.uniform import uniform
from tests.pipeline import ROOT, artifacts, different, run


def git(folder, *words):
    done = run(folder, "git", "-c", "user.name=Test", "-c", "user.email=test@localhost", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def dvc(folder, *words, **environment):
    done = run(folder, "dvc", *words, **environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def ran(output):
    """The stages that `dvc repro` or `dvc exp run` has run."""
    return re.findall(r"Running stage '(\w+)'", output)


def trained(work):
    """Trainings that have ended so far, by the folder of their study."""
    return {
        str(log.parent.relative_to(work)): sum(event.state is not None for event in progress.read(log))
        for log in work.glob("*/*/events.jsonl")
    }


def final(folder):
    return json.loads((folder / "results/train/metrics.json").read_text())


@pytest.fixture(scope="module")
def base(finished):
    """The finished Snakemake run as a project with Git and DVC, recorded by `lrsweep record`."""
    shutil.copytree(ROOT / ".dvc", finished / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache", "config.local"))
    git(finished, "init", "--quiet")
    git(finished, "config", "user.name", "Test")
    git(finished, "config", "user.email", "test@localhost")
    done = run(finished, "lrsweep", "record")
    assert done.returncode == 0, done.stderr
    git(finished, "add", "--all")
    git(finished, "commit", "--quiet", "--message", "A")
    return finished


@pytest.fixture
def project(base):
    """The recorded project, and again as it was when the test is done."""
    yield base
    git(base, "checkout", "--force", "--quiet", "master" if "master" in git(base, "branch") else "main")
    dvc(base, "checkout", "--force", "--quiet")


def test_a_snakemake_run_is_recorded_and_nothing_is_left_to_do(project):
    assert ran(dvc(project, "repro")) == []
    assert "up to date" in dvc(project, "status")
    assert git(project, "status", "--porcelain") == ""


def test_an_experiment_with_another_lr_trains_and_generates_only(project):
    output = dvc(project, "exp", "run", "-S", "lr=0.003")
    assert ran(output) == ["check", "train", "generate", "figures", "report"]
    assert final(project)["lr"] == 0.003
    changed = {row["Metric"] for row in _rows(dvc(project, "metrics", "diff", "--md"))}
    assert {"lr", "final_loss_nats"} <= changed
    assert "lr" in dvc(project, "params", "diff", "--md")
    assert run(project, "lrsweep", "verify").returncode == 0

    # B's files under A's parameters: Snakemake, which ran A itself, must not believe that all is done
    git(project, "checkout", "params.yaml")
    for command in (["verify"], ["adopt"], ["record"]):
        done = run(project, "lrsweep", *command)
        assert done.returncode == 1
        assert "lr: found null in params.yaml, expected 0.003" in done.stdout + done.stderr
    planned = run(project, "snakemake", "--cores", "1", "--dry-run", "--quiet", "host")
    jobs = set(re.findall(r"rule (\w+):", planned.stdout + planned.stderr))
    assert jobs == {"work", "train", "generate", "figures", "report", "all"}  # adopt and record have checked params.yaml
    (command,) = re.findall(r"made again by: (.*)", run(project, "lrsweep", "trace", "results/report/index.html").stdout)
    assert command == "dvc exp run -S lr=0.003 report"
    made = run(project, "bash", "-c", command)  # B's parameters are back, and its files fit
    assert made.returncode == 0 and run(project, "lrsweep", "verify").returncode == 0, made.stderr
    git(project, "checkout", "--force", ".")
    dvc(project, "checkout")
    assert run(project, "lrsweep", "adopt").returncode == 0
    assert "Nothing to be done" in run(project, "snakemake", "--cores", "1", "--dry-run").stdout


def test_run_a_run_b_check_a_out_and_set_bs_parameters_records_b(project):
    """A cache of the runs would hide a wrong answer, so there is none here."""
    recorded, table = {}, project / "results/sweep_uniform/trials.parquet"
    recorded["A"] = table.read_bytes()
    dvc(project, "repro", "sweep_uniform")
    for _ in range(2):
        git(project, "checkout", "--force", ".")
        dvc(project, "checkout")
        assert table.read_bytes() == recorded["A"]
        params = project / "params.yaml"
        params.write_text(params.read_text().replace("trials: 6", "trials: 7"))
        shutil.rmtree(project / ".dvc/cache/runs", ignore_errors=True)
        assert ran(dvc(project, "repro", "sweep_uniform")) == ["check", "sweep_uniform"]
        lock = yaml.safe_load((project / "dvc.lock").read_text())["stages"]["sweep_uniform"]
        assert lock["params"]["params.yaml"]["sweep_uniform"]["trials"] == 7
        assert len(pd.read_parquet(table)) == 7
        assert recorded.setdefault("B", table.read_bytes()) == table.read_bytes()
        (out,) = (out for out in lock["outs"] if out["path"].endswith("trials.parquet"))
        cached = project / ".dvc/cache/files/md5" / out["md5"][:2] / out["md5"][2:]
        assert cached.read_bytes() == recorded["B"]


def test_temporary_and_queued_experiments_share_finished_trials_but_no_other_seeds(project):
    work = project / "work"
    before = trained(work)
    (study,) = (name for name in before if name.endswith("sweep_uniform"))
    for how, name, setting in (("--temp", "more", "sweep_uniform.trials=8"), ("--queue", "seed", "seed=1")):
        words = ("exp", "run", how, "--name", name, "--set-param", setting, "sweep_uniform")
        dvc(project, *words, LRSWEEP_WORK=str(work))
    dvc(project, "exp", "run", "--run-all", "--jobs", "1", LRSWEEP_WORK=str(work))
    after = trained(work)
    assert after.pop(study) - before.pop(study) in (1, 2)  # 7 may be there from another test
    (other,) = after.keys() - before.keys()
    assert after[other] == 6
    dvc(project, "exp", "apply", "seed")
    loaded = checking.load(project / "params.yaml")
    table = pd.read_parquet(project / "results/sweep_uniform/trials.parquet")
    assert table["lr"].tolist() == [uniform(1, "sweep_uniform", k, loaded.sweep_uniform.lr).lr for k in range(6)]


def test_a_second_clone_pulls_and_finds_nothing_to_do(project, tmp_path):
    dvc(project, "push", "--remote", _remote(project, tmp_path))
    git(project, "clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = tmp_path / "clone"
    dvc(clone, "pull", "--remote", _remote(clone, tmp_path))
    assert ran(dvc(clone, "repro")) == []
    done = run(clone, "lrsweep", "verify", ATEN_CPU_CAPABILITY="default")  # as on a machine of another kind
    assert (
        done.returncode == 0
        and "note: sweep_uniform, edge, sharpness, sweep_bayes, assess, select, scale, ablate, train: trained with" in done.stdout
    )
    done = run(clone, "lrsweep", "adopt")
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" in run(clone, "snakemake", "--cores", "all").stderr


def test_dvc_repro_refuses_a_key_that_no_stage_reads(project):
    params = project / "params.yaml"
    params.write_text(params.read_text() + "modle: {}\n")
    done = run(project, "dvc", "repro")
    assert done.returncode != 0
    assert ran(done.stdout) == ["check"]
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("lrsweep:"))
    assert "modle: found {}, expected a known key (nearest: model)" in line


def test_plots_draw_columns_that_are_there(project):
    stages = yaml.safe_load((project / "dvc.yaml").read_text())
    for entry in stages["plots"]:
        (plot,) = entry.values()
        (path, column), *_ = plot["y"].items()
        assert {plot["x"], column, "series"} <= set(pd.read_csv(project / path).columns), path
        assert (project / ".dvc/plots" / f"{plot['template']}.json").is_file()
        assert plot["title"] and plot["x_label"] and plot["y_label"]
    dvc(project, "plots", "show", "--out", "plots", "--json")


def test_more_trials_of_phase_1_train_nothing_else_while_the_lr_range_stays(project):
    """The range is held at what the edge gave."""
    work, held = project / "work", json.loads((project / "results/edge/edge.json").read_text())["lr_range"]
    before = trained(work)
    lr = "{" + ", ".join(f"{key}: {value}" for key, value in held.items()) + "}"
    output = dvc(project, "exp", "run", "-S", "sweep_uniform.trials=9", "-S", f"sweep_bayes.space.lr={lr}")
    new = {name.split("/")[1]: n for name, n in trained(work).items() if n != before.get(name)}
    assert new["sweep_uniform"] == 9 and new.keys() <= {"sweep_uniform", "edge", "sharpness"}  # both follow what phase 1 finds
    assert {"sweep_uniform", "edge", "sweep_bayes"} <= set(ran(output)) and "generate" not in ran(output)  # the same weights
    assert run(project, "lrsweep", "verify").returncode == 0


def test_another_range_of_phase_2_trains_phase_2_alone(project):
    before = trained(project / "work")
    output = dvc(project, "exp", "run", "-S", "sweep_bayes.space.beta2={min: 0.9, max: 0.99, scale: linear}", "sweep_bayes")
    assert ran(output) == ["check", "sweep_bayes"]
    ((study, _),) = trained(project / "work").items() - before.items()
    assert study not in before and study.endswith("sweep_bayes")
    assert pd.read_parquet(project / "results/sweep_bayes/trials.parquet")["beta2"].between(0.9, 0.99).all()


def test_another_model_size_runs_all_that_depends_on_it(project):
    stages = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("d_model: 32", "d_model: 16"))
    planned = set(ran(dvc(project, "repro", "--dry")))  # what depends on the artifacts of these alone is not known yet
    assert planned == {name for name, stage in stages.items() if "model" in stage.get("params", ())} | {"check"}


def test_how_the_work_is_done_runs_nothing_again(project):
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("workers: auto", "workers: 1").replace("attempts: 2", "attempts: 3"))
    assert ran(dvc(project, "repro")) == ["check"]  # the keys are checked, and nothing follows
    assert run(project, "lrsweep", "verify").returncode == 0


def test_a_comment_runs_what_trains_and_trains_nothing(project):
    before, files = trained(project / "work"), artifacts(project)
    path = project / "src/lrsweep/trainers/trainer.py"
    path.write_text(path.read_text() + "# the end\n")
    assert set(ran(dvc(project, "repro", "--dry"))) >= set(STUDIES)
    assert ran(dvc(project, "repro", "--single-item", "sweep_bayes", "train")) == ["sweep_bayes", "train"]
    assert trained(project / "work") == before
    assert [name for name in different(files, artifacts(project)) if not name.endswith("provenance.json")] == []


def _remote(folder, tmp_path):
    dvc(folder, "remote", "add", "--local", "--force", "store", str(tmp_path / "store"))
    return "store"


def _rows(table):
    lines = [[cell.strip() for cell in line.strip("| \n").split("|")] for line in table.splitlines() if line.startswith("|")]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def test_every_command_that_the_page_prints_runs(base, tmp_path):
    project = shutil.copytree(base, tmp_path / "it's a project", symlinks=True)
    page = (project / "results/report/index.html").read_text(encoding="utf-8")
    printed = dict.fromkeys(html.unescape(one) for one in re.findall(r"<code>((?:snakemake|dvc|lrsweep) [^<]*)</code>", page))
    figures = [one for one in printed if "results/figures/" in one]
    commands = [one for one in printed if one not in figures[1:]]
    used = final(project)["lr"]
    assert {one.split()[0] for one in commands} == {"snakemake", "dvc", "lrsweep"} and any(
        "exp run -S" in one for one in commands
    )
    for command in commands:
        assert command.isascii(), command
        done = run(project, *shlex.split(command))
        assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
    assert final(project)["lr"] == used, "the last command printed trains at the learning rate that the page reports, to the bit"
