"""What trains: the CPU or a GPU, and which one. Known without torch where that is possible, so that a plan needs no import of it.

Two devices give other last digits. `auto` is decided once, where the run was started: LRSWEEP_DEVICE carries it to other
machines.
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
    """Say what decides the last digits on a device: the vector instructions that torch uses on a CPU, or the name of a GPU.

    Only on a GPU, or where the processor is not one of x86 under Linux, this imports torch.
    """
    known = _x86_capability() if device == "cpu" else None
    if known is not None:
        return known
    import torch

    return torch.backends.cpu.get_cpu_capability() if device == "cpu" else torch.cuda.get_device_name()


def _x86_capability() -> str | None:
    """Choose as torch does (aten/src/ATen/native/DispatchStub.cpp): what the environment asks for, else what there is."""
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
    """Name the GPU of a worker, numbered from 0: its CUDA_VISIBLE_DEVICES. Workers take the visible GPUs in turn.

    It must be in the environment before torch is imported. Empty where no GPU is visible.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        names = [name.strip() for name in visible.split(",") if name.strip()]
    else:
        names = [str(number) for number in range(len(list(DRIVER.parent.glob("nvidia[0-9]*"))))]
    return names[worker % len(names)] if names else ""
