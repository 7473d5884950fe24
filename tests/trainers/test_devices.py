"""What trains, and what decides its last digits."""

import os
import subprocess
import sys

import pytest

from lrsweep.trainers import devices


def test_auto_is_the_cpu_without_a_driver_and_follows_the_run_that_was_started(monkeypatch, tmp_path):
    monkeypatch.delenv(devices.VARIABLE, raising=False)
    monkeypatch.setattr(devices, "version", lambda name: "2.13.0")
    monkeypatch.setattr(devices, "DRIVER", tmp_path / "nvidiactl")
    assert devices.device("auto") == "cpu"
    (tmp_path / "nvidiactl").touch()
    assert devices.device("auto") == "cuda" and devices.device("cpu") == "cpu"
    monkeypatch.setattr(devices, "version", lambda name: "2.13.0+cpu")
    assert devices.device("auto") == "cpu"
    monkeypatch.setenv(devices.VARIABLE, "cuda")
    assert devices.device("auto") == "cuda" and devices.device("cpu") == "cpu"


@pytest.mark.parametrize("asked", [None, "avx2", "default", "AVX2", "nonsense"])
def test_the_capability_of_a_cpu_is_the_one_that_torch_uses(asked):
    """Known before torch is imported; a value that torch ignores is ignored."""
    code = """
import sys
from lrsweep.trainers.devices import capability
ours = capability("cpu")
early = "torch" in sys.modules
import torch
print(ours, torch.backends.cpu.get_cpu_capability(), early)
"""
    environment = {name: value for name, value in os.environ.items() if name != "ATEN_CPU_CAPABILITY"}
    environment |= {} if asked is None else {"ATEN_CPU_CAPABILITY": asked}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    *ours, theirs, early = done.stdout.split()
    assert ours[0] == theirs and (early == "False" or not devices._x86())


@pytest.mark.parametrize(
    ("vendor", "flags", "capability", "onednn"),
    [
        ("AuthenticAMD", "fpu avx avx2 fma avx512f avx512vl avx512bw avx512dq", "AVX512 AMD", True),
        ("GenuineIntel", "fpu avx avx2 fma avx512f avx512vl avx512bw avx512dq", "AVX512 Intel", False),
        ("AuthenticAMD", "fpu avx avx2 fma avx512f avx512vl avx512bw", "AVX2 AMD", False),  # torch asks for all three
        ("GenuineIntel", "fpu avx avx2 fma", "AVX2 Intel", False),
        ("HygonGenuine", "fpu avx avx2", "DEFAULT HygonGenuine", False),
    ],
)
def test_capability_and_products_follow_from_the_processor(monkeypatch, tmp_path, vendor, flags, capability, onednn):
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    monkeypatch.setattr(devices, "CPU_INFO", tmp_path / "cpuinfo")
    one = "processor\t: {}\nvendor_id\t: {}\nflags\t\t: {}\nbogomips\t: 1\n\n"
    (tmp_path / "cpuinfo").write_text("".join(one.format(n, vendor, flags) for n in (0, 1)))
    assert devices.capability("cpu") == capability and devices.takes_onednn() == onednn


def test_another_architecture_asks_torch(monkeypatch, tmp_path):
    import torch

    for text in (None, "processor\t: 0\nFeatures\t: fp asimd\n\n"):
        monkeypatch.setattr(devices, "CPU_INFO", tmp_path / "cpuinfo")
        if text:
            (tmp_path / "cpuinfo").write_text(text)
        assert devices.capability("cpu") == torch.backends.cpu.get_cpu_capability()


def test_the_capability_of_a_gpu_is_its_name(monkeypatch):
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "NVIDIA H100 80GB HBM3")
    assert devices.capability("cuda") == "NVIDIA H100 80GB HBM3"
