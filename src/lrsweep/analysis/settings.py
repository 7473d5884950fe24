"""Settings of the analyses."""

from typing import Annotated

from pydantic import Field

from lrsweep.analysis.profile import FEWEST
from lrsweep.section import MOST, Count, InnerShare, Positive, Real, Section, Several, Share


class Refine(Section):
    """Runs that pin down what phase 1 leaves open."""

    profile: Annotated[int, Field(ge=FEWEST, le=MOST)]
    """runs about the best LR [runs]"""
    factor: Annotated[Real, Field(gt=1)]
    """the first three are at the best LR of phase 1, and at this factor above and below it [-]"""
    breaks: Count
    """runs about the maximum stable LR [runs]"""


class Edge(Section):
    """Which LRs are best, near-optimal and stable."""

    bins: Several
    """LR bins, equal in log LR [bins]"""
    spike_window: Several
    """steps of the running median of the gradient norm [steps]"""
    spike_factor: Annotated[Real, Field(gt=1)]
    """a spike is a gradient norm above this multiple of the running median [-]"""
    tolerance: Positive
    """an LR is near-optimal while its final loss is within this share of the best [-]"""
    near_peak: Share
    """catapults are looked for where the LR is at least this share of the trial's maximum [-]"""
    bootstrap: Annotated[int, Field(ge=100, le=MOST)]
    """resamples of the trials, with replacement, behind each interval [resamples]"""
    fewest_trials: Several
    """trials below which no interval is given [trials]"""
    outlier_deviations: Positive
    """an outlier lies at least this many scaled median deviations below the others or its neighbours [-]"""
    outlier_neighbours: Several
    """neighbours of an outlier: the trials that are nearest in LR [trials]"""
    under_sampled: Share
    """a decade is under-sampled below this share of a log-uniform draw's trials [-]"""
    unstable_spikes: InnerShare
    """a trial is unstable where more than this share of its steps are spikes [-]"""
    unstable_rise: Positive
    """a trial is unstable where an eval loss rises by more than this share over that of the untrained model [-]"""
    stable_to: InnerShare
    """at the maximum stable LR training breaks with this probability [-]"""
    below: Positive
    """phase 2 searches from the lower end of the interval of the largest near-optimal LR, divided by this [-]"""
    above: Positive
    """phase 2 searches up to the largest near-optimal LR times this; below 1 it stays below that [-]"""
    refine: Refine | None
    """runs that pin these LRs down after phase 1, each placed where it tells most; null for none"""


class Cluster(Section):
    """K-means of the trials that survived."""

    k_min: Several
    """fewest clusters that are tried [clusters]"""
    k_max: Several
    """most clusters that are tried [clusters]"""
    restarts: Count
    """random starts of each k-means [starts]"""
    null_draws: Annotated[int, Field(ge=20, le=MOST)]
    """samples of one Gaussian with the survivors' covariance; clusters must be better separated than 95 % of these [samples]"""
    subsamples: Count
    """subsamples of four fifths of the survivors that are clustered again, to see how stable the clusters are [subsamples]"""
    curve_points: Count
    """points at which a curve is read, at equal shares of its steps [points]"""


class Importance(Section):
    """Importance of hyperparameters."""

    trees: Count
    """trees of the random forest [trees] (Hutter et al. 2014, fANOVA)"""
    bootstrap: Annotated[int, Field(ge=20, le=MOST)]
    """resamples of the trials, with replacement, behind each interval [resamples]"""
    fewest_trials: Annotated[int, Field(ge=4, le=MOST)]
    """complete trials below which no importance is given [trials]"""
    least_explained: Share
    """out-of-bag R² of the forest below which no importance is given [-]"""


class Assess(Section):
    """Whether the metric works."""

    audit_trials: Several
    """pruned trials that are trained to their end, to see what pruning cost [trials]"""
    bootstrap: Annotated[int, Field(ge=100, le=MOST)]
    """resamples of the trials, with replacement, behind each interval [resamples]"""
    orders: Count
    """random orders in which the recorded curves are replayed [orders]"""
    best_share: Share
    """share of the trials that counts as the best; none of them should have been stopped [-]"""
    fewest_trials: Several
    """trials below which no correlation is given [trials]"""
