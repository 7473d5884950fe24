"""Trace and verify on the tiny pipeline: what is on disk, what it was made from, and what does not fit."""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from lrsweep.cli.identities import identities
from lrsweep.config import checking
from lrsweep.errors import UserError
from lrsweep.provenance import recording as stage_provenance
from lrsweep.provenance.figure_metadata import carried
from lrsweep.provenance.recording import Provenance
from lrsweep.provenance.trace import trace, tree
from lrsweep.provenance.workspace import Workspace
from lrsweep.store.records import canonical_digest
from lrsweep.store.results import FOLDER, Results, read_json, write_json
from tests.pipeline import run

BEYOND_THE_SWEEP = [
    "sweep_bayes",
    "cluster",
    "importance",
    "assess",
    "select",
    "scale",
    "ablate",
    "train",
    "generate",
    "figures",
    "report",
]


@pytest.fixture
def here(tiny_run, tmp_path, monkeypatch):
    """The folder of a finished run, free to be changed, as the current folder."""
    monkeypatch.chdir(shutil.copytree(tiny_run, tmp_path / "project", ignore=shutil.ignore_patterns("work", ".snakemake")))
    return tmp_path / "project"


def workspace(here):
    params = checking.load(here / "params.yaml")
    return Workspace.read(params, identities(params))


def found(here):
    known = workspace(here)
    return list(known.discrepancies(known.stages))


