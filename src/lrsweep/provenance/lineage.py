"""What a result depends on: the modules that a stage imports, and the folders that its trials are kept in.

A study's folder, work/<digest>/<stage>, is named after what its trials depend on as far as it is known before any stage has run:
parameters, code, source files, library versions, the device. The records of its trials lie in work/<digest>-<context>/<stage>:
the context is what the stages before have made of it, as phase 2's LR range. So another seed or an edited model never meets old
trials, and trials are kept where a stage before has changed and found the same.
"""

import ast
import os
from functools import cache
from importlib.metadata import version
from pathlib import Path

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.search.settings import SweepBayes
from lrsweep.space import Budget, Float
from lrsweep.store import artifacts, prior
from lrsweep.store.records import canonical_digest
from lrsweep.text.corpus import source_files
from lrsweep.text.settings import Corpus
from lrsweep.trainers.devices import device

PACKAGE = Path(__file__).parent
LIBRARIES = ("torch", "optuna", "scipy", "tokenizers", "numpy")
TRAINING = ("sweep_uniform", "sweep_bayes", "assess", "select", "train")  # the stages that train
SECTIONS = ("corpus", "tokenize", "model", "optimizer", "evaluation")  # what they depend on, each beside its own section
# Modules that change no record: what params.py and lineage.py say counts by its values, the others only wait and speak.
_WITHOUT_EFFECT = {PACKAGE / f"{name}.py" for name in ("params", "lineage", "locking", "progress", "errors", "files")}
# The number of trials is not part of it: more trials keep the first ones.
_NOT_COUNTED = {
    *("trials", "audit_trials", "candidates", "seeds", "first_seeds", "budget", "drop_level"),  # how many, and which
    *("bootstrap", "orders", "best_share", "fewest_trials", "border", "widen"),  # analysis
}


@cache
def modules(name: str) -> tuple[Path, ...]:
    """The source files of the package that module `name` (lrsweep.stages.train) imports, itself included, sorted."""
    found: set[Path] = set()
    waiting = [name]
    while waiting:
        path = _source(waiting.pop())
        if path is None or path in found:
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "lrsweep":
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names if alias.name.startswith("lrsweep.")]
    return tuple(sorted(found))


def _source(name: str) -> Path | None:
    path = PACKAGE.joinpath(*name.split(".")[1:])
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() and path != PACKAGE else None


def work() -> Path:
    """Where trials are kept while and after they run; LRSWEEP_WORK moves it, so that several workspaces can share it."""
    return Path(os.environ.get("LRSWEEP_WORK", "work"))


def kept(folder: Path) -> Path:
    """Where the records of a study are kept, by its folder in the workspace: work/<digest>/<stage>."""
    return work() / folder.parent.name / folder.name


@cache
def _source_digests(section: Corpus) -> list[str]:
    """Of the user's files, which may be large: once a process, for all studies."""
    return [files.digest(path) for path in source_files(section)]


def study_folder(stage: str, params: Params) -> Path:
    """The folder of a study: work/<digest>/<stage>; that of made-up trials begins with `simulated-`.

    Raises:
        UserError: a source file of the corpus is missing.
    """
    known_later = {"lr"} if stage == "sweep_bayes" else set()  # a fixed range and one that the edge gave are the same range
    own = getattr(params, stage).model_dump(mode="json", exclude=_NOT_COUNTED | known_later)
    if stage in ("assess", "select"):  # they train as phase 2 does
        own |= params.sweep_bayes.model_dump(mode="json", include=set(Budget.model_fields))
    upstream = ("corpus", "tokenize", "train" if stage == "train" else "trials")
    files = {path for name in upstream for path in modules(f"lrsweep.stages.{name}")} - _WITHOUT_EFFECT
    everything = {
        "seed": params.seed,
        "sections": {**{name: getattr(params, name).model_dump(mode="json") for name in SECTIONS}, stage: own},
        "code": {str(path.relative_to(PACKAGE)): files.digest(path) for path in sorted(files)},
        "sources": _source_digests(params.corpus),
        "device": device(params.execution),
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    return work() / f"{'simulated-' if params.simulate else ''}{canonical_digest(everything)[:16]}" / stage


def lr_range(section: SweepBayes) -> Range:
    """Phase 2's LR range: fixed, or what the edge gave.

    Raises:
        UserError: the stage `edge` has not run.
    """
    if isinstance(section.lr, Range):
        return section.lr
    return Range.model_validate(artifacts.read_json(artifacts.RESULTS / "edge/edge.json")["lr_range"])


def context(study: Path, params: Params) -> str:
    """Digest of all that the trials of a study depend on: the name of its folder, and what the stages before have made.

    Raises:
        UserError: one of these has not run.
    """
    found = {"study": study.parent.name, "tokens": artifacts.read_json(artifacts.RESULTS / "tokenize/tokens.json")}
    if study.name == "sweep_bayes":
        found["lr"] = lr_range(params.sweep_bayes).model_dump()
        found["prior"] = [_table_digest(path) for path in prior.tables(params.sweep_bayes)]
    if study.name in ("assess", "select"):
        found["trials"] = _table_digest(artifacts.RESULTS / "sweep_bayes/trials.parquet")
    return canonical_digest(found)


def _table_digest(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"{path}: no such file; the stage that writes it has not run")
    return files.digest(path)


def records_folder(study: Path, context: str) -> Path:
    """Where the records of a study's trials lie in this context."""
    return study.parent.with_name(f"{study.parent.name}-{context[:8]}") / study.name


def current_records(study: Path, params: Params) -> Path | None:
    """Where the records of a study's trials lie, by what the stages before have made; None where one of these has not run."""
    try:
        return records_folder(study, context(study, params))
    except UserError:
        return None


def started(study: Path, params: Params) -> list[Path]:
    """Where trials of a study have started: in the current context or, where that is not known here since the study runs in
    another workspace with the same work folder, in any.
    """
    current = current_records(study, params)
    folders = [current] if current else sorted(work().glob(f"{study.parent.name}-*/{study.name}"))
    return [folder for folder in folders if (folder / "events.jsonl").exists()]
