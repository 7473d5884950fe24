"""The committed dvc.lock and docs/run are those of the current dvc.yaml, parameters and code."""

import hashlib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from lrsweep.config import checking
from lrsweep.provenance import pipeline

ROOT = Path(__file__).parents[2]
DECLARED = pipeline.load(ROOT / "dvc.yaml")
LOCK = ROOT / "dvc.lock"
COPIES = sorted(path for path in (ROOT / "docs/run").rglob("*") if path.is_file())
AGAIN = "\nThe recorded run is of before this change. Commit code, dvc.yaml and params.yaml, call `make record-run`, then commit "
AGAIN += "dvc.lock and docs/run, and put the new numbers and figure into README.md."

pytestmark = pytest.mark.skipif(not LOCK.exists(), reason="no default run is recorded yet: make record-run")


@pytest.fixture(scope="module")
def locked():
    return YAML(typ="safe", pure=True).load(LOCK)["stages"]  # YAML 1.2, as DVC writes it: 1e-08 is a number there


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_it_has_the_stages_and_commands_of_dvc_yaml(locked):
    assert {name: stage["cmd"] for name, stage in locked.items()} == {name: stage.command for name, stage in DECLARED.items()}, (
        AGAIN
    )


@pytest.mark.parametrize("name", DECLARED)
def test_its_stages_have_the_deps_and_outs_of_dvc_yaml(locked, name):
    for kind in ("deps", "outs"):
        assert {entry["path"] for entry in locked[name][kind]} == set(getattr(DECLARED[name], kind)), AGAIN


@pytest.mark.parametrize("name", DECLARED)
def test_its_parameters_are_the_current_ones(locked, name):
    now = DECLARED[name].values(checking.load(ROOT / "params.yaml"))
    assert locked[name].get("params", {"params.yaml": {}})["params.yaml"] == now, AGAIN


@pytest.mark.parametrize("name", DECLARED)
def test_its_code_is_the_current_one(locked, name):
    code = [path for path in DECLARED[name].code if path != "params.yaml"]  # a dep of `check`, comments and all
    recorded = {dep["path"]: dep["md5"] for dep in locked[name]["deps"]}
    assert [path for path in code if recorded.get(path) != md5(ROOT / path)] == [], AGAIN


def test_each_stage_has_read_what_the_stages_before_have_written(locked):
    written = {out["path"]: out["md5"] for stage in locked.values() for out in stage["outs"]}
    read = {dep["path"]: dep["md5"] for stage in locked.values() for dep in stage["deps"] if dep["path"] in written}
    assert [path for path, digest in read.items() if written[path] != digest] == []


def test_the_small_results_are_those_of_the_run(locked):
    written = {out["path"]: out["md5"] for stage in locked.values() for out in stage["outs"]}
    assert COPIES, "docs/run is empty: " + AGAIN
    names = {path: f"results/{path.relative_to(ROOT / 'docs/run').as_posix()}" for path in COPIES}
    assert [name for path, name in names.items() if written[name] != md5(path)] == [], AGAIN
