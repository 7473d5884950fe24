"""The committed dvc.lock and docs/run are those of the current parameters and code."""

import hashlib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from lrsweep.pipeline import value_at

ROOT = Path(__file__).parents[1]
READ = YAML(typ="safe", pure=True)  # YAML 1.2, as DVC reads and writes: 1e-08 is a number there
DECLARED = READ.load(ROOT / "dvc.yaml")["stages"]
LOCK = ROOT / "dvc.lock"
COPIES = sorted(path for path in (ROOT / "docs/run").rglob("*") if path.is_file())
AGAIN = "make record-run makes it again"

pytestmark = pytest.mark.skipif(not LOCK.exists(), reason="no default run is recorded yet: make record-run")


@pytest.fixture(scope="module")
def locked():
    return READ.load(LOCK)["stages"]


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def is_code(path):
    return path.startswith("src/") or path in ("Snakefile", "workflow/rules/study.smk")


def test_it_has_the_stages_and_commands_of_dvc_yaml(locked):
    assert {name: stage["cmd"] for name, stage in locked.items()} == {name: stage["cmd"] for name, stage in DECLARED.items()}


@pytest.mark.parametrize("stage", DECLARED)
def test_its_parameters_are_the_current_ones(locked, stage):
    tree = READ.load(ROOT / "params.yaml")
    now = {key: value_at(tree, key) for key in DECLARED[stage].get("params", [])}
    assert locked[stage].get("params", {"params.yaml": {}})["params.yaml"] == now, AGAIN


@pytest.mark.parametrize("stage", DECLARED)
def test_its_code_is_the_current_one(locked, stage):
    recorded = {dep["path"]: dep["md5"] for dep in locked[stage]["deps"] if is_code(dep["path"])}
    now = {path: md5(ROOT / path) for path in DECLARED[stage]["deps"] if is_code(path)}
    changed = sorted(path for path in recorded.keys() | now.keys() if recorded.get(path) != now.get(path))
    assert changed == [], AGAIN


def test_each_stage_has_read_what_the_stages_before_have_written(locked):
    written = {out["path"]: out["md5"] for stage in locked.values() for out in stage["outs"]}
    read = {dep["path"]: dep["md5"] for stage in locked.values() for dep in stage["deps"] if dep["path"] in written}
    assert [path for path, digest in read.items() if written[path] != digest] == []


def test_the_small_results_are_those_of_the_run(locked):
    written = {out["path"]: out["md5"] for stage in locked.values() for out in stage["outs"]}
    assert COPIES, "docs/run is empty: " + AGAIN
    names = {path: f"results/{path.relative_to(ROOT / 'docs/run').as_posix()}" for path in COPIES}
    assert [name for path, name in names.items() if written[name] != md5(path)] == [], AGAIN
