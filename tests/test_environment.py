"""The locks: one version of each package, with digests of what may be installed, and torch apart."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CPU = "workflow/envs/torch-cpu.txt"
LOCKS = ("requirements.lock", "requirements-torch.lock", "requirements-test.lock", CPU)


def pins(name):
    """The versions in a lock by their packages with the markers, and how many digests each has."""
    text = "\n".join(line.split(" #")[0] for line in (ROOT / name).read_text().splitlines() if not line.startswith("#"))
    found = {}
    for line in text.replace("\\\n", " ").splitlines():
        requirement, *digests = line.split("--hash=")
        package, _, version = requirement.strip().partition("==")
        package = package.partition("[")[0]
        number, _, marker = version.partition(" ; ")
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", digest) for digest in digests), line
        found[package, marker] = number.strip(), len(digests)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_a_version_and_digests_and_no_address(name):
    assert all(version and digests for version, digests in pins(name).values())
    assert not any(package.startswith("-") or "@" in package for package, _ in pins(name))
    assert "//" not in (ROOT / name).read_text()


def test_the_locks_agree_and_torch_stands_in_one():
    lock, torch, test, cpu = map(pins, LOCKS)
    assert lock.items() <= test.items()
    names = {package for package, _ in test}
    assert not names & {package for package, _ in torch} and "torch" not in names
    assert torch["torch", ""][0] == cpu["torch", ""][0] == "2.13.0"


def test_torch_brings_nothing_but_cuda_that_is_not_in_the_lock():
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    needed = {Requirement(text).name for text in requires("torch") or () if "extra ==" not in text}
    known = {package for package, _ in (*pins(LOCKS[0]), *pins(LOCKS[1]))}
    assert needed and needed <= known


def test_conda_has_the_pythons_of_the_project():
    packages = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"python {project['requires-python']}" in packages
