"""Exported sweeps against what W&B's own engine said of them (tests/fixtures/wandb_sweeps.json, from `make fixtures-sweeps`)."""

import hashlib
import json

import pytest

from lrsweep.errors import UserError
from lrsweep.stages import exchange

from .wandb_sweeps import CASES, ROOT, params_of, question

SAID = json.loads((ROOT / "tests/fixtures/wandb_sweeps.json").read_text())


@pytest.mark.parametrize("case", CASES)
def test_the_engine_finds_an_exported_sweep_valid(case):
    asked, said = question(case), SAID["answers"][case]
    again = "make fixtures-sweeps asks the engine again"
    assert said["sha256"] == hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest(), again
    for stage, config in asked["configs"].items():
        assert said["violations"][stage] == []
        assert said["filled"][stage].items() >= {key: value for key, value in config.items() if key != "parameters"}.items()
        for name, parameter in config["parameters"].items():
            assert said["filled"][stage]["parameters"][name].items() >= parameter.items()


@pytest.mark.parametrize("case", CASES)
def test_the_engine_stops_a_logged_run_at_our_first_rung(case):
    """W&B counts logged values and we count steps: the first eval at which its engine stops a bad run is our first rung."""
    assert SAID["answers"][case]["first_stop"] == params_of(case).sweep_bayes.rungs[0]
    assert question(case)["configs"]["sweep_bayes"]["early_terminate"]["strict"] is True


def test_the_engine_finds_mistakes():
    """So the answers above are worth something: min_iter 0, and a distribution that there is not."""
    assert len(SAID["wrong"]) == 3


def test_a_range_that_is_not_known_yet_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = params_of(next(iter(CASES)))
    with pytest.raises(UserError, match=r"results/edge/edge.json: no such file; the stage that writes it has not run"):
        exchange.export(params, tmp_path / "exported")
    assert not (tmp_path / "exported").exists()
