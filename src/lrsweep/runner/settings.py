"""What is known of the trainings of a stage without reading any of them: what fans out, and how many workers that can use."""

from lrsweep.config.params import Params

FANNED_OUT = ("sweep_uniform", "sweep_bayes", "assess", "select")  # the stages whose trials workers train


def most_workers(stage: str, params: Params) -> int:
    """Give the number of a stage's trials that can train at once, at most; none for a study that was trained elsewhere."""
    bayes = params.sweep_bayes
    if getattr(getattr(params, stage), "imported", None) or (stage == "assess" and bayes.imported):
        return 0
    most = {
        "sweep_uniform": params.sweep_uniform.trials,
        "sweep_bayes": max(bayes.first_block, bayes.lag),
        "assess": params.assess.audit_trials,
        "select": (params.select.candidates + 1) * params.select.first_seeds,
    }
    return most[stage]
