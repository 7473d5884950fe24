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
VENDORS = {"AuthenticAMD": "AMD", "GenuineIntel": "Intel"}
# where oneDNN's products are faster than those of MKL, which torch takes by itself (docs/benchmarks/README.md)
ONEDNN = frozenset({"AVX512 AMD"})


def device(setting: Literal["auto", "cpu", "cuda"]) -> str:
    """Give `cpu` or `cuda` for execution.device."""
    if setting != "auto":
        return setting
    return os.environ.get(VARIABLE) or ("cuda" if DRIVER.exists() and not version("torch").endswith("+cpu") else "cpu")


def capability(device: str) -> str:
    """Name what decides the last digits on a device: instructions and vendor of a CPU, or the model of a GPU.

    This imports torch only for a GPU, or where the processor is not an x86 under Linux.
    """
    known = _x86() if device == "cpu" else None
    if known is not None:
        return known
    import torch

    return torch.backends.cpu.get_cpu_capability() if device == "cpu" else torch.cuda.get_device_name()


def takes_onednn() -> bool:
    """Say whether this processor multiplies matrices by oneDNN. The choice is the same on all of its kind, as its digits are."""
    return _x86() in ONEDNN


def _x86() -> str | None:
    """Name the vector instructions that torch uses, and who made the processor, since MKL goes other ways by that.

    They are chosen as torch does (aten/src/ATen/native/DispatchStub.cpp): what the environment asks for, else the best there is.
    """
    if not CPU_INFO.is_file():
        return None
    said = dict(line.split(":", 1) for line in CPU_INFO.read_text().split("\n\n")[0].splitlines() if ":" in line)
    known = {key.strip(): value.strip() for key, value in said.items()}
    flags, vendor = set(known.get("flags", "").split()), known.get("vendor_id", "")
    if not flags:  # another architecture
        return None
    asked = os.environ.get("ATEN_CPU_CAPABILITY")
    if asked in ("avx512", "avx2", "default"):
        used = asked.upper()
    elif flags >= {"avx512vl", "avx512bw", "avx512dq", "fma"}:
        used = "AVX512"
    else:
        used = "AVX2" if flags >= {"avx2", "fma"} else "DEFAULT"
    return f"{used} {VENDORS.get(vendor, vendor)}".strip()
