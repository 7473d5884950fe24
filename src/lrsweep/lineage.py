"""What a result depends on: the modules that a stage imports, and the folder that its trials are kept in.

The folder's name is a digest of everything that a trial depends on, known before any stage has run: parameters, the code of
the stage and of those before it, source files, library versions. So another seed or an edited model never meets old trials.
"""

import ast
import os
from functools import cache
from importlib.metadata import version
from pathlib import Path

from lrsweep import artifacts
from lrsweep.corpus import source_files
from lrsweep.devices import device
from lrsweep.params import Corpus, Params
from lrsweep.records import canonical_digest

PACKAGE = Path(__file__).parent
LIBRARIES = ("torch", "optuna", "tokenizers", "numpy")
# What a study's trials depend on. The number of trials is not part of it: more trials keep the first ones.
SECTIONS = {
    "sweep_uniform": ("corpus", "tokenize", "model", "optimizer", "evaluation", "sweep_uniform"),
    "sweep_bayes": ("corpus", "tokenize", "model", "optimizer", "evaluation", "sweep_bayes"),
    "assess": ("corpus", "tokenize", "model", "optimizer", "evaluation", "sweep_bayes", "assess"),
    "select": ("corpus", "tokenize", "model", "optimizer", "evaluation", "sweep_bayes", "select"),
    "train": ("corpus", "tokenize", "model", "optimizer", "evaluation", "train"),  # and the values that it trains at
}
# Modules that change no record: what params.py says counts by its values, the others only speak.
_WITHOUT_EFFECT = {PACKAGE / "params.py", PACKAGE / "progress.py", PACKAGE / "errors.py", PACKAGE / "files.py"}
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
    return [artifacts.digest(path) for path in source_files(section)]


def study_folder(stage: str, params: Params) -> Path:
    """The folder of a study's trials: work/<digest>/<stage>; that of made-up trials begins with `simulated-`.

    Raises:
        UserError: a source file of the corpus is missing.
    """
    upstream = ["corpus", "tokenize", "train" if stage == "train" else "trials"]
    sections = list(SECTIONS[stage])
    if "sweep_bayes" in sections and params.sweep_bayes.lr == "auto":
        sections += ["sweep_uniform", "edge"]
        upstream.append("edge")
    parts = {name: getattr(params, name).model_dump(mode="json") for name in sections}
    own = {key: value for key, value in parts[stage].items() if key not in _NOT_COUNTED}
    files = {path for name in upstream for path in modules(f"lrsweep.stages.{name}")} - _WITHOUT_EFFECT
    everything = {
        "seed": params.seed,
        "sections": {**parts, stage: own},
        "code": {str(path.relative_to(PACKAGE)): artifacts.digest(path) for path in sorted(files)},
        "sources": _source_digests(params.corpus),
        "device": device(params.execution),
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    return work() / f"{'simulated-' if params.simulate else ''}{canonical_digest(everything)[:16]}" / stage
