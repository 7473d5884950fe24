"""The committed dvc.lock and docs/run are those of the current parameters and of what the current code means."""

import hashlib
import shutil

import pytest
from ruamel.yaml import YAML

from lrsweep.cli.identities import identities
from lrsweep.config import checking
from lrsweep.provenance import pipeline, recording
from lrsweep.provenance.recording import Provenance
from lrsweep.store.results import read_json
from tests import recorded
from tests.recorded import KEPT, ROOT

DECLARED = pipeline.load(ROOT / "dvc.yaml")
LOCK = ROOT / "dvc.lock"
PARAMS = checking.load(ROOT / "params.yaml")
AGAIN = "\nThe recorded run is of before this change. Commit code, dvc.yaml and params.yaml, call `make record-run`, then commit "
AGAIN += "dvc.lock and docs/run, and put the new numbers and figure into README.md."

pytestmark = pytest.mark.skipif(
    not LOCK.exists(), reason="no run of the current stages is recorded (no dvc.lock): make record-run"
)


@pytest.fixture(scope="module")
def locked():
    return YAML(typ="safe", pure=True).load(LOCK)["stages"]  # YAML 1.2, as DVC writes it: 1e-08 is a number there


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The small results, where the identities of trainings are worked out from them."""
    shutil.copytree(KEPT, tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


def test_it_has_the_stages_and_commands_of_dvc_yaml(locked):
    commands = {name: stage.command for name, stage in DECLARED.items()}
    assert {name: stage["cmd"] for name, stage in locked.items()} == commands, AGAIN


@pytest.mark.parametrize("name", DECLARED)
def test_its_stages_have_the_deps_and_outs_of_dvc_yaml(locked, name):
    for kind in ("deps", "outs"):
        assert {entry["path"] for entry in locked[name][kind]} == set(getattr(DECLARED[name], kind)), AGAIN


@pytest.mark.parametrize("name", DECLARED)
def test_its_parameters_are_the_current_ones(locked, name):
    now = DECLARED[name].values(PARAMS)
    assert locked[name].get("params", {"params.yaml": {}})["params.yaml"] == now, AGAIN


@pytest.mark.parametrize("name", DECLARED)
def test_its_code_means_the_same(name):
    assert read_json(KEPT / recorded.CODE)[name] == recorded.code()[name], AGAIN


@pytest.mark.parametrize("name", identities(PARAMS))
def test_its_trainings_depend_on_what_they_would_depend_on_now(kept, name):
    """On a machine of another kind the digest is another, and only the code can be held."""
    was, now = Provenance.read(kept / name / "provenance.json"), identities(PARAMS)[name]
    assert was.libraries == recording.libraries(), AGAIN
    assert was.identity.code == now.code, AGAIN
    assert was.identity.machine != now.machine or was.identity == now, AGAIN


def test_each_stage_has_read_what_the_stages_before_have_written(locked):
    written = {out["path"]: out["md5"] for stage in locked.values() for out in stage["outs"]}
    read = {dep["path"]: dep["md5"] for stage in locked.values() for dep in stage["deps"] if dep["path"] in written}
    assert [path for path, digest in read.items() if written[path] != digest] == []


def test_the_small_results_are_those_of_the_run(locked):
    written = {out["path"]: out["md5"] for stage in locked.values() for out in stage["outs"]}
    digests = {f"results/{name}": hashlib.md5((KEPT / name).read_bytes()).hexdigest() for name in recorded.RESULTS}
    assert [path for path, digest in digests.items() if written[path] != digest] == [], AGAIN
