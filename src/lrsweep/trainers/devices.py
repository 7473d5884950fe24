"""What trains: the CPU or a GPU. Known without torch, so that a plan needs no import of it.

The two give other bits, so a study's folder is named after the device too. `auto` is decided once, where the run was started:
LRSWEEP_DEVICE carries it to jobs on other machines.
"""

import os
from importlib.metadata import version
from pathlib import Path

from lrsweep.config.params import Execution

VARIABLE = "LRSWEEP_DEVICE"
DRIVER = Path("/dev/nvidiactl")


def device(section: Execution) -> str:
    """`cpu` or `cuda`."""
    if section.device != "auto":
        return section.device
    return os.environ.get(VARIABLE) or ("cuda" if DRIVER.exists() and not version("torch").endswith("+cpu") else "cpu")
