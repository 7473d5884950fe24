"""Settings of the analyses."""

from typing import Annotated

from pydantic import Field

from lrsweep.section import Count, InnerShare, Positive, Real, Section, Share


class Edge(Section):
    """Where the loss gets worse, and where training breaks."""

    bins: Annotated[int, Field(ge=2)]
    """LR bins, equal in log LR [bins]"""
    spike_window: Annotated[int, Field(ge=2)]
    """steps of the running median of the gradient norm [steps]"""
    spike_factor: Annotated[Real, Field(gt=1)]
    """a spike is a gradient norm above this multiple of the running median [-]"""
    tolerance: Positive
    """a trial is stable while its final loss is within this share of the best [-]"""
    near_peak: Share
    """catapults are looked for where the LR is at least this share of the trial's maximum [-]"""
    bootstrap: Annotated[int, Field(ge=100)]
    """resamples of the trials, with replacement, behind each interval [resamples]"""
    fewest_trials: Annotated[int, Field(ge=2)]
    """trials below which no interval is given [trials]"""
    outlier_deviations: Positive
    """an outlier lies at least this many scaled median deviations below the others or its neighbours [-]"""
    outlier_neighbours: Annotated[int, Field(ge=2)]
    """neighbours of an outlier: the trials that are nearest in LR [trials]"""
    under_sampled: Share
    """a decade is under-sampled below this share of a log-uniform draw's trials [-]"""
    unstable_spikes: InnerShare
    """a trial is unstable where more than this share of its steps are spikes [-]"""
    below: Positive
    """phase 2 searches from the lower end of the edge's interval, divided by this [-]"""
    above: Positive
    """phase 2 searches up to the edge times this; a value below 1 stays below the edge [-]"""


class Cluster(Section):
    """K-means of the trials that survived."""

    k_min: Annotated[int, Field(ge=2)]
    """fewest clusters that are tried [clusters]"""
    k_max: Annotated[int, Field(ge=2)]
    """most clusters that are tried [clusters]"""
    restarts: Count
    """random starts of each k-means [starts]"""
    curve_points: Count
    """points at which a curve is read, at equal shares of its steps [points]"""


class Importance(Section):
    """Importance of hyperparameters."""

    trees: Count
    """trees of the random forest [trees] (Hutter et al. 2014, fANOVA)"""
    bootstrap: Annotated[int, Field(ge=20)]
    """resamples of the trials, with replacement, behind each interval [resamples]"""
    fewest_trials: Annotated[int, Field(ge=4)]
    """complete trials below which no importance is given [trials]"""


class Assess(Section):
    """Whether the metric works."""

    audit_trials: Annotated[int, Field(ge=2)]
    """pruned trials that are trained to their end, to see what pruning cost [trials]"""
    bootstrap: Annotated[int, Field(ge=100)]
    """resamples of the trials, with replacement, behind each interval [resamples]"""
    orders: Count
    """random orders in which the recorded curves are replayed [orders]"""
    best_share: Share
    """share of the trials that counts as the best; none of them should have been stopped [-]"""
    fewest_trials: Annotated[int, Field(ge=2)]
    """trials below which no correlation is given [trials]"""
