"""An imported study: the records of trials that were trained elsewhere, in a folder that is named by its digest.

import.json lists the records with their digests, and its own digest stands in params.yaml. So a changed folder is refused, and
another import runs again what depends on it.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrsweep import experiments, files
from lrsweep.errors import UserError
from lrsweep.search.settings import Imported, SweepBayes, SweepUniform
from lrsweep.search.trial import Record
from lrsweep.space import Budget
from lrsweep.store import records
from lrsweep.store.results import read_json, write_json

Found = tuple[Record, Mapping[str, Any]]  # a trial, and its curve as arrays of records.STEP_COLUMNS

CONTEXT = "imported"  # the identity of each record, where a trial of our own has a digest
FILE = "import.json"
SHOWN = 4  # files in a sentence
LENGTHS = set(Budget.model_fields)  # in steps, which the trials of a study must have


def write(folder: Path, study: str, budget: Budget, source: Mapping[str, Any], found: Iterable[Found]) -> Imported:
    """Write the records with their curves, and import.json: all of it or nothing."""
    names, unfinished = {}, files.temporary(folder)
    try:
        for record, curve in found:
            path = records.record_path(unfinished, record.trial)
            records.save(path, record, dict(curve))
            names[str(path.relative_to(unfinished))] = files.digest(path)
        manifest = {"study": study, **budget.model_dump(include=LENGTHS), "source": source, "records": names}
        write_json(unfinished / FILE, manifest)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Imported(folder=str(folder), sha256=files.digest(folder / FILE))


def manifest(stage: str, study: SweepUniform | SweepBayes) -> dict[str, Any]:
    """Read the list of the records of an imported study, and hold it against params.yaml.

    Raises:
        UserError: it is missing, has another digest, or was made for another study or other lengths.
    """
    section = study.imported
    assert section, "only an imported study has a manifest"
    path, key = Path(section.folder) / FILE, f"{stage}.imported"
    if not path.is_file():
        again = f"import the runs (lrsweep import --help), or set {key} to null"
        what, remedy = experiments.why_missing(section.folder) or (f"holds no {FILE}", again)
        raise UserError(f"{key}.folder: found {section.folder!r}, which {what}, expected an imported study; {remedy}")
    if (digest := files.digest(path)) != section.sha256:
        raise UserError(f"{key}.sha256: found {section.sha256}, expected {digest}, the digest of {path}; import again, or set it")
    content = read_json(path)
    expected = {"study": stage, **study.model_dump(include=LENGTHS)}
    names = (*expected, "source", "records")
    if missing := [name for name in names if not isinstance(content, dict) or name not in content]:
        raise UserError(f"{path}: found no {', '.join(missing)}, expected what an import has written; import the runs again")
    for name, value in expected.items():
        if content[name] != value:
            what = "study" if name == "study" else f"{stage}.{name}"
            raise UserError(f"{path}: made for {what} {content[name]}, params.yaml says {value}; set it back, or import again")
    return content


@dataclass(frozen=True)
class Origin:
    """Where an imported study comes from: the kind of source, its files, its number of runs, and notes on how they were read."""

    kind: str
    files: tuple[str, ...]
    runs: int
    notes: tuple[str, ...]

    def __str__(self) -> str:
        files = ", ".join(self.files[:SHOWN]) + (f", … ({len(self.files)} in all)" if len(self.files) > SHOWN else "")
        return f"imported: {self.runs} {'run' if self.runs == 1 else 'runs'} from {files} ({self.kind})"


def origin(stage: str, study: SweepUniform | SweepBayes) -> Origin | None:
    """Say where a study comes from; None where it is trained here.

    Raises:
        UserError: as in manifest.
    """
    if study.imported is None:
        return None
    source = manifest(stage, study)["source"]
    return Origin(source["kind"], tuple(source["files"]), len(source["runs"]), tuple(source["notes"]))


def listed(stage: str, study: SweepUniform | SweepBayes) -> list[Path]:
    """Give the paths of the records of an imported study in trial order, each held against its digest.

    Raises:
        UserError: as in manifest, or a record or its curve is missing or was changed.
    """
    names = manifest(stage, study)["records"]
    assert study.imported
    paths = {Path(study.imported.folder) / name: digest for name, digest in sorted(names.items())}
    for path, digest in paths.items():
        _need(path, digest)
        _need(records.curve_path(path), records.curve_digest(path))
    return list(paths)


def _need(path: Path, digest: str) -> None:
    """Refuse a file of an import that is not there, or not as it was written."""
    if not path.is_file():
        found = "found no file"
    elif files.digest(path) != digest:
        found = "found other content than was imported"
    else:
        return
    remedy = "put it back, as `dvc checkout` or `git checkout` does where one of them has it, or import the sweep again"
    raise UserError(f"{path}: {found}, expected sha256 {digest[:12]}…; {remedy}")


def load(stage: str, study: SweepUniform | SweepBayes) -> Iterator[tuple[Record, Path]]:
    """Read the records of an imported study in trial order, each with its path.

    Raises:
        UserError: as in listed.
    """
    yield from ((records.load(path, CONTEXT), path) for path in listed(stage, study))
