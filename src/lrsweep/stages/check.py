"""check: check params.yaml as a whole, and the files that it names; say what ablations cost, else nothing where all is well."""

from collections.abc import Sequence

from lrsweep import experiments
from lrsweep.config.params import Params
from lrsweep.config.variants import variants_of
from lrsweep.store import imported
from lrsweep.store.results import Results
from lrsweep.terminal import note, warn
from lrsweep.text.corpus import read_beginnings
from lrsweep.trainers.command.trainer import files_read


def run(params: Params, results: Results) -> None:
    """Write passed.txt, always the same: `dvc repro` begins here when params.yaml has changed, and runs nothing else for it."""
    need_sources(params)
    key, patterns = _patterns(params)
    for number, pattern in enumerate(patterns):
        if said := experiments.left_behind(pattern):
            warn(f"{key}[{number}]: {said}")
    if params.ablate:
        count, runs, steps = len(variants_of(params.ablate)), params.ablate.runs, params.sweep_bayes.steps
        pairs = sum(one.parts is not None for one in variants_of(params.ablate))
        crossed = f" ({pairs} of them of two variants, by ablate.grid)" if params.ablate.grid else ""
        said = f"ablate trains {count} profiles of {runs} runs{crossed}: {count * runs * steps} steps"
        note(f"{said}; `lrsweep estimate`, or `lrsweep try` for a script, says how long that takes")
    results.write_text("check/passed.txt", "params.yaml has passed its check\n")


def need_sources(params: Params) -> None:
    """Refuse files that params.yaml names and no run can be made of, before any work.

    Raises:
        UserError: an import or a text is missing or not what params.yaml says, or a file that a script reads is missing.
    """
    for stage, study in (("sweep_uniform", params.sweep_uniform), ("sweep_bayes", params.sweep_bayes)):
        if study.imported:
            imported.listed(stage, study)
    if params.trainer:
        files_read(params.trainer)
    else:
        read_beginnings(params.corpus)


def _patterns(params: Params) -> tuple[str, Sequence[str]]:
    """Give the key of the paths and globs that are read, and these."""
    if params.trainer:
        return "trainer.reads", params.trainer.reads
    return "corpus.paths", params.corpus.paths if params.corpus.source == "files" else ()
