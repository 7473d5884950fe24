"""What analyses might find, for the tests of whatever shows it."""

from lrsweep.analysis.assessment import Assessment, Audit
from lrsweep.analysis.clusters import Cluster, Clusters
from lrsweep.analysis.edge import Best, Bracket, Edge, Sensitivity
from lrsweep.analysis.endings import Counts, Ending, Instability
from lrsweep.analysis.importance import Importance, Share
from lrsweep.analysis.ranges import Range
from lrsweep.analysis.selection import BorderWarning, Choice, Difference, Noise, Raced
from lrsweep.analysis.spikes import Spikes
from lrsweep.space import Space
from tests.spaces import drawn

EDGE = Edge(
    edge_lr=0.02,
    edge_low_lr=0.01,
    edge_high_lr=0.03,
    resamples=1000,
    at_border=False,
    bracket=Bracket(0.01, 0.03),
    best=Best(3, 0.008, 2.1),
    limit_nats=2.15,
    fit=(),
    message="Edge not seen",
    lr_range=Range(0.001, 0.04, "log"),
    initial_loss_nats=6.2,
    counts=Counts(trials=4, diverged=0, never_recovered=1, catapults=2),
    instability=Instability(trials=1, first_lr=0.4, calm_below_lr=0.35, last_calm_lr=0.45),
    lr_sensitivity=Sensitivity(0.2, 0.1, 0.4, 0.001, 0.1),
    spikes=Spikes(2, 0.0, None),
    outliers=(),
    sampling=(),
    trials=(Ending(0.0, None, 1, 0.02, "COMPLETE", 5.5, True, 0, 0.0, True),),
)
AUDIT = Audit(
    pruned=9, audited=8, among_best=1, share=0.125, share_low=0.003, share_high=0.53, best_nats=2.0,
    best_audited_nats=2.1, cost_nats=0.0, steps_saved=100, share_saved=0.4, audit_steps=50,
)  # fmt: skip
ASSESSMENT = Assessment("m_u", (40, 80), (), AUDIT, (), ())


def an_importance(space: Space) -> Importance:
    """Every name with the same importance."""
    return Importance(9, 0.4, tuple(Share(name, 0.5, 0.3, None) for name in space), None)


def some_clusters(space: Space) -> Clusters:
    """One cluster of two, at a configuration of the space; choices are those of three quarters."""
    (values,) = drawn(space, 1)
    shares = {name: 0.75 for name in space if space.is_choice(name)}
    one = Cluster(0, 4, 2.0, 1.9, values, shares, 0.3, 0.2, 0.4, ())
    return Clusters(9, 2, 0.3, (), 1.0, 0.9, (one,), None)


def a_choice(space: Space) -> Choice:
    """Candidate 1 of three, at LR 0.01234, with candidate 2 within noise."""
    default, *best = ({**values, "lr": 0.01234} for values in drawn(space, 3))
    gap = Difference(-0.1, None, None)
    raced = tuple(
        Raced(c, c or None, values, c < 2, 4, 0, 2.5 - 0.1 * c, 0.02, 2.4 - 0.1 * c, 2.6 - 0.1 * c, gap if c else None)
        for c, values in enumerate((default, *best))
    )
    border = BorderWarning("lr", 0.039, "upper", Range(0.001, 0.04, "log"), Range(0.001, 0.16, "log"))
    return Choice(
        selected=raced[1].values,
        default=default,
        candidate=1,
        trial=1,
        difference_to_default=gap,
        candidates=raced,
        noise=Noise(0.02, 9),
        luck=None,
        within_noise=(2,),
        lower_lr=2,
        higher_lr=None,
        border_warnings=(border,),
        message=None,
    )
