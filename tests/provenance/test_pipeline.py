"""dvc.yaml read once: the code that each stage depends on, the order of the stages, and what a change runs again."""

import grimp
import pytest

from lrsweep.provenance import pipeline
from lrsweep.runner.catalogue import STUDIES
from tests.pipeline import ROOT

DECLARED = pipeline.load(ROOT / "dvc.yaml")
# settings count by their values, the others decide no value
UNCOUNTED = {"addresses", "config", "errors", "experiments", "files", "section", "settings", "terminal"}
ALL_KEYS = {"params.yaml", "src/lrsweep/config"}  # the deps of `check`, which holds every key against the schema


@pytest.fixture(scope="module")
def imports():
    """The imports of the package between the modules that count."""
    graph = grimp.build_graph("lrsweep", cache_dir=None)
    for module in graph.modules:
        if UNCOUNTED & set(module.split(".")):
            graph.remove_module(module)
    return graph


def place(module):
    """The dep that a module belongs to: the folder of its room, or its own file where it is a stage or in no room."""
    names = module.split(".")[1:]
    path = "/".join(["src/lrsweep", *(names if names[0] == "stages" else names[:1])])
    return path if (ROOT / path).is_dir() else f"{path}.py"


@pytest.mark.parametrize("stage", DECLARED)
def test_the_code_of_a_stage_is_the_rooms_that_it_imports(stage, imports):
    root = f"lrsweep.stages.{stage}"
    expected = {place(module) for module in {root, *imports.find_upstream_modules(root)}}
    assert set(DECLARED[stage].code) == expected | (ALL_KEYS if stage == "check" else set())


def test_the_stages_that_train_are_snakemakes_and_may_start_workers():
    started = {name: f"snakemake --cores all --allowed-rules {name} work -- {DECLARED[name].provenance}" for name in STUDIES}
    plain = {name: f"lrsweep {name}" for name in DECLARED.keys() - started.keys()}
    assert {name: stage.command for name, stage in DECLARED.items()} == started | plain


def test_another_value_runs_its_readers_and_what_follows():
    assert pipeline.rerun(DECLARED, "generate.top_p") == ["generate", "report"]
    assert pipeline.rerun(DECLARED, "select") == ["select", "scale", "ablate", "train", "generate", "figures", "report"]
    assert pipeline.rerun(DECLARED, "execution.workers") == []
