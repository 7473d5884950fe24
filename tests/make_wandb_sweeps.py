"""Asks W&B's own sweep engine of our exported sweeps: are they valid, and when does it stop a run that is logged as ours?

make fixtures-sweeps writes its answers; the questions come from tests.wandb_sweeps.
"""

import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path

from sweeps import RunState, SweepRun, stop_runs
from sweeps.config import SweepConfig, schema_violations_from_proposed_config


def judge(asked: dict) -> dict:
    config = asked["configs"]["sweep_bayes"]
    ended = [SweepRun(name=str(i), state=RunState.finished, history=rows) for i, rows in enumerate(asked["ended"])]
    stops = []
    for n, row in enumerate(asked["running"], start=1):
        running = SweepRun(name="running", state=RunState.running, history=asked["running"][:n])
        if stop_runs(config, [*ended, running]):
            stops.append(row["step"])
    return {
        "sha256": hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest(),
        "violations": {stage: schema_violations_from_proposed_config(one) for stage, one in asked["configs"].items()},
        "filled": {stage: dict(SweepConfig(one)) for stage, one in asked["configs"].items()},
        "first_stop": stops[0] if stops else None,
    }


if __name__ == "__main__":
    questions = json.load(sys.stdin)
    answers = {case: judge(asked) for case, asked in questions.items()}
    wrong = next(iter(questions.values()))["configs"]["sweep_bayes"]
    early, lr = {**wrong["early_terminate"], "min_iter": 0}, {"distribution": "log_uniform_value", "min": 0.1, "max": 1}
    wrong = {**wrong, "early_terminate": early, "parameters": {"lr": lr}}
    control = schema_violations_from_proposed_config(wrong)
    said = {"engine": f"sweeps {version('sweeps')}", "answers": answers, "wrong": control}
    target = Path(__file__).parent / "fixtures/wandb_sweeps.json"
    target.write_text(json.dumps(said, indent=1) + "\n")
