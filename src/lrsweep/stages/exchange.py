"""exchange: the studies as sweeps of W&B, and a sweep of W&B as a study; not a stage of dvc.yaml, for a user asks for it."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lrsweep import files
from lrsweep.config import yamlfile
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.store import artifacts, imported
from lrsweep.tracking import exporting, histories, importing


def export(params: Params, folder: Path) -> list[Path]:
    """Writes the configurations of both sweeps and their program, and gives their paths.

    Raises:
        UserError: phase 2's LR range is auto, and the edge has not been found.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"FOLDER: found {folder}, which is a file, expected a folder or a new name; name another")
    lr, program = params.sweep_bayes.lr, folder / "trial.py"
    if not isinstance(lr, Range):
        lr = Range.model_validate(artifacts.read_json(artifacts.RESULTS / "edge/edge.json")["lr_range"])
    texts = {program: exporting.PROGRAM}
    for stage, content in exporting.sweeps(params, lr, program).items():
        texts[folder / f"{stage}.yaml"] = yamlfile.dump(content)
    for path, text in texts.items():
        files.write_text(path, text)
    return list(texts)


def take(
    params: Params, stage: str, sources: Sequence[Path], into: Path, renamed: Sequence[str], leave_out: Sequence[str]
) -> str:
    """Imports a sweep as a study into a new folder, and gives what params.yaml must say for it to be used.

    renamed: OURS=THEIRS for names that the export calls otherwise.

    Raises:
        UserError: the folder is there, a name is unknown, or the export is broken or partial; nothing is written then.
    """
    if into.exists():
        raise UserError(f"--into: found {into}, expected a new folder; name another, or remove it")
    names, study = _names(renamed), getattr(params, stage)
    found = importing.convert(histories.read(sources, leave_out), names, importing.Study(stage, study, params.optimizer))
    source = {"files": [path.name for path in sources], "names": names, "left_out": list(leave_out)}
    written = imported.write(into, stage, study, source, found)
    states = Counter(trial.record.state for trial in found)
    counts = ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
    value = f"{{folder: {json.dumps(written.folder)}, sha256: {written.sha256}}}"
    return f"# {len(found)} trials ({counts}); for params.yaml:\n{stage}:\n  imported: {value}"


def _names(renamed: Sequence[str]) -> dict[str, str]:
    names = {name: name for name in importing.NAMES}
    for text in renamed:
        ours, mark, theirs = text.partition("=")
        if not mark or ours not in names:
            raise UserError(f"--name: found {text!r}, expected OURS=THEIRS with OURS one of {', '.join(names)}; correct it")
        names[ours] = theirs
    return names
