"""A study and records of it, for tests."""

from lrsweep.search.settings import SweepBayes
from lrsweep.search.trial import EvalPoint, Proposal, Record
from lrsweep.space import Float

LR = Float(min=1e-4, max=1e-1, scale="log")
SECTION = SweepBayes.model_validate(
    {
        "trials": 128,
        "prior": None,
        "first_block": 16,
        "lag": 8,
        "steps": 300,
        "warmup_steps": 30,
        "eval_every": 10,
        "sampler": "mfgp",
        "cap_quantile": 1.0,
        "most_told": 256,
        "space": {
            "lr": "auto",
            "beta2": {"min": 0.95, "max": 0.999, "scale": "linear"},
            "weight_decay": {"min": 0.001, "max": 0.1, "scale": "log"},
        },
        "metric": {"name": "loss", "window": 5, "kappa": 1.12, "rho": 0.9, "rise_weight": 1.0},
        "stopping": {"first_rung": 40, "eta": 2, "slack": 0.02},
        "ending": None,
        "imported": None,
    }
)
SPACE = SECTION.space_with(LR)


def known(trial, lr, beta2=0.97, weight_decay=0.01):
    """Make a proposal of these values."""
    return Proposal.known(trial, {"lr": lr, "beta2": beta2, "weight_decay": weight_decay}, "sobol")


def record(trial, state, losses, lr=0.01):
    """Make a record with an eval every 10 steps; losses[i] is at eval i + 1."""
    evals = (EvalPoint(0, 0.0, 6.0), *(EvalPoint(10 * (i + 1), lr, loss) for i, loss in enumerate(losses)))
    return Record("c", known(trial, lr), 0, state, evals[-1].step, evals, ())
