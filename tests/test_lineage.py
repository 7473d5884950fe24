"""dvc.yaml lists what each stage imports, and a study's folder follows what its trials depend on and nothing else."""

from pathlib import Path

import pytest
import yaml

from lrsweep import checking
from lrsweep.lineage import PACKAGE, modules, study_folder

ROOT = Path(__file__).parents[1]
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
