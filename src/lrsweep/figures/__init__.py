"""Every figure: prepare_NAME(inputs) gives one tidy table, and NAME, a Figure, draws exactly that table.

Marks such as the edge or the rungs are rows of that table too. Nothing here touches the file system except to read the style
sheet of the package. A figure of a study without usable data is an axis with a note.
"""

from lrsweep.figures import assessment, choice, edge, exploration, study

IN_ORDER = (  # of the page
    edge.loss_by_lr,
    edge.lr_grad_norm,
    edge.spikes,
    edge.sharpness,
    study.curves,
    study.proposals,
    exploration.exploration,
    exploration.isolation,
    exploration.importance,
    study.clusters,
    study.shapes,
    assessment.correlations,
    assessment.replay,
    choice.choice,
    choice.race,
    choice.final_curve,
)
FIGURES = {figure.name: figure for figure in IN_ORDER}
NAMES = tuple(FIGURES)
