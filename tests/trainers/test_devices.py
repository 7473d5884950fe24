"""Where and in which precision a model trains."""

import pytest
import torch

from lrsweep.config import checking
from lrsweep.provenance.lineage import study_folder
from lrsweep.trainers import devices
from lrsweep.trainers.builtin import training
from tests.pipeline import ROOT
from tests.test_training import MODEL, OPTIMIZER, observe, one_thread, same, start  # noqa: F401, a fixture

PARAMS = checking.load(ROOT / "params.yaml")


def on(device):
    return PARAMS.execution.model_copy(update={"device": device})


def test_auto_is_the_cpu_without_a_driver_and_follows_the_run_that_started_the_job(monkeypatch, tmp_path):
    monkeypatch.delenv(devices.VARIABLE, raising=False)
    monkeypatch.setattr(devices, "version", lambda name: "2.13.0")
    monkeypatch.setattr(devices, "DRIVER", tmp_path / "nvidiactl")
    assert devices.device(on("auto")) == "cpu"
    (tmp_path / "nvidiactl").touch()
    assert devices.device(on("auto")) == "cuda" and devices.device(on("cpu")) == "cpu"
    monkeypatch.setattr(devices, "version", lambda name: "2.13.0+cpu")
    assert devices.device(on("auto")) == "cpu"
    monkeypatch.setenv(devices.VARIABLE, "cuda")
    assert devices.device(on("auto")) == "cuda" and devices.device(on("cpu")) == "cpu"


def test_trials_of_two_devices_do_not_meet():
    folders = {study_folder("sweep_bayes", PARAMS.model_copy(update={"execution": on(name)})) for name in ("cpu", "cuda")}
    assert len(folders) == 2


def bfloat16(seed=1):
    state, run = start(seed=seed)
    state.precision = torch.bfloat16
    return state, run


def test_bfloat16_is_another_run_near_the_first_with_float32_weights():
    state, run = bfloat16()
    seen, exact = observe(state, run), observe(*start())
    assert seen != exact and all(o.finite for o in seen)
    for ours, theirs in zip(seen, exact, strict=True):
        assert ours.loss_nats == pytest.approx(theirs.loss_nats, rel=0.02)
    assert {tensor.dtype for name, tensor in state.tensors().items() if "/" in name} == {torch.float32}
    section = OPTIMIZER.model_copy(update={"precision": "bfloat16"})
    assert training.start(MODEL, 40, section, PARAMS.select.default, 1).precision == torch.bfloat16


def test_bfloat16_goes_on_bit_for_bit():
    state, run = bfloat16()
    whole = observe(state, run)
    first, _ = bfloat16()
    part = observe(first, run, until=7)
    other, _ = bfloat16(seed=2)
    other.load_tensors(first.tensors())
    assert part + observe(other, run) == whole and same(other, state)
