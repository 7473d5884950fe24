"""One run of the tiny pipeline for all tests that only look at it, whichever worker they are on."""

import fcntl
import os
import shutil

import pytest
from hypothesis import settings

from lrsweep.runner import premise
from tests.pipeline import clone, run

# The same examples on every run, and no limit on the time of one: a loaded machine fails no test. New ones are looked for with
# pytest --hypothesis-profile=search
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("search", derandomize=False, deadline=None, max_examples=1000)
settings.load_profile("fixed")


def pytest_collection_modifyitems(items):
    """Begin with the files that run the pipeline for real, which take longest, so that no process ends alone with one of them."""
    long = {item.module for item in items if "tiny_run" in item.fixturenames or hasattr(item.module, "configured")}
    items.sort(key=lambda item: item.module not in long)


@pytest.fixture(autouse=True)
def _no_run_has_begun():
    """What a command in this process began with is nothing to the next one."""
    os.environ.pop(premise.VARIABLE, None)
    yield
    os.environ.pop(premise.VARIABLE, None)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """The folder of a finished run; a test that changes anything copies it first (see `finished`)."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder, done = root / "tiny" / "project", root / "tiny.done"
    with (root / "tiny.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder.parent, ignore_errors=True)
            ran = run(clone(folder), "snakemake", "--cores", "2")
            assert ran.returncode == 0, ran.stderr[-4000:]
            done.touch()
    return folder


@pytest.fixture(scope="module")
def finished(tiny_run, tmp_path_factory):
    """A copy of the finished run for the tests of one file."""
    target = tmp_path_factory.mktemp("tiny") / "project"
    return shutil.copytree(tiny_run, target, ignore=shutil.ignore_patterns("*.sock"))  # the fork server's, which may still run
