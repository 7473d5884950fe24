"""The examples in docstrings: each gives what stands there."""

import doctest
from importlib import import_module

import pytest

from tests.pipeline import ROOT

SRC = ROOT / "src"
WITH_EXAMPLES = [
    ".".join(path.relative_to(SRC).with_suffix("").parts) for path in sorted(SRC.rglob("*.py")) if ">>> " in path.read_text()
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_hold(name):
    found = doctest.testmod(import_module(name))
    assert found.attempted and not found.failed
