"""The device of a run, and the GPUs of its workers: found without torch, by a stand-in for nvidia-smi."""

import os
import sys
from pathlib import Path

import pytest

from lrsweep.config import checking
from lrsweep.errors import UserError
from lrsweep.runner import device
from lrsweep.runner.identity import of
from lrsweep.store.results import FOLDER, Results
from lrsweep.trainers import devices
from lrsweep.trainers.command.settings import Script
from tests.pipeline import ROOT, run

SMI = """#!/bin/sh
test "$*" = --list-gpus || exit 9
cat <<'END'
GPU 0: NVIDIA H200 (UUID: GPU-11)
  MIG 1g.18gb     Device  0: (UUID: MIG-5c)
GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-22)
END
"""


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without a driver; what nvidia-smi says is what the test has put on PATH."""
    for name in (*device.GIVEN, devices.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(devices, "DRIVER", tmp_path / "none/nvidiactl")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    device._listed.cache_clear()
    yield tmp_path
    device._listed.cache_clear()


def nvidia_smi(folder, text=SMI):
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin/nvidia-smi").write_text(text)
    (folder / "bin/nvidia-smi").chmod(0o755)
    os.environ["PATH"] += os.pathsep + "/bin" + os.pathsep + "/usr/bin"
    device._listed.cache_clear()


def asked(said="auto", script=True):
    found = checking.load(ROOT / "params.yaml")
    if script:
        trainer = {"command": "a {lr} {until}", "reads": [], "curve": {"pattern": "(?P<step>.)(?P<loss>.)"}, "resume": True}
        found = found.model_copy(update={"trainer": Script.model_validate(trainer)})
    return found.model_copy(update={"execution": found.execution.model_copy(update={"device": said})})


def test_a_script_has_the_gpus_that_nvidia_smi_lists_whatever_our_torch_is(bare, monkeypatch):
    monkeypatch.setattr(devices, "version", lambda name: "2.13.0+cpu")
    assert (device.device(asked()), device.gpus()) == ("cpu", ())
    nvidia_smi(bare)
    assert (device.device(asked()), device.gpus()) == ("cuda", ("0", "1"))
    assert device.capability(asked()) == "NVIDIA H200" and device.device(asked("cpu")) == "cpu"
    assert device.device(asked(script=False)) == "cpu", "the built-in model has our torch"
    shown = []
    for worker in range(3):
        device.take(asked(), worker)
        shown.append(os.environ.pop(device.SHOWN))
    assert shown == ["0", "1", "0"]
    device.take(asked("cpu"), 1)
    assert device.SHOWN not in os.environ


@pytest.mark.parametrize(
    ("given", "gpus", "model"),
    [
        ({"CUDA_VISIBLE_DEVICES": "1"}, ("1",), "NVIDIA A100-SXM4-80GB"),
        ({"CUDA_VISIBLE_DEVICES": "GPU-2, 0"}, ("GPU-2", "0"), "NVIDIA A100-SXM4-80GB"),
        ({"CUDA_VISIBLE_DEVICES": "0,-1,1"}, ("0",), "NVIDIA H200"),
        ({"CUDA_VISIBLE_DEVICES": "", "SLURM_JOB_GPUS": "1"}, (), None),
        ({"SLURM_JOB_GPUS": "1,0", "SLURM_STEP_GPUS": "1"}, ("1",), "NVIDIA A100-SXM4-80GB"),
    ],
)
def test_the_environment_says_which_gpus_there_are(bare, monkeypatch, given, gpus, model):
    nvidia_smi(bare)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert device.gpus() == gpus and device._model() == model
    assert device.device(asked()) == ("cuda" if gpus else "cpu")


def test_without_nvidia_smi_the_device_files_of_the_driver_count(bare):
    (bare / "none").mkdir()
    assert device.gpus() == ()
    for name in ("nvidiactl", "nvidia0", "nvidia1", "nvidia-uvm"):
        (bare / "none" / name).touch()
    assert device.gpus() == ("0", "1") and device.is_shown()


@pytest.mark.parametrize("text", ["#!/bin/sh\necho GPU 0: broken\nexit 1\n", "#!/bin/sh\nexec sleep 60\n", "no program"])
def test_a_broken_nvidia_smi_is_none(bare, monkeypatch, text):
    monkeypatch.setattr(device, "LIST_S", 0.2)
    nvidia_smi(bare, text)
    assert device.device(asked()) == "cpu"


def test_the_identity_of_a_script_on_a_cpu_has_the_cpu(bare):
    content = of("sweep_uniform", {}, (), asked(), Results(FOLDER)).content
    assert content["capability"] == devices.capability("cpu")


def test_a_gpu_that_is_asked_for_and_not_there(bare, monkeypatch):
    monkeypatch.setenv(devices.VARIABLE, "cuda")
    for what in (device.refuse_absent, device.capability, lambda params: device.take(params, 0)):
        with pytest.raises(UserError, match=r"LRSWEEP_DEVICE: found cuda and no GPU .* unset LRSWEEP_DEVICE"):
            what(asked())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(UserError, match=r"execution\.device: .* \(CUDA_VISIBLE_DEVICES is ''\)"):
        device.refuse_absent(asked("cuda"))


def test_the_built_in_model_needs_a_torch_with_cuda(bare, monkeypatch):
    with pytest.raises(UserError, match=r"execution\.device: found cuda and a torch without it"):
        monkeypatch.setattr(device, "_torch_has_cuda", lambda: False)
        device.device(asked("cuda", script=False))
    monkeypatch.setattr(device, "_torch_has_cuda", lambda: True)
    assert device.device(asked("cuda", script=False)) == "cuda"


def test_the_build_of_torch_is_known_without_its_import():
    import torch

    code = "import sys; from lrsweep.runner import device; print(device._torch_has_cuda(), 'torch' in sys.modules)"
    done = run(Path.cwd(), sys.executable, "-c", code)
    assert done.stdout.split() == [str(bool(torch.version.cuda or torch.version.hip)), "False"], done.stderr
