"""Every figure: prepare_NAME(inputs) gives one tidy table, and draw_NAME(ax, data) draws exactly that table.

Marks such as the edge or the rungs are rows of that table too. Nothing here touches the file system except to read the style
sheet of the package. A figure of a study without usable data is an axis with a note.
"""

from lrsweep.figures.assessment import CORRELATIONS, REPLAY
from lrsweep.figures.choice import CHOICE, FINAL_CURVE, RACE
from lrsweep.figures.edge import LOSS_BY_LR, LR_GRAD_NORM, SPIKES
from lrsweep.figures.exploration import EXPLORATION, IMPORTANCE
from lrsweep.figures.isolation import ISOLATION
from lrsweep.figures.shapes import SHAPES
from lrsweep.figures.sharpness import SHARPNESS
from lrsweep.figures.study import CLUSTERS, CURVES, PROPOSALS

IN_ORDER = (  # in the order of the page
    LOSS_BY_LR,
    LR_GRAD_NORM,
    SPIKES,
    SHARPNESS,
    CURVES,
    PROPOSALS,
    EXPLORATION,
    ISOLATION,
    IMPORTANCE,
    CLUSTERS,
    SHAPES,
    CORRELATIONS,
    REPLAY,
    CHOICE,
    RACE,
    FINAL_CURVE,
)
FIGURES = {figure.name: figure for figure in IN_ORDER}
NAMES = tuple(FIGURES)
