"""exchange: export the studies as W&B sweeps, and import a W&B sweep as a study; not a stage of dvc.yaml."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lrsweep import files
from lrsweep.config import yamlfile
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.runner.sweeps import SweepBayes
from lrsweep.store import imported
from lrsweep.store.results import FOLDER, Results
from lrsweep.tracking import exporting, histories, importing
from lrsweep.trainers.builtin.settings import NAMES


def export(params: Params, folder: Path) -> list[Path]:
    """Write the configurations of both sweeps and their program, and give the paths.

    Raises:
        UserError: phase 2's LR range is auto, and the edge has not been found.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"FOLDER: found {folder}, which is a file, expected a folder or a new name; name another")
    lr, program = SweepBayes(params, Results(FOLDER)).space.lr, folder / "trial.py"
    texts = {program: exporting.PROGRAM}
    for stage, content in exporting.sweeps(params.sweep_uniform, params.sweep_bayes, lr, program).items():
        texts[folder / f"{stage}.yaml"] = yamlfile.dump(content)
    for path, text in texts.items():
        files.write_text(path, text)
    return list(texts)


def take(
    params: Params, stage: str, sources: Sequence[Path], into: Path, renamed: Sequence[str], leave_out: Sequence[str]
) -> str:
    """Import a sweep as a study into a new folder, and give what to write into params.yaml to use it.

    renamed: OURS=THEIRS, for names that the export calls otherwise.

    Raises:
        UserError: the folder is there, a name is unknown, or the export is broken or partial; nothing is written then.
    """
    if into.exists():
        raise UserError(f"--into: found {into}, expected a new folder; name another, or remove it")
    study = importing.Study(stage, getattr(params, stage), NAMES)
    names = names_of(study, renamed)
    found = importing.convert(histories.read(sources, leave_out), names, study)
    source = {"files": [path.name for path in sources], "names": names, "left_out": list(leave_out)}
    written = imported.write(into, stage, study.section, source, found)
    states = Counter(trial.record.state for trial in found)
    counts = ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
    value = f"{{folder: {json.dumps(written.folder)}, sha256: {written.sha256}}}"
    return f"# {len(found)} trials ({counts}); for params.yaml:\n{stage}:\n  imported: {value}"


def names_of(study: importing.Study, renamed: Sequence[str]) -> dict[str, str]:
    """Give the export's name for each name of a study.

    Raises:
        UserError: a name is not one of the study's.
    """

    names = {name: name for name in study.names}
    for text in renamed:
        ours, mark, theirs = text.partition("=")
        if not mark or ours not in names:
            raise UserError(f"--name: found {text!r}, expected OURS=THEIRS with OURS one of {', '.join(names)}; correct it")
        names[ours] = theirs
    return names
