"""Asks W&B's own sweep engine after each eval of each trial whether it stops: make fixtures-sweeps writes its answers.

Per sweep and trial: the number of evals after which the engine stopped it, or null where it ran to its end.
"""

import json
from pathlib import Path

from sweeps import RunState, SweepRun
from sweeps.hyperband_stopping import hyperband_stop_runs

from tests.wandb_histories import CASES, sweep, write_up


def stops(case, strict):
    config = {
        "method": "random",
        "metric": {"name": "loss", "goal": "minimize"},
        "early_terminate": {"type": "hyperband", "min_iter": case["min_iter"], "eta": case["eta"], "strict": strict},
        "parameters": {"lr": {"min": 0.0, "max": 1.0}},
    }
    ended, answers = [], []
    for number, losses in enumerate(case["trials"]):
        length, stopped = 0, False
        while length < len(losses) and not stopped:
            length += 1
            history = [{"loss": loss} for loss in losses[:length]]
            run = SweepRun(name=str(number), state=RunState.running, history=history)
            stopped = run in hyperband_stop_runs([*ended, run], config)
        ended.append(SweepRun(name=str(number), state=RunState.finished, history=history))
        answers.append(length if stopped else None)
    return answers


def main():
    cases = [sweep(number) for number in range(CASES)]
    answers = {name: [stops(case, strict) for case in cases] for name, strict in (("strict", True), ("not_strict", False))}
    answers["write_up"] = [stops(write_up(), strict=True)]
    target = Path(__file__).parent / "fixtures/wandb_stops.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(answers, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
