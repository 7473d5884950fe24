"""Every figure: prepare_NAME(inputs) gives one tidy table, and NAME, a Figure, draws exactly that table.

Marks such as the edge or the rungs are rows of that table too. Nothing here touches the file system except to read the style
sheet of the package. A figure of a study without usable data is an axis with a note.
"""

from lrsweep.figures import ablations, assessment, choice, edge, exploration, scaling, study, survivors

IN_ORDER = (  # of the page
    edge.loss_by_lr,
    edge.lr_grad_norm,
    edge.spikes,
    edge.sharpness,
    study.curves,
    study.proposals,
    study.ending,
    exploration.exploration,
    exploration.isolation,
    exploration.importance,
    survivors.clusters,
    survivors.shapes,
    assessment.correlations,
    assessment.by_median,
    assessment.replay,
    choice.choice,
    choice.race,
    scaling.profiles,
    ablations.ablation_curves,
    ablations.ablation_differences,
    choice.final_curve,
)
FIGURES = {figure.name: figure for figure in IN_ORDER}
NAMES = tuple(FIGURES)
OF_BUILTIN = ("sharpness",)  # figures of what only the built-in model can measure


def names(of_script: bool) -> tuple[str, ...]:
    """Give the names of the figures that a study has."""
    return tuple(name for name in NAMES if not (of_script and name in OF_BUILTIN))
