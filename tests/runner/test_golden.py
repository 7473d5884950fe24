"""A few steps and a few proposals, number for number: what no digest of code can see.

Where this fails and the change was meant, raise identity.RESULTS, so that nothing that was trained before passes for trained
today, and write the numbers anew: python -m tests.runner.test_golden
"""

import json
from pathlib import Path

import pytest

from lrsweep.runner import identity
from lrsweep.search.proposing import propose
from lrsweep.trainers.devices import capability
from lrsweep.trainers.trainer import Step
from tests.pipeline import ROOT
from tests.search.studies import SECTION, SPACE, record
from tests.trainers.builtin.tiny import start

FIXTURE = ROOT / "tests/fixtures/golden.json"
NEAR = 1e-4  # of numbers on another kind of CPU, whose last digits differ and add up


def trained() -> dict[str, list[float]]:
    """Losses and gradient norms of tiny runs, each with another part of the trainer."""
    runs = {"adamw": {}, "muon": {"optimizer": "muon"}, "wsd": {"schedule": "wsd"}, "silu": {"ffn": "silu", "norm": "post"}}
    found = {}
    for name, values in runs.items():
        seen = list(start(**values).observe(10))
        found[name] = [number for one in seen for number in (one[2:] if isinstance(one, Step) else [one.loss_nats])]
    return found


def proposed() -> list[dict]:
    """The first proposals of a study: Sobol, and ours after a block of records."""
    told = [record(i, "COMPLETE", [3 + 0.3 * (i - 4) ** 2] * 30, 10 ** (-4 + 0.35 * i)) for i in range(8)]
    told += [record(8 + i, "PRUNED", [5.0 + i / 10] * 4, 3e-4 * (i + 1)) for i in range(4)]
    first = [propose([], [], k, SECTION, SPACE, 0) for k in range(3)]
    ours = [propose(told[: 8 + i], first[:i], 16 + i, SECTION, SPACE, 0) for i in range(4)]
    return [dict(one.values) for one in (*first, *ours)]


@pytest.fixture(scope="module")
def golden():
    return json.loads(FIXTURE.read_text())


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_the_numbers_are_those_of_this_generation(golden):
    assert golden["results"] == identity.RESULTS, "write the fixture anew with the raised number"


def test_training_gives_the_same_numbers(golden):
    """To the bit on the same kind of CPU, but for Muon: its products in bfloat16 may go to other units there (AMX)."""
    for name, numbers in trained().items():
        same = golden["capability"] == capability("cpu") and name != "muon"
        assert numbers == (golden["trained"][name] if same else pytest.approx(golden["trained"][name], rel=NEAR)), name


def test_proposals_are_the_same(golden):
    for found, expected in zip(proposed(), golden["proposed"], strict=True):
        assert found == pytest.approx(expected, rel=NEAR)


if __name__ == "__main__":
    content = {"results": identity.RESULTS, "capability": capability("cpu"), "trained": trained(), "proposed": proposed()}
    Path(FIXTURE).write_text(json.dumps(content, indent=1) + "\n")
