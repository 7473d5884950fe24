"""Checkpoints: the state of a training run, from which it goes on to the same bits after it was killed.

One safetensors file holds the state and a digest over all of it. There is no random state: batches are drawn from (seed, step).
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lrsweep import files
from lrsweep.errors import UserError

NAME = "state.safetensors"


def write(folder: Path, identity: str, tensors: Mapping[str, Tensor]) -> None:
    """Write a checkpoint, whole or not at all; `identity` says what the run depends on.

    Raises:
        UserError: it cannot be written, as on a full disk.
    """
    files.write_bytes(folder / NAME, save(dict(tensors), {"identity": identity, "sha256": _digest(identity, tensors)}))


def read(folder: Path, identity: str) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint.

    Raises:
        UserError: there is none, it is damaged, or it is of another run.
    """
    path = folder / NAME
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a mapping
    except FileNotFoundError:
        raise UserError(f"{path}: found no file, expected a checkpoint; go on from an earlier one") from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: damaged ({error}), expected a whole checkpoint; go on from an earlier one") from None
    if about.keys() != {"identity", "sha256"} or about["sha256"] != _digest(about["identity"], tensors):
        raise UserError(f"{path}: damaged (its digest does not fit), expected a whole checkpoint; go on from an earlier one")
    if about["identity"] != identity:
        raise UserError(f"{path}: made from other parameters, data or code, expected a checkpoint of this run; remove it")
    return tensors


def _digest(identity: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(identity.encode())
    for name in sorted(tensors):
        tensor = tensors[name].cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy())
    return digest.hexdigest()
