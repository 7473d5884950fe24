"""The live page: the studies while they run. It is no result: it may show times, and nothing is made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from matplotlib.axes import Axes

from lrsweep.analysis.edge import Edge
from lrsweep.figures.drawing import label
from lrsweep.figures.edge import loss_by_lr, prepare_loss_by_lr
from lrsweep.figures.figure import Figure, figure
from lrsweep.figures.study import curves, prepare_curves, prepare_proposals, proposals
from lrsweep.report.page import data_uri, fill
from lrsweep.search.trial import DIVERGED
from lrsweep.space import Values

PHASE_1, PHASE_2 = "sweep_uniform", "sweep_bayes"
TITLES = {
    PHASE_1: "Phase 1: how high the learning rate can go",
    "edge": "Phase 1: the runs that refine it",
    "sharpness": "Phase 1: the curvature, measured",
    PHASE_2: "Phase 2: the search",
    "assess": "Audit of pruned trials",
    "select": "Race over seeds",
    "scale": "The LR carried to the final training",
    "ablate": "Ablations",
    "train": "Final training",
}
NO_RUNS = pd.DataFrame(columns=["run", "state", "lr", "final_loss_nats", "unstable"])  # that refine a study
NONE, RUNS, STOPPED, OVER = "none", "runs", "stopped", "over"


@dataclass(frozen=True)
class Running:
    """A training that runs now."""

    trial: int
    until: int  # step
    values: Values
    lasting: str
    host: str


@dataclass(frozen=True)
class Best:
    """The complete trial with the lowest final loss."""

    trial: int
    loss_nats: float | None
    values: Values


@dataclass(frozen=True)
class Picture:
    """A figure as a data URI."""

    uri: str
    caption: str


@dataclass(frozen=True)
class Shown:
    """A study so far. pruned: trials by the rung, in steps, at which they were stopped. left: None while it is not known."""

    stage: str
    done: int
    trials: int
    running: Sequence[Running]
    pruned: Mapping[int, int]
    diverged: int
    best: Best | None
    left: str | None
    pictures: Sequence[Picture]
    source: str

    @property
    def title(self) -> str:
        """The study in words."""
        return TITLES[self.stage]


@dataclass(frozen=True)
class Live:
    """What the live page shows.

    state: NONE (nothing has started), RUNS, STOPPED or OVER. now: the first stage that has not ended; None where all have.
    stages: each with whether it has ended. studies: in the order in which they run. left: the time to the end of the run.
    page: address of the final page.
    """

    state: str
    simulated: bool
    now: str | None
    stages: Mapping[str, bool]
    studies: Sequence[Shown]
    edge: Edge | None
    left: str | None
    problems: Sequence[str]
    page: str
    clock: str
    every_s: float


def render(live: Live) -> str:
    """Write the live page, which loads itself again every `every_s` until the run is over."""
    columns = {
        study.stage: [[label(name), ["values", name], "value"] for name in study.running[0].values]
        for study in live.studies
        if study.running
    }
    return fill("live.html.jinja", {**vars(live), "columns": columns, "best": best(live.studies)})


def best(studies: Sequence[Shown]) -> tuple[Shown, Best] | None:
    """Give the best trial of phase 2 or, until it has one, of phase 1: trainings of another length do not compare."""
    found = {study.stage: (study, study.best) for study in studies if study.best}
    return found.get(PHASE_2) or found.get(PHASE_1)


@figure(
    (),
    prepare=prepare_loss_by_lr,
    caption="Last loss by maximum learning rate. What diverged, or lies above the axis, stands at its border.",
)
def by_lr(ax: Axes, data: pd.DataFrame) -> None:
    """Draw the last loss of each trial over its maximum learning rate, by state, with the edge."""
    loss_by_lr.draw(ax, data)
    ax.set(ylabel="last eval loss (nats)")


def pictures(stage: str, trials: pd.DataFrame, evals: pd.DataFrame, rungs: Sequence[int], edge: Edge | None) -> list[Picture]:
    """Draw a study: curves, the loss by learning rate, and for phase 2 the order of its proposals.

    trials, evals: as the tables of these names, with WAITING as a further state. Nothing is drawn before a trial has ended.
    """
    if trials.empty:
        return []
    # the trials of an edge have the numbers of phase 1
    own = edge if stage == PHASE_1 or edge is None else replace(edge, trials=(), break_curve=())
    last = trials.assign(final_loss_nats=trials["last_loss_nats"].where(trials["state"] != DIVERGED))
    drawn = prepare_curves(trials, evals, pd.DataFrame({"rung": list(rungs)}))
    found = [
        _picture(
            curves, drawn, "Eval loss over the steps: complete trials as a median in a band of nine tenths, each other alone."
        )
    ]
    if stage != "train":  # which is one training
        found.append(_picture(by_lr, prepare_loss_by_lr(last, NO_RUNS, own), by_lr.caption))
    if stage == PHASE_2:
        said = "Final loss in the order of the proposals, and the best so far. Trials without one stand at the border."
        found.append(_picture(proposals, prepare_proposals(trials), said))
    return found


def _picture(drawn: Figure, data: pd.DataFrame, caption: str) -> Picture:
    return Picture(data_uri(*drawn.render(data, {"Title": caption, "Description": "live"})), caption)
