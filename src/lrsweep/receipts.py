"""The receipts of jobs: what Snakemake sees of the trials that a job was asked for.

They lie in the workspace, also where LRSWEEP_WORK keeps the records elsewhere: Snakemake deletes the outputs of a job that it
starts, and must not do so to a job of another workspace which shares the records. So a copy is left with these.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lrsweep import artifacts, records
from lrsweep.errors import UserError
from lrsweep.params import Select


def here(folder: Path) -> Path:
    """The folder of a study in the workspace, which does not depend on where its records are kept."""
    return Path("work", folder.parent.name, folder.name)


def path(folder: Path, kind: str, first: int | str, last: int | str) -> Path:
    """Where the receipt of a job lies, a thousand trials to a folder; with wildcards for numbers, the pattern of these."""
    thousand = f"{first // 1000:03d}" if isinstance(first, int) else "{thousand}"
    return here(folder) / "jobs" / thousand / f"{kind}-{first}-{last}.json"


def race_kind(section: Select, number: int | str) -> str:
    """The kind of the receipts of a round of the race; it names the race, since in another one other runs have these places."""
    return f"race-{records.canonical_digest(section.model_dump())[:8]}-{number}"


def write(receipt: Path, folder: Path, written: Iterable[Path]) -> None:
    """Writes a receipt: the records of the job, relative to the stage's folder. Each record carries its own digest."""
    names = [str(record.relative_to(folder)) for record in written]
    for place in {receipt, folder / "jobs" / receipt.parent.name / receipt.name}:
        artifacts.write_json(place, names)


def refresh(folder: Path) -> None:
    """Takes over the receipts that other workspaces have left with the records of a study, and removes those that name a
    record which is gone, so that their jobs run again for the missing trials.
    """
    jobs = here(folder) / "jobs"
    for shared in sorted((folder / "jobs").glob("*/*.json")):
        own = jobs / shared.parent.name / shared.name
        if not own.exists():
            with suppress(FileNotFoundError):  # it may be of a workspace that has just started the job again
                artifacts.write_bytes(own, shared.read_bytes())
    for receipt in sorted(jobs.glob("*/*.json")):
        if not _holds(receipt, folder):
            receipt.unlink(missing_ok=True)


def _holds(receipt: Path, folder: Path) -> bool:
    """Whether a receipt is whole and all the records that it names are there."""
    try:
        return all(records.exists(folder / name) for name in artifacts.read_json(receipt))
    except (UserError, TypeError):
        return False
