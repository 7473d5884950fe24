"""environment.yml and requirements.lock name the same versions, and the lock is free of local versions."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def pins(lines):
    return {name.strip(): rest.split(";")[0].strip() for name, _, rest in (line.partition("==") for line in lines) if rest}


LOCK = pins((ROOT / "requirements.lock").read_text().splitlines())


def test_conda_users_get_the_same_versions():
    packages = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    found = pins(packages)
    assert {"dvc", "snakemake", "torch", "pandas", "matplotlib", "wandb", "scikit-learn"} <= set(found)
    assert found == {name: LOCK[name] for name in found}
    assert "-r requirements.lock" in packages


def test_torch_has_no_local_version():
    assert LOCK["torch"] == "2.13.0"


def test_the_locks_agree():
    test_lock = pins((ROOT / "requirements-test.lock").read_text().splitlines())
    assert {name: test_lock[name] for name in LOCK} == LOCK
