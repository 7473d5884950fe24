"""What a Python script may use of lrsweep, standard library only: the values of its trial, and a log that the study reads.

No script needs it: the same values stand in its command, and in `{dir}/trial.json`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # imported where they are used, since a script waits for this module
    from collections.abc import Mapping
    from pathlib import Path

VARIABLE = "LRSWEEP_TRIAL"
LOG = "metrics.jsonl"


class Trial(NamedTuple):
    """A call of a trial: train up to step `until` of a schedule of `steps`, and keep in `dir` what the next call goes on from."""

    values: Mapping[str, float | int | str]
    until: int
    steps: int
    seed: int
    dir: Path
    eval_every: int

    def report(self, step: int, loss: float | None = None, *, lr: float | None = None, grad_norm: float | None = None) -> None:
        """Log a step: its validation loss in nats where it was measured, its LR, its gradient norm before clipping.

        The curve is then `{file: "{dir}/metrics.jsonl", step: step, loss: val_loss, lr: lr, grad_norm: grad_norm}`.
        Of several processes of one training only the first writes.
        """
        if os.environ.get("RANK", "0") != "0":
            return
        import json

        row = {"step": int(step), "val_loss": loss, "lr": lr, "grad_norm": grad_norm}
        known = {name: value if name == "step" else float(value) for name, value in row.items() if value is not None}
        with (self.dir / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(known) + "\n")


def trial() -> Trial:
    """Give the trial that this process trains.

    Raises:
        RuntimeError: no study has started this process.
    """
    place = os.environ.get(VARIABLE)
    if place is None:
        raise RuntimeError("lrsweep.trial(): found no trial, expected a script that a study starts; `lrsweep try` starts one")
    import json
    from pathlib import Path

    found = json.loads(Path(place).read_text(encoding="utf-8"))
    return Trial(**{**found, "dir": Path(found["dir"])})
