"""exchange: the studies as sweeps of W&B; not a stage of dvc.yaml, for a user asks for it."""

from pathlib import Path

import yaml

from lrsweep import artifacts
from lrsweep.params import Params, Range
from lrsweep.wb import exporting


def export(params: Params, folder: Path) -> list[Path]:
    """Writes the configurations of both sweeps and their program, and gives their paths.

    Raises:
        UserError: phase 2's LR range is auto, and the edge has not been found.
    """
    lr, program = params.sweep_bayes.lr, folder / "trial.py"
    if not isinstance(lr, Range):
        lr = Range.model_validate(artifacts.read_json(artifacts.RESULTS / "edge/edge.json")["lr_range"])
    texts = {program: exporting.PROGRAM}
    for stage, content in exporting.sweeps(params, lr, program).items():
        texts[folder / f"{stage}.yaml"] = yaml.safe_dump(content, sort_keys=False, width=120)
    for path, text in texts.items():
        artifacts.write_text(path, text)
    return list(texts)
