"""The receipts of jobs: what Snakemake sees of the trials that a job was asked for."""

from collections.abc import Mapping
from pathlib import Path

from lrsweep import artifacts


def path(folder: Path, kind: str, first: int | str, last: int | str) -> Path:
    """Where the receipt of a job lies; with wildcards for numbers, the pattern of such receipts."""
    return folder / "jobs" / f"{kind}-{first}-{last}.json"


def write(receipt: Path, folder: Path, digests: Mapping[Path, str]) -> None:
    """Writes a receipt: the records of the job, relative to the stage's folder, with their digests."""
    artifacts.write_json(receipt, {str(record.relative_to(folder)): digest for record, digest in digests.items()})


def drop_stale(folder: Path) -> None:
    """Removes the receipts that name a record which is gone, so that its job runs again for the missing trials."""
    for receipt in sorted((folder / "jobs").glob("*.json")):
        named = [folder / name for name in artifacts.read_json(receipt)]
        if not all(record.exists() and record.with_suffix(".safetensors").exists() for record in named):
            receipt.unlink()
