"""What is kept of the recorded default run beside dvc.lock: small results, and what its code means.

python -m tests.recorded copies it to docs/run, after `lrsweep record`.
"""

import shutil
from pathlib import Path

from lrsweep.provenance import pipeline
from lrsweep.runner import meaning
from lrsweep.runner.catalogue import STUDIES
from lrsweep.store.results import FOLDER, write_json

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs/run"
CODE = "code.json"
RESULTS = (
    *("tokenize/tokens.json", "edge/edge.json", "edge/metrics.json", "sweep_bayes/summary.json", "assess/metrics.json"),
    *("select/metrics.json", "select/choice.json", "train/metrics.json", "figures/loss_by_lr.svg"),
    *(f"{stage}/provenance.json" for stage in STUDIES),
)
# What a stage does with its trainings and tables; what decides a training is part of the identity in its provenance.
ROOMS = ("space", "text", "search", "store", "analysis", "provenance", "figures", "report", "seeding", "stages")


def code() -> dict[str, str]:
    """Give the digest of what the code of each stage means."""
    return {stage: meaning.digest([f"stages.{stage}"], ROOMS) for stage in pipeline.load(ROOT / "dvc.yaml")}


if __name__ == "__main__":
    for name in RESULTS:
        (KEPT / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / FOLDER / name, KEPT / name)
    write_json(KEPT / CODE, code())