def test_a_finished_run_is_as_recorded(here):
    assert found(here) == []
    done = run(here, "lrsweep", "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert "artifacts are as recorded" in done.stdout


def test_one_trial_behind_a_figure(here):
    def asked(file, number):
        return run(here, "lrsweep", "trace", file, "--trial", str(number))

    row = pd.read_parquet(here / "results/sweep_uniform/trials.parquet").iloc[2]
    _, whole, trial, identity = asked("results/edge/edge.json", 2).stdout.splitlines()
    assert whole == "as recorded, like all before it" and identity.startswith("<- identity ")
    assert trial.startswith(
        f"<- sweep_uniform trial 2: lr = {row['lr']:g}, seed {row['seed']}; {row['state']} at step {row['steps']}"
    )
    assert asked("results/figures/loss_by_lr.svg", 2).stdout.splitlines()[2] == trial, "phase 1 is what the figure shows"
    assert "--trial: found 999, expected a trial of sweep_bayes: 0, 1, 2, … " in asked("results/figures/choice.svg", 999).stderr
    assert "found no trials before it" in asked("results/corpus/train.txt", 0).stderr


def test_one_training_that_no_table_of_trials_has(here, tiny_run):
    """The final training and a proxy are known by their records in work/ alone."""

    def asked(file, number, *more):
        return run(here, "lrsweep", "trace", file, "--trial", str(number), *more)

    done = asked("results/figures/final_curve.svg", 0)
    assert done.returncode == 2 and "--trial: found no record of train in " in done.stderr
    (here / "work").symlink_to(tiny_run / "work")
    metrics = read_json(here / "results/train/metrics.json")
    trial = asked("results/figures/final_curve.svg", 0).stdout.splitlines()[2]
    assert trial.startswith(f"<- train trial 0: lr = {metrics['lr']:g}, ")
    assert trial.endswith(f"{metrics['state']} at step {metrics['steps']}, {metrics['final_loss_nats']:.4f} nats")
    row = pd.read_parquet(here / "results/scale/profiles.parquet").iloc[1]
    trial = asked("results/figures/profiles.png", 1).stdout.splitlines()[2]
    assert trial.startswith(f"<- scale trial 1: lr = {row['lr']:g}, ") and f"seed {row['seed']}; " in trial
    assert trial == asked("results/scale/law.json", 1).stdout.splitlines()[2]
    done = asked("results/scale/law.json", 999)
    assert done.returncode == 2 and "--trial: found 999, expected a trial of scale: 0, 1, 2" in done.stderr
    figure = "results/figures/choice.svg"
    last = int(asked(figure, 999, "--of", "select").stderr.split("… ")[1].split(";")[0])
    race = pd.read_parquet(here / "results/select/replicates.parquet")["final_loss_nats"]
    said = asked(figure, last, "--of", "select").stdout.splitlines()[2]
    assert said.startswith(f"<- select trial {last}: lr = ") and any(said.endswith(f", {loss:.4f} nats") for loss in race)
    done = asked("results/edge/edge.json", 0, "--of", "train")
    assert (
        done.returncode == 2 and "--of: found 'train', expected a stage that trains and lies before results/edge/" in done.stderr
    )
    params = here / "params.yaml"
    params.write_text(params.read_text().replace("\nseed: 0", "\nseed: 1"))
    done = asked("results/figures/final_curve.svg", 0)
    assert done.returncode == 2 and "found parameters, data or code other than train was run with" in done.stderr


def test_an_edited_table(here):
    path = here / "results/sweep_bayes/trials.parquet"
    table = pd.read_parquet(path)
    table.loc[0, "lr"] *= 2
    table.to_parquet(path)
    first, *others = found(here)
    assert (first.what, others) == ("results/sweep_bayes/trials.parquet", [])
    assert first.invalidates == BEYOND_THE_SWEEP
    done = run(here, "lrsweep", "verify", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["discrepancies"][0]["what"] == "results/sweep_bayes/trials.parquet"


def test_a_swapped_figure(here):
    figures = here / "results/figures"
    shutil.copy(figures / "curves.png", figures / "choice.png")
    (only,) = found(here)
    assert only.what == "results/figures/choice.png"
    assert only.found.endswith("the content of results/figures/curves.png")
    assert trace(figures / "choice.png", workspace(here)).intact is False


def test_a_changed_parameter(here):
    params = here / "params.yaml"
    params.write_text(params.read_text().replace("k_max: 6", "k_max: 5"))
    first, *others = found(here)
    assert str(first) == (
        "cluster.k_max: found 5 in params.yaml, expected 6, with which cluster was run; invalidates cluster, figures, report"
    )
    assert {(one.stage, one.what) for one in others} == {("figures", "cluster.k_max")}  # each figure carries its parameters
    traced = trace(here / "results/figures/clusters.svg", workspace(here))
    assert traced.command == "dvc exp run -S cluster.k_max=6 figures"


def test_changed_code_is_named_by_its_folder(here):
    (here / "src/lrsweep/report/formats.py").write_text("")
    (only,) = found(here)
    assert (only.what, only.invalidates) == ("src/lrsweep/report", ["report"])
    (here / "src/lrsweep/report/new.py").write_text("")
    assert [one.what for one in found(here)] == ["src/lrsweep/report"]


def test_changed_code_that_means_the_same_is_said_to_train_nothing(here):
    """The package of this process has no such comment: its meaning is the recorded one."""
    path = here / "src/lrsweep/trainers/trainer.py"
    path.write_text(path.read_text() + "# the end\n")
    said = {one.stage: "nothing is trained again" in one.found for one in found(here)}
    assert said == {stage: stage != "generate" for stage in (*identities(workspace(here).params), "generate")}


def change_record(here, stage, **values):
    path = here / "results" / stage / "provenance.json"
    replace(Provenance.read(path), **values).write(path)


def test_another_version_of_a_library(here):
    recorded = Provenance.read(here / "results/edge/provenance.json").libraries
    change_record(here, "edge", libraries={**recorded, "scipy": "1.0.0"})
    (only,) = found(here)
    assert (only.what, only.expected) == ("scipy", "version 1.0.0, with which edge was run")
    assert only.invalidates[:3] == ["edge", "sharpness", "sweep_bayes"]
    stage_provenance.set_stale_aside(workspace(here).stages, workspace(here).params)
    assert not (here / "results/edge/provenance.json").exists()  # so Snakemake runs it again


def test_trainings_on_another_kind_of_machine_hold_and_are_noted(here):
    was = Provenance.read(here / "results/assess/provenance.json").identity
    change_record(here, "assess", identity=replace(was, capability="NEON", digest="0" * 64))
    done = run(here, "lrsweep", "verify")
    assert done.returncode == 0
    assert f"note: assess: trained with capability NEON, torch {was.torch}, where this machine has capability" in done.stdout
    assert trace(here / "results/assess/assess.json", workspace(here)).notes
    assert "note: assess: trained with" in run(here, "lrsweep", "trace", "results/assess/assess.json").stdout


def test_trainings_of_another_identity_on_this_kind_of_machine(here):
    was = Provenance.read(here / "results/assess/provenance.json").identity
    change_record(here, "assess", identity=replace(was, digest="0" * 64))
    (only,) = found(here)
    assert (only.what, only.found) == ("identity of assess", was.digest[:12])
    assert only.invalidates == ["assess", "figures", "report"]


def test_files_of_another_run(here):
    """One file alone; and a stage's whole folder, which fits itself but not what stands before it."""
    folder = here / "results/edge"
    (folder / "edge.json").write_bytes((folder / "edge.json").read_bytes() + b"\n")
    assert [one.what for one in found(here)] == ["results/edge/edge.json"]
    params = checking.load(here / "params.yaml")
    stage = workspace(here).stages["edge"]
    (here / "results/sweep_uniform/trials.parquet").rename(here / "kept")
    (here / "results/sweep_uniform/trials.parquet").write_bytes(b"of another run")
    with stage_provenance.recording(stage, params, Results(FOLDER), lambda: None):
        pass
    (here / "kept").replace(here / "results/sweep_uniform/trials.parquet")
    first = found(here)[0]
    assert (first.stage, first.what) == ("edge", "results/sweep_uniform/trials.parquet")
    assert first.expected.endswith("which edge has read")


def test_a_lost_or_edited_record_and_a_file_of_no_stage(here):
    (here / "results/select/provenance.json").unlink()
    record = here / "results/train/provenance.json"
    record.write_text(record.read_text().replace('"seed": 0', '"seed": 1'))
    (here / "results/generate/more.jsonl").write_text("{}")
    assert [(one.stage, one.found) for one in found(here)] == [
        ("select", "no such file"),
        ("train", "a cut or edited file"),
        ("generate", "a file"),
    ]


@pytest.mark.parametrize("change", [{"more": 1}, {"outputs": None}, {"identity": {"digest": "0"}}])
def test_a_record_of_another_form_counts_as_edited(here, change):
    """Even where its digest fits."""
    path = here / "results/sharpness/provenance.json"
    body = {**read_json(path), **change}
    del body["digest"]
    write_json(path, {"digest": canonical_digest(body), **body})
    assert [(one.stage, one.found) for one in found(here)] == [("sharpness", "a cut or edited file")]


def test_a_copy_is_traced_by_its_content(here, tmp_path):
    copy = shutil.copy(here / "results/figures/choice.png", tmp_path / "slide.png")
    traced = trace(tmp_path / "slide.png", workspace(here))
    assert (traced.artifact, traced.stage, traced.intact) == ("results/figures/choice.png", "figures", True)
    assert {"corpus", "sweep_uniform", "select"} <= traced.stages.keys()
    assert "generate" not in traced.stages
    assert traced.stages["corpus"].params["seed"] == 0
    text = "\n".join(tree(traced, workspace(here), {}))
    corpus, select = traced.stages["tokenize"].inputs["results/corpus/train.txt"], traced.stages["select"].identity
    assert f"results/corpus/train.txt  {corpus[:12]}" in text and "made again by: dvc repro figures" in text
    short = f"identity {select.digest[:12]}: capability {select.capability}, torch {select.torch}, code {select.code[:12]}"
    assert short in text
    done = run(here, "lrsweep", "trace", "--json", str(copy))
    assert done.returncode == 0 and json.loads(done.stdout)["stages"]["select"]["identity"]["digest"] == select.digest


def test_what_no_stage_has_written_is_refused(here, tmp_path):
    (tmp_path / "other.csv").write_text("1")
    with pytest.raises(UserError, match="expected that of a recorded artifact"):
        trace(tmp_path / "other.csv", workspace(here))
    with pytest.raises(UserError, match="no such file"):
        trace(tmp_path / "none.csv", workspace(here))


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_a_figure_of_another_run_says_what_it_is(here, tmp_path, kind):
    from matplotlib.figure import Figure

    lineage = {"figure": "choice", "stage": "select", "parameters": {"seed": 7}, "inputs": {"results/x.json": "0" * 64}}
    path = tmp_path / f"slide.{kind}"
    Figure().savefig(path, metadata={"Title": "choice", "Description": json.dumps(lineage)})
    assert carried(path.read_bytes()) == lineage
    with pytest.raises(UserError, match=r"figure choice of stage select.*made from other results/x\.json"):
        trace(path, workspace(here))


def test_a_stale_record_is_set_aside_and_comes_back(here):
    path, text = here / "results/cluster/provenance.json", (here / "params.yaml").read_text()
    stages = workspace(here).stages
    for changed in ("k_max: 5", "k_max: 6"):
        (here / "params.yaml").write_text(text.replace("k_max: 6", changed))
        stage_provenance.set_stale_aside(stages, checking.load(here / "params.yaml"))
        gone = [stage.name for stage in stages.values() if not (here / stage.provenance).exists()]
        assert gone == (["cluster", "figures"] if changed == "k_max: 5" else [])
    path.rename(path.with_name(".provenance.json"))
    (here / "results/cluster/clusters.json").write_text("{}")
    stage_provenance.put_back(stages)
    assert not path.exists()  # the artifacts are others by now
