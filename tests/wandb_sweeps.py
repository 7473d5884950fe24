"""Exported sweeps that W&B's own engine is asked about, with runs as we log them: `make fixtures-sweeps` records its answers."""

import json
import sys
from pathlib import Path

import numpy as np

from lrsweep.config import checking
from lrsweep.config.params import Params
from lrsweep.search.settings import Metric
from lrsweep.search.trial import EvalPoint, Proposal, Record
from lrsweep.space import Float
from lrsweep.tracking import exporting
from lrsweep.tracking import runs as tracking
from tests.spaces import OPEN, USUAL

ROOT = Path(__file__).parents[1]
REFERENCES = (1.0, 2.0, 3.0, 4.0)  # losses of runs that have ended …
RUNNING = 3.5  # … and of one that runs: the threshold among these five at 1/2 is 3, at 1/3 it is 2
LR = Float(min=0.001, max=0.064, scale="log")
# What the answers depend on is said here, so that they stay the same when params.yaml gets other defaults.
CASES = {
    "rung at eval 2, eta 2": ({"steps": 40, "eval_every": 5}, {"first_rung": 10, "eta": 2}, "loss", "linear", USUAL),
    "rung at eval 3, eta 3": ({"steps": 60, "eval_every": 5}, {"first_rung": 15, "eta": 3}, "trailing_mean", "log", OPEN),
    "rung at eval 6, M_u": ({"steps": 60, "eval_every": 5}, {"first_rung": 30, "eta": 2}, "m_u", "log", USUAL),
}


def params_of(case: str) -> Params:
    budget, stopping, metric, scale, space = CASES[case]
    base = checking.load(ROOT / "params.yaml")
    budget = {**budget, "warmup_steps": 4, "trials": 12}
    uniform = base.sweep_uniform.model_copy(update={**budget, "lr": Float(min=1e-4, max=0.1, scale=scale)})
    changed = {
        **budget,
        "space": {name: one for name, one in space.dimensions.items() if name != "lr"} | {"lr": "auto"},
        "metric": Metric(name=metric, window=5, kappa=1.1, rho=0.9, rise_weight=1.0),
        "stopping": base.sweep_bayes.stopping.model_copy(update=stopping),
    }
    bayes = base.sweep_bayes.model_copy(update=changed)
    return base.model_copy(update={"sweep_uniform": uniform, "sweep_bayes": bayes})


def rows(params: Params, loss_nats: float) -> list[dict]:
    """What is logged of a trial whose loss is the same at each eval, far from its peak LR."""
    section = params.sweep_bayes
    evals = [EvalPoint(step, 0.0, loss_nats) for step in range(0, section.steps + 1, section.eval_every)]
    proposal = Proposal.known(0, {"lr": 0.01}, "gp")
    record = Record("", proposal, 0, "COMPLETE", section.steps, tuple(evals), ())
    curve = {name: np.full(section.steps, loss_nats) for name in ("lr", "loss_nats", "grad_norm")}
    return list(tracking.trial_rows(record, curve, section.metric, section.metric.name))


def question(case: str) -> dict:
    params = params_of(case)
    histories = {"ended": [rows(params, loss) for loss in REFERENCES], "running": rows(params, RUNNING)}
    return {"configs": exporting.sweeps(params.sweep_uniform, params.sweep_bayes, LR, Path("exported/trial.py")), **histories}


if __name__ == "__main__":
    json.dump({case: question(case) for case in CASES}, sys.stdout)
