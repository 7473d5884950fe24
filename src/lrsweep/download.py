"""Downloads: resumed where they broke off, and checked against a digest."""

from pathlib import Path

import requests
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from lrsweep import artifacts
from lrsweep.errors import UserError

TIMEOUT_S = 60
CHUNK_BYTES = 1 << 20


def fetch(url: str, sha256: str, target: Path) -> Path:
    """Downloads a file unless it is there with the right digest.

    Raises:
        UserError: no network, an HTTP error, or another digest; a part that was fetched is kept and resumed.
    """
    if target.is_file() and artifacts.digest(target) == sha256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        _continue(url, part)
    except requests.RequestException as error:
        raise UserError(f"{url}: {type(error).__name__}: {error}; run again to go on where it broke off") from None
    found = artifacts.digest(part)
    if found != sha256:
        part.unlink()
        raise UserError(
            f"{url}: found sha256 {found}, expected {sha256}; correct the digest in params.yaml if you trust the file"
        )
    return part.replace(target)


def _continue(url: str, part: Path) -> None:
    done = part.stat().st_size if part.exists() else 0
    with requests.get(url, stream=True, timeout=TIMEOUT_S, headers={"Range": f"bytes={done}-"} if done else {}) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            return  # the part is whole
        answer.raise_for_status()
        if answer.status_code != requests.codes.partial:
            done = 0  # the server sent the file from its beginning
        total = done + int(answer.headers["Content-Length"]) if "Content-Length" in answer.headers else None
        columns = BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
        with Progress(*columns, transient=True) as progress, part.open("ab" if done else "wb") as file:
            task = progress.add_task("download", total=total, completed=done)
            for data in answer.iter_content(CHUNK_BYTES):
                file.write(data)
                progress.advance(task, len(data))
