"""dvc.yaml lists what each stage imports, and a study's folder follows what its trials depend on and nothing else."""

from pathlib import Path

import pytest
import yaml
from lrsweep.provenance.lineage import PACKAGE, context, current_records, modules, started, study_folder

from lrsweep import files
from lrsweep.config import checking
from lrsweep.store import artifacts

ROOT = Path(__file__).parents[2]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PARAMS = checking.load(ROOT / "params.yaml")


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_the_imports_of_the_stage(stage):
    """cli.py is left out: it reads words and maps errors to exit codes, and no artifact depends on it."""
    name = "gather" if stage.startswith("sweep") else stage
    imported = {f"src/lrsweep/{path.relative_to(PACKAGE)}" for path in modules(f"lrsweep.stages.{name}")}
    listed = {dep for dep in STAGES[stage]["deps"] if dep.startswith("src/") and dep.endswith(".py")}
    assert listed == imported


def changed(section, **values):
    return PARAMS.model_copy(update={section: getattr(PARAMS, section).model_copy(update=values)})


def test_more_trials_stay_in_the_folder():
    for stage in ("sweep_uniform", "sweep_bayes"):
        other = changed(stage, trials=200)
        assert study_folder(stage, other) == study_folder(stage, PARAMS), stage


@pytest.mark.parametrize("stage", ["sweep_uniform", "sweep_bayes", "assess", "select"])
def test_another_seed_or_model_is_another_folder(stage):
    others = [PARAMS.model_copy(update={"seed": 1}), changed("model", d_model=128), changed("optimizer", eps=1e-6)]
    assert len({study_folder(stage, p) for p in [PARAMS, *others]}) == 4


def test_analysis_and_execution_train_nothing_again():
    for other in (changed("execution", trials_per_job=1), changed("cluster", k_max=3), changed("generate", max_tokens=5)):
        assert study_folder("sweep_bayes", other) == study_folder("sweep_bayes", PARAMS)


def test_phase_2_depends_on_phase_1_through_the_lr_range_alone():
    more = (changed("sweep_uniform", trials=30), changed("sweep_uniform", steps=400), changed("edge", bins=50))
    for stage in ("sweep_bayes", "assess", "select"):
        assert {study_folder(stage, other) for other in more} == {study_folder(stage, PARAMS)}
    for stage in ("assess", "select"):  # of phase 2 they take its trials, and train as long
        assert study_folder(stage, changed("sweep_bayes", trials=80)) == study_folder(stage, PARAMS)
        assert study_folder(stage, changed("sweep_bayes", steps=600)) != study_folder(stage, PARAMS)


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LRSWEEP_WORK", raising=False)
    artifacts.write_json(tmp_path / "results/tokenize/tokens.json", {"train": {"sha256": "a"}})
    write_edge(tmp_path, 0.1)
    return tmp_path


def write_edge(folder, high, **more):
    artifacts.write_json(folder / "results/edge/edge.json", {"lr_range": {"min": 0.01, "max": high, "scale": "log"}, **more})


def test_the_context_is_what_the_stages_before_have_found(results):
    study = study_folder("sweep_bayes", PARAMS)
    found = context(study, PARAMS)
    write_edge(results, 0.1, edge_high_lr=0.07)
    assert context(study, PARAMS) == found
    write_edge(results, 0.2)
    assert context(study, PARAMS) != found
    fixed = changed("sweep_bayes", lr=Range(min=0.01, max=0.1, scale="log"))
    assert context(study_folder("sweep_bayes", fixed), fixed) == found
    write_edge(results, 0.1)
    artifacts.write_json(results / "results/tokenize/tokens.json", {"train": {"sha256": "b"}})
    assert context(study, PARAMS) != found
    race = study_folder("select", PARAMS)
    assert current_records(race, PARAMS) is None  # phase 2 has not run
    table = results / "results/sweep_bayes/trials.parquet"
    files.write_bytes(table, b"one")
    one = current_records(race, PARAMS)
    files.write_bytes(table, b"two")
    assert one and current_records(race, PARAMS) not in (None, one)


def test_a_study_that_runs_elsewhere_is_found(results):
    study = study_folder("sweep_bayes", PARAMS)
    here = current_records(study, PARAMS)
    assert started(study, PARAMS) == []
    files.append_line(here / "events.jsonl", "{}")
    assert started(study, PARAMS) == [here]
    write_edge(results, 0.2)
    assert started(study, PARAMS) == []  # this workspace is at another range
    (results / "results/edge/edge.json").unlink()
    assert started(study, PARAMS) == [here]
