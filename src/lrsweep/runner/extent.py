"""The extent of training as params.yaml shows it: which stages train, and how many workers each can use."""

from lrsweep.config.params import Params
from lrsweep.trainers.builtin.settings import measures

FANNED_OUT = ("sweep_uniform", "sharpness", "sweep_bayes", "assess", "select", "train")  # what workers train


def most_workers(stage: str, params: Params) -> int:
    """Give the most trials of a stage that can train at once; 0 for a study that was trained elsewhere."""
    uniform, bayes = params.sweep_uniform, params.sweep_bayes
    elsewhere = {"sweep_uniform": uniform.imported, "sweep_bayes": bayes.imported, "assess": bayes.imported}
    if elsewhere.get(stage):
        return 0
    most = {
        "sweep_uniform": params.sweep_uniform.trials,
        "sharpness": 0 if why_unmeasured(params) or params.sharpness is None else 2 * params.sharpness.trials_per_side,
        "sweep_bayes": max(bayes.first_block, bayes.lag),
        "assess": params.assess.audit_trials,
        "select": (params.select.candidates + 1) * params.select.first_seeds,
        "train": 1,
    }
    return most[stage]


def why_unmeasured(params: Params) -> str | None:
    """Say why no curvature is measured; None where it is measured."""
    if params.sharpness is None:
        return "sharpness is null in params.yaml"
    if params.sweep_uniform.imported:
        return "phase 1 was trained elsewhere"
    if params.simulate:
        return "curves are made up"
    if not measures(params.optimizer.optimizer):
        return f"curvature is measured for AdamW, and optimizer.optimizer is {params.optimizer.optimizer}"
    return None
