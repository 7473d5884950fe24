"""W&B on a tiny study: what is tracked is read back to the value, agents train our trials, and imports give the same tables."""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import wandb
import yaml

from lrsweep.cli import wandb as wandb_commands
from lrsweep.config import checking
from lrsweep.errors import UserError
from lrsweep.runner.catalogue import study_of
from lrsweep.runner.trainer import default_values, make_trainer
from lrsweep.search import study
from lrsweep.search.curve import Curve, follow
from lrsweep.search.evals import eval_rows
from lrsweep.search.settings import Imported
from lrsweep.search.trial import Proposal, Record
from lrsweep.stages import estimate, sweep_uniform, track
from lrsweep.store import records
from lrsweep.tracking import agent, histories, importing, transaction_log
from lrsweep.tracking import runs as tracking
from lrsweep.tracking.sources import SOURCES
from tests.pipeline import ROOT, clone, run
from tests.wandb_project import (
    STAGES,
    TABLES,
    as_csv,
    as_json,
    here,
    import_of,
    logs,
    lrsweep,
    parsed,
    tables,
    trained,
    with_imports,
)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with trained(tmp_path_factory.mktemp("project")) as params:
        yield params


@pytest.mark.parametrize("stage", TABLES)
def test_a_tracked_run_holds_its_trial_to_the_value(project, stage):
    found, section = list(study_of(stage, project, here()).found()), getattr(project, stage)
    assert len(logs(stage)) == len(found) == section.trials
    for log, (record, path) in zip(logs(stage), found, strict=True):
        logged, curve = transaction_log.read(log), records.load_curve(path)
        rows = {row["step"]: row for row in logged.rows}
        assert list(rows) == list(range(record.steps + 1)) == [row["_step"] for row in logged.rows]
        for point, row in zip(record.evals, eval_rows(record, project.sweep_bayes.metric), strict=True):
            there = {key.removeprefix("eval/"): value for key, value in rows[point.step].items() if key.startswith("eval/")}
            assert there == {key: row[key] for key in row if key not in ("trial", "step", "lr") and row[key] is not None}
            assert rows[point.step]["lr"] == point.lr
        for step in range(1, record.steps + 1):
            assert rows[step]["train/grad_norm"] == curve["grad_norm"][step - 1]
            assert rows[step]["train/loss_nats"] == curve["loss_nats"][step - 1]
        counted = [row["step"] for row in logged.rows if tracking.STEERING in row]
        assert counted == [point.step for point in record.evals if point.step]
        expected = {"state": record.state, "steps": record.steps, "trial": record.trial, "seed": str(record.seed)}
        assert {key: logged.config[key] for key in (*expected, *record.proposal.values)} == {**expected, **record.proposal.values}


def test_runs_are_grouped_by_study_and_drawn_over_steps(project):
    groups = set()
    for log in logs("sweep_bayes"):
        entries = parsed(log)
        (head,) = (entry.run for entry in entries if entry.WhichOneof("record_type") == "run")
        assert head.job_type == "sweep_bayes" and head.project == "lrsweep"
        groups.add(head.run_group)
        metrics = [entry.metric for entry in entries if entry.WhichOneof("record_type") == "metric"]
        assert [(metric.glob_name, metric.step_metric) for metric in metrics if metric.step_metric] == [("*", "step")]
    assert len(groups) == 1


def test_a_run_is_made_once(project):
    before = logs("*")
    lrsweep("track")
    assert logs("*") == before
    assert len(Path("work/tracked.log").read_text().splitlines()) == len(before)


def test_wandb_sync_finds_the_runs(project):
    done = run(Path.cwd(), "wandb", "sync", "--dry-run", "--verbose")
    assert [str(log) for log in logs("sweep_*") if str(log) not in done.stderr + done.stdout] == []


def test_a_tracker_that_breaks_warns_once_and_changes_nothing(project, monkeypatch, capfd, tmp_path):
    log, before = Path("work/tracked.log"), tables("sweep_uniform")
    known = log.read_text()
    log.unlink()
    (tmp_path / "file").touch()
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "file"))  # nothing can be written below a file
    lrsweep("sweep_uniform")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "full"))
    (tmp_path / "full").mkdir()
    ends = wandb.teardown

    def teardown():
        ends()
        made = sorted((tmp_path / "full").rglob("run-*.wandb"))[-1]
        made.write_bytes(made.read_bytes()[:-40])  # as a full disk leaves it

    monkeypatch.setattr(wandb, "teardown", teardown)
    lrsweep("sweep_uniform")
    first, second = (line for line in capfd.readouterr().err.splitlines() if "lrsweep: " in line)
    assert "warning: sweep_uniform is not tracked any further: [Errno" in first
    assert "00005.wandb: " in second and second.endswith("`lrsweep track` makes the missing runs later")
    assert len(log.read_text().splitlines()) == 5 and "00005" not in log.read_text()
    log.write_text(known)
    assert tables("sweep_uniform") == before


