"""exchange: export the studies as W&B sweeps, and import runs of other tools as a study; not a stage of dvc.yaml."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from lrsweep import files
from lrsweep.config import yamlfile
from lrsweep.config.names import taken
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.runner.sweeps import SweepBayes
from lrsweep.space import Value, Values
from lrsweep.store import imported
from lrsweep.store.results import FOLDER, Results
from lrsweep.terminal import on_a_line
from lrsweep.tracking import exporting, histories, importing
from lrsweep.tracking.logged import Overlap
from lrsweep.tracking.sources import Source
from lrsweep.trainers.builtin import schedule
from lrsweep.trainers.builtin.settings import NAMES, override

ANY = TypeAdapter(Value)  # of a name that a script takes


def export(params: Params, folder: Path) -> list[Path]:
    """Write the configurations of both sweeps and their program, and give the paths.

    Raises:
        UserError: phase 2's LR range is auto, and the edge has not been found; a file of such a name is another one; or
            there is a script, which the program of the sweeps does not train.
    """
    if params.trainer:
        raise UserError(
            "trainer: found a script, expected the built-in model, which the exported program trains; "
            "set execution.tracking to offline or online to log a script's runs with W&B"
        )
    if folder.exists() and not folder.is_dir():
        raise UserError(f"FOLDER: found {folder}, which is a file, expected a folder or a new name; name another")
    lr, program = SweepBayes(params, Results(FOLDER)).space.lr, folder / "trial.py"
    texts = {program: exporting.PROGRAM}
    for stage, content in exporting.sweeps(params.sweep_uniform, params.sweep_bayes, lr, program).items():
        texts[folder / f"{stage}.yaml"] = yamlfile.dump(content)
    for path, text in texts.items():
        if path.exists() and path.read_bytes() != text.encode():
            raise UserError(f"{path}: found another file, expected a new name; move it away, or name another folder")
    for path, text in texts.items():
        files.write_text(path, text)
    return list(texts)


def take(
    params: Params,
    stage: str,
    source: Source,
    paths: Sequence[Path],
    into: Path,
    renamed: Sequence[str],
    leave_out: Sequence[str],
    overlap: Overlap,
) -> str:
    """Import runs as a study into a new folder, and give notes on how they were read and what to write into params.yaml.

    renamed: OURS=THEIRS, for names that the export calls otherwise.

    Raises:
        UserError: the folder is there, a name is unknown, or the export is broken or partial; nothing is written then.
    """
    if into.exists():
        raise UserError(f"--into: found {into}, expected a new folder; name another, or remove it")
    if not f"{into}".isprintable():
        raise UserError(f"--into: found {into}, expected a name of printable characters, for params.yaml; name another")
    study = study_of(params, stage)
    names = names_of(study, source, renamed)
    if params.trainer and not names["lr"]:
        raise UserError("--name: found lr=, expected the name of the learning rates: a script's schedule is not known; log them")
    found = importing.convert(histories.read(source, paths, leave_out), names, study, overlap)
    notes = [on_a_line(note) for note in found.notes]
    made_from = {
        "kind": source.kind,
        "files": [on_a_line(path.name) for path in paths],
        "names": {ours: on_a_line(theirs) for ours, theirs in names.items()},
        "left_out": [on_a_line(name) for name in leave_out],
        "overlap": overlap,
        "runs": {str(trial.record.trial): on_a_line(trial.run) for trial in found.trials},
        "notes": notes,
    }
    trials = [(trial.record, trial.curve) for trial in found.trials]
    written = imported.write(into, stage, study.section, made_from, trials)
    states = Counter(record.state for record, _ in trials)
    counts = ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
    value = f"{{folder: {json.dumps(written.folder)}, sha256: {written.sha256}}}"
    said = "".join(f"# {note}\n" for note in notes)
    return f"{said}# {len(trials)} trials ({counts}); for params.yaml:\n{stage}:\n  imported: {value}"


def study_of(params: Params, stage: str) -> importing.Study:
    """Give the study that runs are read as, with the schedule of params.yaml for those that logged no LR."""
    section = getattr(params, stage)

    def lr_at(values: Values, step: int) -> float:
        known = {name: value for name, value in values.items() if name in NAMES}
        optimizer, _, budget = override(known, params.optimizer, params.model, section)
        return schedule.lr_at(step, float(values["lr"]), optimizer, budget)

    fixed = {f"optimizer.{name}": getattr(params.optimizer, name) for name in ("schedule", "min_lr_ratio")}
    fixed[f"{stage}.warmup_steps"] = section.warmup_steps
    varied = section.space if stage == "sweep_bayes" else ()
    kept = {key: value for key, value in fixed.items() if key.rpartition(".")[2] not in varied}
    limits = {**dict.fromkeys(varied, ANY), **taken(params)}
    return importing.Study(stage, section, limits, lr_at, kept)


def names_of(study: importing.Study, source: Source, renamed: Sequence[str]) -> dict[str, str]:
    """Give the export's name for each name of a study.

    Raises:
        UserError: a name is not one of the study's, or of those that the trainer takes.
    """
    names = {name: source.names.get(name, name) for name in study.names}
    for text in renamed:
        ours, mark, theirs = text.partition("=")
        if not mark or ours not in {*names, *(f"config.{name}" for name in study.limits)}:
            raise UserError(f"--name: found {text!r}, expected OURS=THEIRS with OURS one of {', '.join(names)}; correct it")
        if ours in names:  # what the study does not vary may be named, as for the other study, and is not read
            names[ours] = theirs
    return names
