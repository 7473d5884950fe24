"""The outcomes of the search benchmark: a file each while it runs, and one table of all that is kept with the code.

A replay takes hours and its outcome is a line: one whose code and pool are still the same is taken from the table.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence, Set
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmarks.frame import FOLDER
from benchmarks.replay import MARKS
from lrsweep import files
from lrsweep.config import checking
from lrsweep.runner import meaning
from lrsweep.store.records import canonical_digest

HERE = Path(__file__).parent
WORK = Path("work/search")
TABLE = FOLDER / "search_outcomes.parquet"
PLAIN = ("contestant", "workers", "seed", "steps", "time")
NATS = {str(mark): f"true_nats_at_{mark}" for mark in MARKS}
COLUMNS = ["pool", "module", "code", "file", *PLAIN, *NATS.values()]
PEERS = "benchmarks.peers"
ROOMS = ("analysis", "search", "section", "seeding", "space")


class Needs(NamedTuple):
    """What the outcomes of one of our modules depend on."""

    files: Sequence[str]  # of benchmarks, the module's own among them
    modules: Sequence[str]  # of lrsweep, with all that they import from ROOMS
    sections: Set[str]  # of params.yaml


STUDY = Needs(("ours", "our_studies", "pool"), ("search.proposing", "search.study"), {"sweep_bayes"})
OURS = {
    "benchmarks.our_studies": STUDY,
    "benchmarks.after_phase_1": Needs(
        (*STUDY.files, "phase_1", "after_phase_1"),
        (*STUDY.modules, "analysis.edge"),
        STUDY.sections | {"optimizer", "sweep_uniform", "edge"},
    ),
}


def folder_of(pool: Path, module: str) -> Path:
    """Where the outcomes of a module lie: other code or another pool has another folder."""
    if module.startswith(PEERS):
        return _folder([pool, HERE / "peers" / f"{module.rsplit('.', 1)[1]}.py"], "")
    return folder_for(pool, OURS[module])


def folder_for(pool: Path, needs: Needs) -> Path:
    """Where outcomes lie that depend on these."""
    sections = checking.load(Path("params.yaml")).model_dump(mode="json", include=needs.sections)
    values = canonical_digest([meaning.digest(needs.modules, ROOMS), sections])
    return _folder([pool, *(HERE / f"{name}.py" for name in needs.files)], values)


def _folder(own: Sequence[Path], values: str) -> Path:
    shared = [HERE / f"{name}.py" for name in ("world", "clock", "replay")]
    content = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted([*own, *shared])]
    return WORK / hashlib.sha256("".join([*content, values]).encode()).hexdigest()[:16]


def load(pool: Path, module: str) -> dict[str, dict]:
    """What lies there by the names of its files, in the order of the contestants."""
    found = (folder_of(pool, module) / module).glob("*.json")
    paths = sorted(found, key=lambda path: [int(part) for part in path.stem.split("-")])
    return {path.stem: json.loads(path.read_text()) for path in paths}


def keep(pools: Iterable[Path], modules: Sequence[str]) -> None:
    """Writes the table of all that lies there."""
    rows = []
    for pool, module in product(pools, modules):
        about = {"pool": pool.stem, "module": module, "code": folder_of(pool, module).name}
        for name, outcome in load(pool, module).items():
            nats = outcome.pop("true_nats")
            rows.append(about | {"file": name} | outcome | {column: nats.get(mark) for mark, column in NATS.items()})
    with files.atomic_writer(TABLE) as file:
        pd.DataFrame(rows, columns=COLUMNS).astype({"steps": "Int64", "time": "Int64"}).to_parquet(file, index=False)


def restore(pools: Iterable[Path], modules: Sequence[str]) -> None:
    """Lays out what the table has of this code and these pools, and is not there yet."""
    table = pd.read_parquet(TABLE) if TABLE.exists() else pd.DataFrame(columns=COLUMNS)
    for pool, module in product(pools, modules):
        folder = folder_of(pool, module)
        rows = table[(table["pool"] == pool.stem) & (table["module"] == module) & (table["code"] == folder.name)]
        for row in rows.astype(object).where(rows.notna(), None).to_dict("records"):
            path = folder / module / f"{row['file']}.json"
            if not path.exists():
                outcome = {name: row[name] for name in PLAIN}
                nats = {mark: row[column] for mark, column in NATS.items()}
                files.write_text(path, json.dumps(outcome | {"true_nats": nats}))
