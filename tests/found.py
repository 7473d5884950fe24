"""What analyses might find, for the tests of whatever shows it."""

import math
from dataclasses import replace

from lrsweep.analysis import ablations
from lrsweep.analysis.ablations import Ablations, Setting, Tried
from lrsweep.analysis.assessment import Assessment, Audit
from lrsweep.analysis.clusters import Cluster, Clusters, Null
from lrsweep.analysis.comparison import Comparison, chain, compare
from lrsweep.analysis.crossings import AFTER, CURVATURE, STEP, WARM_UP, Crossing, Measured
from lrsweep.analysis.edge import BreakPoint, Edge, Sensitivity
from lrsweep.analysis.endings import Counts, Ending, Instability
from lrsweep.analysis.importance import Importance, Share
from lrsweep.analysis.noise import Difference, Estimate, Noise
from lrsweep.analysis.profile import Interval, Run
from lrsweep.analysis.ranges import Bounded, Range
from lrsweep.analysis.ranks import Correlation
from lrsweep.analysis.relations import AgainstLoss, OfLr, Rises
from lrsweep.analysis.rising import Rise
from lrsweep.analysis.rules import Shape, rules
from lrsweep.analysis.scaling import Scaling, scale
from lrsweep.analysis.selection import BorderWarning, Choice, Raced
from lrsweep.analysis.spikes import Spikes
from lrsweep.analysis.valley import Best, Bracket, Valley
from lrsweep.space import Space
from tests.spaces import drawn

EDGE = Edge(
    best_lr=Bounded(0.008, 0.006, 0.011),
    band_low_lr=Bounded(0.005, 0.004, 0.006),
    band_high_lr=Bounded(0.012, 0.01, 0.015),
    best_loss_nats=Interval(2.09, 2.05, 2.12),
    near_optimal_lr=Bounded(0.02, 0.01, 0.03),
    max_stable_lr=Bounded(0.3, 0.2, None),
    stable_to=0.1,
    spikes_count=True,
    half_break_lr=Bounded(0.45, 0.35, None),
    tolerance=0.02,
    break_curve=(BreakPoint(0.001, 0.0), BreakPoint(0.45, 0.5)),
    refined=12,
    valley=Valley(Bounded(0.02, 0.01, 0.03), 1000, False, Bracket(0.01, 0.03), Best(3, 0.008, 2.1), 2.15, (), "Edge not seen"),
    lr_range=Range(0.001, 0.04, "log"),
    initial_loss_nats=6.2,
    initial_step=0,
    counts=Counts(trials=4, diverged=0, never_recovered=1, catapults=2),
    instability=Instability(trials=1, first_lr=0.4, calm_below_lr=0.35, last_calm_lr=0.45, unknown=0),
    lr_sensitivity=Sensitivity(0.2, 0.1, 0.4, 0.001, 0.1),
    spikes=Spikes(2, 0.0, None, 1),
    norm_rise=Rise(Bounded(0.05, 0.04, 0.07), 4, 3),
    missing=(),
    outliers=(),
    sampling=(),
    trials=(Ending(0.0, None, 1, 0.02, "COMPLETE", 5.5, True, 0, 0.0, True, True),),
)
MEASURED = Measured(
    (Crossing(CURVATURE, AFTER, Bounded(0.1, 0.05, None), 9), Crossing(STEP, WARM_UP, Bounded(None, 0.2, None), 9))
)
AUDIT = Audit(
    pruned=9, audited=8, among_best=1, share=0.125, share_low=0.003, share_high=0.53, best_nats=2.0,
    best_audited_nats=2.1, cost_nats=0.0, steps_saved=100, share_saved=0.4, audit_steps=50,
)  # fmt: skip
RHO = Correlation(9, -0.5, -0.7, -0.2)
ASSESSMENT = Assessment(
    "m_u", (40, 80), (), AUDIT, (), (AgainstLoss(80, RHO),), Rises(80, 4, 3, 8, 2, RHO, RHO, RHO), OfLr(0.01, RHO, RHO, RHO), ()
)


