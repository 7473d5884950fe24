"""What is known of the trainings of a stage without reading any of them: what fans out, and how many workers that can use."""

from lrsweep.config.params import Params

FANNED_OUT = ("sweep_uniform", "sharpness", "sweep_bayes", "assess", "select", "train")  # what workers train


def most_workers(stage: str, params: Params) -> int:
    """Give the number of a stage's trials that can train at once, at most; none for a study that was trained elsewhere."""
    uniform, bayes = params.sweep_uniform, params.sweep_bayes
    elsewhere = {"sweep_uniform": uniform, "sharpness": uniform, "sweep_bayes": bayes, "assess": bayes}
    if stage in elsewhere and elsewhere[stage].imported:
        return 0
    most = {
        "sweep_uniform": params.sweep_uniform.trials,
        "sharpness": 2 * params.sharpness.trials_per_side if params.sharpness else 0,
        "sweep_bayes": max(bayes.first_block, bayes.lag),
        "assess": params.assess.audit_trials,
        "select": (params.select.candidates + 1) * params.select.first_seeds,
        "train": 1,
    }
    return most[stage]
