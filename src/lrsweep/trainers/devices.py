"""The device that trains: the CPU or a GPU, and which one. Torch is not imported where it can be avoided, so that plans are fast.

The last digits of results depend on the device. So `auto` is decided once, where a run is started, and LRSWEEP_DEVICE carries
the decision to other machines.
"""

import os
from importlib.metadata import version
from pathlib import Path
from typing import Literal

VARIABLE = "LRSWEEP_DEVICE"
DRIVER = Path("/dev/nvidiactl")
CPU_INFO = Path("/proc/cpuinfo")


def device(setting: Literal["auto", "cpu", "cuda"]) -> str:
    """Give `cpu` or `cuda` for execution.device."""
    if setting != "auto":
        return setting
    return os.environ.get(VARIABLE) or ("cuda" if DRIVER.exists() and not version("torch").endswith("+cpu") else "cpu")


def capability(device: str) -> str:
    """Name what decides the last digits on a device: the vector instructions that torch uses on a CPU, or the model of a GPU.

    This imports torch only for a GPU, or where the processor is not an x86 under Linux.
    """
    known = _x86_capability() if device == "cpu" else None
    if known is not None:
        return known
    import torch

    return torch.backends.cpu.get_cpu_capability() if device == "cpu" else torch.cuda.get_device_name()


def _x86_capability() -> str | None:
    """Choose as torch does (aten/src/ATen/native/DispatchStub.cpp): what the environment asks for, else the best there is."""
    if not CPU_INFO.is_file():
        return None
    processors = CPU_INFO.read_text().split("\n\n")
    flags = {word for line in processors[0].splitlines() if line.startswith("flags") for word in line.split()}
    if not flags:  # another architecture
        return None
    asked = os.environ.get("ATEN_CPU_CAPABILITY")
    if asked in ("avx512", "avx2", "default"):
        return asked.upper()
    if flags >= {"avx512vl", "avx512bw", "avx512dq", "fma"}:
        return "AVX512"
    return "AVX2" if flags >= {"avx2", "fma"} else "DEFAULT"


def gpu(worker: int) -> str:
    """Give CUDA_VISIBLE_DEVICES for a worker, numbered from 0: workers take the visible GPUs in turn.

    It must be set before torch is imported. It is empty where no GPU is visible.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        names = [name.strip() for name in visible.split(",") if name.strip()]
    else:
        names = [str(number) for number in range(len(list(DRIVER.parent.glob("nvidia[0-9]*"))))]
    return names[worker % len(names)] if names else ""