def test_online_without_a_key_is_one_line(project, monkeypatch):
    text = Path("params.yaml").read_text()
    Path("online.yaml").write_text(text.replace("tracking: offline", "tracking: online"))
    online = checking.load(Path("online.yaml"))
    with pytest.raises(UserError, match=r"^execution.tracking: found 'online' and no API key for W&B, expected .*; give it, or"):
        wandb_commands.before(online)
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    wandb_commands.before(online)


def test_no_result_depends_on_tracking(project):
    stages = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
    code = f"import sys; {'; '.join(f'import lrsweep.stages.{stage}' for stage in stages)}"
    done = run(
        Path.cwd(), sys.executable, "-c", f"{code}; sys.exit('lrsweep.tracking' in sys.modules)", PYTHONPATH=str(ROOT / "src")
    )
    assert done.returncode == 0, done.stderr
    other = project.model_copy(update={"execution": project.execution.model_copy(update={"tracking": "disabled"})})
    assert study_of("sweep_bayes", other, here()).identity == study_of("sweep_bayes", project, here()).identity
    assert track.params_digest(other) == track.params_digest(project)


def test_the_exported_program_trains_a_trial_as_an_agent_starts_it(project, monkeypatch, tmp_path):
    """wandb's own agent makes the environment and the arguments; only its server is left out."""
    from wandb.wandb_agent import Agent

    for name, value in {"WANDB_MODE": "offline", "WANDB_SWEEP_ID": "s1", "WANDB_DIR": str(tmp_path), "WANDB_RUN_ID": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", "")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    lrsweep("export", "wandb", "exported")
    config = yaml.safe_load(Path("exported/sweep_uniform.yaml").read_text())
    assert config["parameters"].keys() == {"lr"}
    values = {"lr": 0.0123456789}
    started = Agent(api=None, queue=None, sweep_id="s1")
    started._sweep_command = config["command"]
    arguments = {name: {"value": value} for name, value in values.items()}
    started._command_run({"type": "run", "run_id": "r1", "program": config["program"], "args": arguments})
    assert started._run_processes["r1"].wait(timeout=120) == 0

    (trial,) = importing.convert(histories.read(SOURCES["wandb"], [tmp_path], []), *import_of(project, "sweep_uniform")).trials
    seed, curve = agent.trial_seed(project, "sweep_uniform", values), Curve()
    ours = make_trainer(project, here(), "").start(values, seed, project.sweep_uniform)
    follow(ours.observe(project.sweep_uniform.steps), curve, lambda *_: None)
    record = Record("", Proposal.known(0, values, ""), seed, curve.state, curve.last_step, tuple(curve.evals), ())
    metric = project.sweep_bayes.metric
    assert study.trial_row(trial.record, metric, None) == study.trial_row(record, metric, None)
    assert list(eval_rows(trial.record, metric)) == list(eval_rows(record, metric))
    for name, values in curve.steps.items():
        np.testing.assert_array_equal(trial.curve[name], values)


@pytest.mark.parametrize("form", ["json", "csv", "folders"])
@pytest.mark.parametrize("stage", TABLES)
def test_what_was_tracked_is_imported_as_the_same_tables(project, stage, form, tmp_path, capsys):
    source = tmp_path / f"runs.{form}"
    if form == "folders":
        sources = [log.parent for log in logs(stage)]
    else:
        (as_json if form == "json" else as_csv)(stage, source)
        sources = [source]
    before = tables(stage)
    lrsweep("import", "wandb", stage, *map(str, sources), "--into", str(tmp_path / "imported"))
    said = yaml.safe_load(capsys.readouterr().out)
    section = getattr(project, stage).model_copy(update={"imported": Imported(**said[stage]["imported"])})
    try:
        STAGES[stage].run(project.model_copy(update={stage: section}), here())
        assert tables(stage) == before
    finally:
        STAGES[stage].run(project, here())


def test_the_report_is_made_of_imported_studies_and_tracked_as_an_artifact(project, tmp_path):
    text = Path("params.yaml").read_text()
    p = with_imports(project, tmp_path)
    try:
        Path("params.yaml").write_text(yaml.safe_dump(p.model_dump(mode="json")))
        for stage in list(yaml.safe_load(Path("dvc.yaml").read_text())["stages"])[2:]:
            lrsweep(stage)
    finally:
        Path("params.yaml").write_text(text)
    assert here().read_json("assess/assess.json")["audit"]["audited"] == 0
    said = f"Phase 1 was not trained here; it is imported: {project.sweep_uniform.trials} runs from offline-run"
    assert said in Path("results/report/index.html").read_text()
    told = estimate.run(p, here(), 3)
    assert "sweep" not in told and "assess" not in told and "select" in told
    assert len(logs("select")) == len(here().read_table("select/replicates.parquet"))
    configs = [transaction_log.read(log).config for log in logs("ablate")]
    profiles = here().read_table("ablate/profiles.parquet").to_dict("records")
    named = sorted((row["variant"], row["purpose"], row["lr"]) for row in profiles)
    assert sorted((one["variant"], one["purpose"], one["lr"]) for one in configs) == named
    assert sorted(transaction_log.read(log).config["steps"] for log in logs("scale")) == [10] * 4 + [20] * 4
    rows = transaction_log.read(*logs("train")).rows
    final = here().read_json("train/metrics.json")
    assert rows[-1]["step"] == final["steps"] and rows[-1]["eval/loss_nats"] == final["final_loss_nats"]
    (artifact,) = (entry.artifact for entry in parsed(*logs("report")) if entry.WhichOneof("record_type") == "artifact")
    paths = {entry.path for entry in artifact.manifest.contents}
    assert {"select/choice.json", "report/index.html", "figures/curves.svg"} <= paths
    assert json.loads(artifact.metadata)["params_sha256"] == track.params_digest(p)


def test_snakemake_trains_no_trial_of_an_imported_study(project, tmp_path):
    p, folder = with_imports(project, tmp_path), clone(tmp_path / "project")
    tree = yaml.safe_load((folder / "params.yaml").read_text())
    for stage in TABLES:
        tree[stage]["imported"] = getattr(p, stage).imported.model_dump()
    (folder / "params.yaml").write_text(yaml.safe_dump(tree))
    done = run(folder, "snakemake", "-n", "--cores", "1", "results/assess/assess.json", "results/cluster/clusters.json")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "sweep_bayes" in done.stdout and "work/sweep" not in done.stdout and "stage=sweep" not in done.stdout
    (tmp_path / "sweep_bayes/import.json").write_text("{}")
    done = run(folder, "snakemake", "-n", "--cores", "1")
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("lrsweep: "))
    assert done.returncode == 2 and "sweep_bayes.imported.sha256: found" in line


