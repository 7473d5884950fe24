"""The device of a run, as params.yaml, the environment and this machine decide it, and the GPU that each worker has.

GPUs are found without torch: a person's script has a torch of its own, or none, so ours says nothing about it.
"""

import os
import re
import runpy
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.trainers import devices
from lrsweep.trainers.devices import VARIABLE

SHOWN = "CUDA_VISIBLE_DEVICES"
GIVEN = (SHOWN, "SLURM_STEP_GPUS", "SLURM_JOB_GPUS")  # variables that name GPUs; the first that is set counts
LIST = ("nvidia-smi", "--list-gpus")
LIST_S = 20.0  # a machine with many GPUs and no persistence daemon takes seconds
_LISTED = re.compile(r"^GPU (\d+): (.*?)(?: \(UUID: (\S+)\))?$", re.MULTILINE)


def device(params: Params) -> str:
    """Give `cpu` or `cuda`: of the built-in model, that of our torch; of a script, `cuda` where this machine shows a GPU.

    Raises:
        UserError: `cuda` is asked for, and our torch, which trains the built-in model, was built without it.
    """
    setting, said = params.execution.device, os.environ.get(VARIABLE)
    if params.simulate:
        return "cpu"
    if params.trainer:
        return (said or ("cuda" if is_shown() else "cpu")) if setting == "auto" else setting
    found = devices.device(setting)
    if setting == "auto" and not said and not is_shown():
        return "cpu"
    if found == "cuda" and not _torch_has_cuda():
        expected = "a build of torch with CUDA, which trains the built-in model there"
        raise UserError(
            f"{_key(params)}: found cuda and a torch without it, expected {expected}; install one, or {_instead(params)}"
        )
    return found


def refuse_absent(params: Params) -> None:
    """Refuse a run on this machine that asks for a GPU where none is shown.

    Raises:
        UserError: so it is.
    """
    if device(params) == "cuda" and not is_shown():
        hidden = f" ({SHOWN} is {os.environ[SHOWN]!r})" if SHOWN in os.environ else ""
        found = f"found cuda and no GPU on this machine{hidden}"
        raise UserError(f"{_key(params)}: {found}, expected one that `nvidia-smi --list-gpus` shows; {_instead(params)}")


def take(params: Params, worker: int) -> None:
    """Show one GPU to this process and to all that it starts, where it trains on GPUs: workers take the shown ones in turn.

    Raises:
        UserError: none is shown.
    """
    if device(params) == "cuda":
        refuse_absent(params)
        found = gpus()
        os.environ[SHOWN] = found[worker % len(found)]


def capability(params: Params) -> str:
    """Name what decides the last digits of trials: instructions and vendor of the CPU, or the model of the GPU.

    Raises:
        UserError: it is a GPU, and none is shown.
    """
    if device(params) == "cpu":
        return devices.capability("cpu")
    if params.trainer and (model := _model()):
        return model
    import torch

    if not torch.cuda.is_available():
        refuse_absent(params)
        found = "found cuda and no GPU that torch can use"
        raise UserError(f"{_key(params)}: {found}, expected one; see what torch.cuda.init() says, or {_instead(params)}")
    return devices.capability("cuda")


def is_shown() -> bool:
    """Say whether this machine shows a GPU to its processes."""
    return bool(gpus())


def gpus() -> tuple[str, ...]:
    """Name the GPUs that processes may see: those that the environment or SLURM gives, else those of the machine.

    nvidia-smi lists the latter; where it does not, they are the driver's device files.
    """
    for name in GIVEN:
        if (said := os.environ.get(name)) is not None:
            names = [one.strip() for one in said.split(",") if one.strip()]
            return tuple(names[: names.index("-1")] if "-1" in names else names)  # CUDA ends at the first that is none
    files = len(list(devices.DRIVER.parent.glob("nvidia[0-9]*")))
    return tuple(number for number, _, _ in _listed()) or tuple(map(str, range(files)))


def _model() -> str | None:
    """Give the model of the first GPU that is shown, in the words of its driver, as torch does; None where it does not say."""
    first = next(iter(gpus()), None)
    return next((model for number, model, uuid in _listed() if first == number or (first and uuid.startswith(first))), None)


@cache
def _listed() -> tuple[tuple[str, str, str], ...]:
    """Ask nvidia-smi for number, model and UUID of each GPU; there are none where it is missing or fails."""
    try:
        said = subprocess.run(LIST, capture_output=True, text=True, timeout=LIST_S, stdin=subprocess.DEVNULL, check=False)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(_LISTED.findall(said.stdout)) if said.returncode == 0 else ()


def _torch_has_cuda() -> bool:
    """Say whether our torch was built for CUDA, or for ROCm, which it calls cuda too; torch itself is not imported."""
    spec = find_spec("torch")
    assert spec is not None and spec.origin is not None, "torch is a dependency"
    built = runpy.run_path(str(Path(spec.origin).with_name("version.py")))
    return bool(built.get("cuda") or built.get("hip"))


def _key(params: Params) -> str:
    return VARIABLE if params.execution.device == "auto" else "execution.device"


def _instead(params: Params) -> str:
    return f"unset {VARIABLE}" if params.execution.device == "auto" else "set it to cpu or auto"
