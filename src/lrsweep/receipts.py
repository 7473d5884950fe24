"""The receipts of jobs: what Snakemake sees of the trials that a job was asked for."""

from collections.abc import Iterable
from pathlib import Path

from lrsweep import artifacts, records
from lrsweep.params import Select


def path(folder: Path, kind: str, first: int | str, last: int | str) -> Path:
    """Where the receipt of a job lies, a thousand trials to a folder; with wildcards for numbers, the pattern of these."""
    thousand = f"{first // 1000:03d}" if isinstance(first, int) else "{thousand}"
    return folder / "jobs" / thousand / f"{kind}-{first}-{last}.json"


def race_kind(section: Select, number: int | str) -> str:
    """The kind of the receipts of a round of the race; it names the race, since in another one other runs have these places."""
    return f"race-{records.canonical_digest(section.model_dump())[:8]}-{number}"


def write(receipt: Path, folder: Path, written: Iterable[Path]) -> None:
    """Writes a receipt: the records of the job, relative to the stage's folder. Each record carries its own digest."""
    artifacts.write_json(receipt, [str(record.relative_to(folder)) for record in written])


def drop_stale(folder: Path) -> None:
    """Removes the receipts that name a record which is gone, so that its job runs again for the missing trials."""
    for receipt in sorted((folder / "jobs").glob("*/*.json")):
        if not all(records.exists(folder / name) for name in artifacts.read_json(receipt)):
            receipt.unlink()
