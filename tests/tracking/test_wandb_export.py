"""Exported sweeps against what W&B's own engine said of them (tests/fixtures/wandb_sweeps.json, from `make fixtures-sweeps`)."""

import hashlib
import json

import pytest

from lrsweep.errors import UserError
from lrsweep.stages import exchange
from tests.wandb_sweeps import CASES, ROOT, params_of, question

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


def test_every_kind_of_name_is_a_parameter_of_the_engines_schema():
    """Whole numbers are drawn as such on both scales, and choices by their values."""
    asked = question("rung at eval 3, eta 3")["configs"]
    assert asked["sweep_bayes"]["parameters"] == {
        "lr": {"distribution": "log_uniform_values", "min": 0.001, "max": 0.064},
        "beta1": {"distribution": "uniform", "min": 0.8, "max": 0.98},
        "warmup_steps": {"distribution": "int_uniform", "min": 5, "max": 60},
        "batch_size": {"distribution": "q_log_uniform_values", "q": 1, "min": 8, "max": 64},
        "optimizer": {"values": ["adamw", "muon"]},
        "schedule": {"values": ["cosine", "wsd"]},
    }
    assert asked["sweep_uniform"]["parameters"].keys() == {"lr"}, "phase 1 varies the LR alone"


def test_a_range_that_is_not_known_yet_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = params_of(next(iter(CASES)))
    with pytest.raises(UserError, match=r"results/edge/edge.json: no such file; the stage that writes it has not run"):
        exchange.export(params, tmp_path / "exported")
    assert not (tmp_path / "exported").exists()