def a_scaling() -> Scaling:
    """Two proxies whose best LR halves as their length grows fourfold, and the law's answer for a run of 2,000 steps."""
    proxies = [
        (
            {"steps": steps},
            [Run(best * factor, i, level + 0.1 * math.log(factor) ** 2) for i, factor in enumerate((0.3, 0.6, 1.2, 2.4))],
        )
        for steps, best, level in ((150.0, 0.02, 3.0), (600.0, 0.01, 2.5))
    ]
    found = scale(proxies, {"steps": 2000.0}, 0)
    selected, default = {"lr": 0.02, "beta2": 0.98}, {"lr": 0.001, "beta2": 0.999}
    return replace(found, rules=rules(found.lr, selected, selected, default, Shape(100_000, 2_048_000, 1.5e12)))


SCALING, NOTHING_SCALED = a_scaling(), scale([], {}, 0)
NOTHING_COMPARED = compare([], lambda _: (), "validation", Noise(None, 0), {})

SETTING = Setting(lr=0.02, ladder=(0.002, 0.2), limit_nats=4.5, untrained_nats=6.0)
NORMLESS = {"norm": "none"}


def valley(best: float, level: float, breaks: float) -> list[Run]:
    """Nine runs of a valley, two of them at 0.02; one diverges from its breaking LR on, and is broken right below that."""
    lrs = (0.002, 0.006, 0.01, 0.02, 0.02, 0.04, 0.06, 0.1, 0.2)
    return [
        Run(
            lr,
            i,
            None if lr >= breaks else 5.0 if lr >= 0.6 * breaks else level + 0.05 * math.log(lr / best) ** 2 + 0.01 * (i % 2),
        )
        for i, lr in enumerate(lrs)
    ]


def an_ablation() -> Ablations:
    """A variant that is worse and breaks early, one that is as good, both of them together, and one that never trains."""
    tried = [
        Tried("baseline", {}, None, valley(0.02, 2.0, 0.2)),
        Tried("no_norm", NORMLESS, None, valley(0.006, 2.4, 0.06)),
        Tried("no_warmup", {"warmup_steps": 0}, None, valley(0.02, 2.0, 0.2)),
        Tried("no_norm + no_warmup", {**NORMLESS, "warmup_steps": 0}, (1, 2), valley(0.006, 2.9, 0.06)),
        Tried("broken <b>", {"grad_clip": 1e9}, None, [Run(lr, i, None) for i, lr in enumerate((0.002, 0.02, 0.2))]),
    ]
    return ablations.compare(tried, SETTING, 0)


ABLATIONS, NOTHING_ABLATED = an_ablation(), ablations.compare([], None, 0)


def an_importance(space: Space) -> Importance:
    """Every name with the same importance."""
    return Importance(9, 0.4, tuple(Share(name, 0.5, 0.3, None) for name in space), None)


def some_clusters(space: Space) -> Clusters:
    """One cluster of two, at a configuration of the space; choices are those of three quarters."""
    (values,) = drawn(space, 1)
    shares = {name: 0.75 for name in space if space.is_choice(name)}
    one = Cluster(0, 4, 2.0, 1.9, values, shares, 0.3, 0.2, 0.4, ())
    return Clusters(9, 2, 0.3, (), Null(0.2, 0.25), 1.0, 0.9, (one,), None)


def a_choice(space: Space) -> Choice:
    """Candidate 1 of three, at LR 0.01234, with candidate 2 within noise."""
    default, *best = ({**values, "lr": 0.01234} for values in drawn(space, 3))
    gap, plain = Difference(-0.1, None, None), {one.name: 7 if one.whole else 0.0886 for one in space.plain.values()}
    raced = tuple(Raced(c, c or None, values, plain, c < 2, 4, 0, 2.5 - 0.1 * c) for c, values in enumerate((default, *best)))
    border = BorderWarning("lr", 0.039, "upper", Range(0.001, 0.04, "log"), Range(0.001, 0.16, "log"))
    return Choice(
        selected=raced[1].values,
        default=default,
        candidate=1,
        trial=1,
        loss=Estimate(5, 2.41, 2.39, 2.43),
        diverged=0,
        default_mean_nats=2.51,
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


def a_comparison(space: Space) -> Comparison:
    """Half a nat by the LR, and 0.08 by all others, where 0.063 may be noise."""
    choice = a_choice(space)
    steps = chain({**choice.default, "lr": 0.001}, choice.selected, each=False)
    return compare(steps, lambda number: ((2.08, 1.58, 1.5)[number],), "test", Noise(0.02, 10), {})
