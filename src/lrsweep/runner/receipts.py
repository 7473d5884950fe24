"""The receipts of jobs: what Snakemake sees of the trials that a job was asked for.

They lie in the workspace, also where LRSWEEP_WORK keeps the records elsewhere: Snakemake deletes the outputs of a job that it
starts, and must not do so to a job of another workspace which shares the records. So a copy is left with these.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.search.settings import Select
from lrsweep.store import artifacts, records


def here(study: Path) -> Path:
    """The folder of a study in the workspace, which does not depend on where its records are kept."""
    return Path("work", study.parent.name, study.name)


def path(study: Path, kind: str, first: int | str, last: int | str) -> Path:
    """Where the receipt of a job lies, a thousand trials to a folder; with wildcards for numbers, the pattern of these."""
    thousand = f"{first // 1000:03d}" if isinstance(first, int) else "{thousand}"
    return here(study) / "jobs" / thousand / f"{kind}-{first}-{last}.json"


def race_kind(section: Select, number: int | str) -> str:
    """The kind of the receipts of a round of the race; it names the race, since in another one other runs have these places."""
    return f"race-{records.canonical_digest(section.model_dump())[:8]}-{number}"


def write(receipt: Path, folder: Path, written: Iterable[Path]) -> None:
    """Writes a receipt: the folder of the job's records, and the records in it. Each record carries its own digest."""
    content = {"folder": _name(folder), "records": [str(record.relative_to(folder)) for record in written]}
    for place in (receipt, folder / "jobs" / receipt.parent.name / receipt.name):
        artifacts.write_json(place, content)


def refresh(study: Path, folder: Path | None) -> None:
    """Removes the receipts of a study that are not of these records, or name one which is gone, so that their jobs run again;
    takes over those that other workspaces have left with the records. Without a folder none holds.
    """
    jobs = here(study) / "jobs"
    files.bring_to_the_present(jobs.glob("*/*.json"))
    for own in jobs.glob("*/*.json"):
        if not _holds(own, folder):
            own.unlink(missing_ok=True)
    for shared in (folder / "jobs").glob("*/*.json") if folder else ():
        own = jobs / shared.parent.name / shared.name
        if not own.exists() and _holds(shared, folder):
            with suppress(FileNotFoundError):  # it may be of a workspace that has just started the job again
                files.write_bytes(own, shared.read_bytes())


def _holds(receipt: Path, folder: Path | None) -> bool:
    """Whether a receipt is whole, of these records, and all that it names are there."""
    if folder is None:
        return False
    try:
        content = artifacts.read_json(receipt)
        return content["folder"] == _name(folder) and all(records.exists(folder / name) for name in content["records"])
    except (UserError, TypeError, KeyError):
        return False


def _name(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"
