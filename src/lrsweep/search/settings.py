"""Settings of the studies: what they vary, how trials are compared and stopped, and the race of the best."""

from itertools import count, takewhile
from typing import Annotated, Literal

from pydantic import Field

from lrsweep.section import Count, Digest, Positive, Real, Section, Share, Text
from lrsweep.space import Budget, Dimension, Float, Space, Value

MOST_SEEDS = 100  # of a candidate: its number and that of the seed make the number of a trial


class Imported(Section):
    """A study that was trained elsewhere, in a folder that `lrsweep import` wrote; nothing is trained for it."""

    folder: Annotated[Text, Field(min_length=1)]
    """folder that `lrsweep import` has written"""
    sha256: Digest
    """SHA-256 of the folder's import.json, which holds the digests of its records"""


class Metric(Section):
    """What trials are compared by."""

    name: Literal["loss", "trailing_mean", "minimum", "m_u"]
    """what stops trials and guides proposals: loss | trailing_mean | minimum | m_u"""
    window: Count
    """length of the trailing mean, and of the reference of M_u [evals] (the write-up)"""
    kappa: Annotated[Real, Field(ge=1)]
    """M_u: weight of an eval over the one before; kappa^25 = 17 from the first to the last term [-]"""
    rho: Share
    """M_u: an eval is near the peak where its LR is at least this share of the maximum [-] (the write-up)"""
    rise_weight: Annotated[Real, Field(ge=0)]
    """M_u: reward for a rise of the loss near the peak, lambda [-] (the write-up)"""


class Stopping(Section):
    """The rule that stops trials at rungs."""

    first_rung: Count
    """where trials are compared first; the next rungs are eta times the one before [steps]"""
    eta: Annotated[int, Field(ge=2)]
    """the best 1/eta of the trials at a rung go on [-] (the write-up; Li et al. 2018, arXiv 1603.06560)"""
    slack: Share
    """after the block so do those that are worse by at most this share [-] (measured by replay)"""


class SweepUniform(Budget):
    """Phase 1: trials at uniformly drawn LRs."""

    trials: Count
    """training runs, each at another maximum LR [trials] (the write-up)"""
    lr: Float
    """maximum LR: training breaks from 0.37 on, and the loss is best at 0.02 [-]"""
    imported: Imported | None
    """a sweep that was trained elsewhere: what `lrsweep import` prints (docs/wandb.md)"""


class SweepBayes(Budget):
    """Phase 2: proposals, stopped at rungs."""

    trials: Count
    """proposals that are trained, most of them not to their end [trials]"""
    prior: Literal["sweep_uniform"] | None
    """trials that are known from the start: sweep_uniform, phase 1's, and first_block may be 0 | null (docs/study.md)"""
    first_block: Annotated[int, Field(ge=0)]
    """Sobol trials, halved rung by rung [trials] (measured by replay)"""
    lag: Count
    """trial k sees the block and trials up to k - lag, the first ones up to k / 2; 4 times the workers keeps them busy [trials]"""
    sampler: Literal["mfgp", "gp", "tpe"]
    """what proposes after the first block: mfgp, a GP over all rungs | gp | tpe, both Optuna's (docs/study.md)"""
    cap_quantile: Annotated[Real, Field(gt=0, le=1)]
    """what the sampler is told is capped at this quantile: no divergence bends its fit [-] (measured by replay)"""
    most_told: Annotated[int, Field(ge=16)]
    """what the sampler is told of, at most: the better half, the others evenly from the rest [trials]"""
    space: dict[str, Literal["auto"] | Dimension]
    """what phase 2 varies: names that the trainer takes, each with a range {min, max, scale: linear | log, type: int for whole numbers} or {choices}; lr: auto takes the range that the edge gives"""
    metric: Metric
    """what trials are compared by"""
    stopping: Stopping
    """Hyperband's rule, as W&B has it with strict: true"""
    imported: Imported | None
    """as sweep_uniform.imported"""

    @property
    def rungs(self) -> tuple[int, ...]:
        """The resource levels, in steps, at which trials are compared: first_rung · eta^i, below the end."""
        rungs = (self.stopping.first_rung * self.stopping.eta**i for i in count())
        return tuple(takewhile(lambda rung: rung < self.steps, rungs))

    @property
    def levels(self) -> tuple[int, ...]:
        """The rungs and the end, in steps."""
        return (*self.rungs, self.steps)

    def space_with(self, lr: Float) -> Space:
        """Put the LR range in the place of `auto`, or of what stands there."""
        return Space.of({name: one for name, one in self.space.items() if one != "auto"}, lr)


class Select(Section):
    """The race of the best trials over seeds."""

    candidates: Count
    """best trials of phase 2 that are raced, beside the default [trials]"""
    seeds: Annotated[int, Field(ge=2, le=MOST_SEEDS)]
    """seeds that a candidate is trained over, at most [seeds]"""
    first_seeds: Annotated[int, Field(ge=2)]
    """seeds of every candidate before the first is dropped [seeds]"""
    budget: Count
    """training runs of the race, at most [runs]"""
    drop_level: Annotated[Real, Field(gt=0, lt=0.5)]
    """level of the one-sided t-test by which a candidate is dropped: lower keeps more [-] (López-Ibáñez et al. 2016)"""
    border: Annotated[Real, Field(ge=0, lt=0.5)]
    """share of a range, on its scale, that counts as its border [-]"""
    widen: Positive
    """share of its width by which the range to try goes past a border [-]"""
    default: dict[str, Value]
    """what the candidates are held against; of what phase 2 varies, names that are not here have their value in optimizer or model (PyTorch's default)"""