def test_an_import_that_was_changed_or_belongs_elsewhere_is_refused(project, tmp_path):
    p = with_imports(project, tmp_path)
    longer = p.model_copy(update={"sweep_uniform": p.sweep_uniform.model_copy(update={"steps": 40})})
    with pytest.raises(UserError, match=r"made for sweep_uniform.steps 20, params.yaml says 40"):
        sweep_uniform.run(longer, here())
    (record,) = tmp_path.glob("sweep_uniform/000/00003.json")
    record.write_text(record.read_text().replace("COMPLETE", "DIVERGED"))
    with pytest.raises(UserError, match=r"00003.json: found other content than was imported"):
        sweep_uniform.run(p, here())


class Stopping:
    """A trainer whose runs are stopped after step 12, by a signal as W&B sends it."""

    def __init__(self, trainer):
        self.trainer = trainer

    def start(self, *arguments):
        self.run = self.trainer.start(*arguments)
        return self

    def observe(self, until):
        for seen in self.run.observe(until):
            yield seen
            if seen.step == 12:
                os.kill(os.getpid(), signal.SIGTERM)


def test_the_stop_of_an_agent_ends_a_trial_well(project, monkeypatch, tmp_path):
    """W&B's early_terminate is a SIGTERM: the run ends as PRUNED, with what it had."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    trainer = make_trainer(project, here(), "")
    handler = agent.signal.getsignal(agent.signal.SIGTERM)
    try:
        agent.run_trial(project, Stopping(trainer), "sweep_bayes", default_values(project))
    finally:
        agent.signal.signal(agent.signal.SIGTERM, handler)
    wandb.teardown()
    (trial,) = importing.convert(histories.read(SOURCES["wandb"], [tmp_path], []), *import_of(project, "sweep_bayes")).trials
    assert (trial.record.state, trial.record.steps) == ("PRUNED", 12)
    assert [(point.rung, point.stopped) for point in trial.record.rungs] == [(10, True)]
