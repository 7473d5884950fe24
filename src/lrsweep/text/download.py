"""Downloads: resumed where they broke off, and checked against a digest."""

import shlex
import ssl
from http.client import HTTPException
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn
from urllib3.exceptions import HTTPError

from lrsweep import files
from lrsweep.addresses import is_address, public
from lrsweep.errors import UserError

TIMEOUT_S = 60  # without a byte, not for the whole file
CHUNK_BYTES = 1 << 16  # an unfinished piece is lost when the connection breaks


def fetch(url: str, sha256: str, target: Path) -> Path:
    """Download a file to `target` and return it. No network is used where it is there with the right digest.

    What has been downloaded is kept in `target`.part, and the next call goes on from there.

    Raises:
        UserError: no http(s) address, no network, an HTTP error, no room on the disk, or another digest.
    """
    if not is_address(url):
        found = repr(public(url))
        raise UserError(f"corpus.url: found {found}, expected an address with http:// or https:// and a host; correct it")
    if target.is_file() and files.digest(target) == sha256:
        return target
    with files.folder_for(target):
        return _fetch(url, sha256, target)


def _fetch(url: str, sha256: str, target: Path) -> Path:
    part = target.with_name(target.name + ".part")
    resumed = part.exists()
    _download(url, part)
    found = files.digest(part)
    if found != sha256 and resumed:
        part.unlink()  # its beginning may be of another version of the file
        _download(url, part)
        found = files.digest(part)
    if found != sha256:
        part.unlink()
        remedy = "the file was removed: correct the digest if you trust the source"
        raise UserError(f"{public(url)}: found sha256 {found}, expected {sha256}; {remedy}")
    return part.replace(target)


def _download(url: str, part: Path) -> None:
    if part.is_symlink():
        raise UserError(f"{part}: found a link, expected the beginning of a download; remove it (rm {shlex.quote(str(part))})")
    done = part.stat().st_size if part.exists() else 0
    # Otherwise a server may compress the text, and neither the range nor the digest would fit.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    again = "run again to go on where it broke off: what has come is kept"
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT_S, headers=headers) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                return  # nothing is missing, or the part is of another file: its digest decides
            if 400 <= answer.status_code < 500:
                found = f"HTTP {answer.status_code} {answer.reason}"
                raise UserError(f"{public(url)}: found {found}, expected a file; correct the address")
            answer.raise_for_status()
            _save(answer, part, done if _goes_on(answer, done) else 0)
    except (requests.RequestException, HTTPError) as error:  # an OSError too, so it comes first
        raise UserError(f"{public(url)}: found {_spelled(error)}, expected a file; {again}") from None
    except OSError as error:
        raise UserError(
            f"{part}: found {str(error.strerror).lower()}, expected room for the download;"
            f" make room or correct its rights, then {again}"
        ) from None


def _spelled(error: Exception) -> str:
    """Write an error by its kind and what the system said; the words of requests hold addresses, which may hold secrets."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code} {error.response.reason}"
    cause: BaseException = error
    while below := cause.__cause__ or cause.__context__:
        cause = below
    words = str(cause) if isinstance(cause, ssl.SSLError | HTTPException) else getattr(cause, "strerror", None)
    return f"{type(error).__name__} ({words or type(cause).__name__})"


def _goes_on(answer: Any, done: int) -> bool:
    """Say whether the server sends what is missing, and not the file from its beginning."""
    sent = answer.headers.get("Content-Range", f"bytes {done}-")
    return answer.status_code == requests.codes.partial and sent.startswith(f"bytes {done}-")


def _save(answer: Any, part: Path, done: int) -> None:
    total = done + int(answer.headers["Content-Length"]) if "Content-Length" in answer.headers else None
    console = Console(stderr=True)
    columns = BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with bar, files.open_plainly(part, "ab" if done else "wb") as file:
        task = bar.add_task("download", total=total, completed=done)
        for data in answer.iter_content(CHUNK_BYTES):
            file.write(data)
            bar.advance(task, len(data))
