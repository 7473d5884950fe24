"""Settings of the studies: what they vary, how trials are compared and stopped, and the race of the best."""

from itertools import count, takewhile
from typing import Annotated, Literal

from pydantic import Field, Strict

from lrsweep.section import MOST, Count, Digest, InnerShare, Positive, Real, Section, Several, Share, Steps, Text
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
    """M_u: weight of an eval / weight of the one before; of 25 terms the last weighs 1.12^24 = 15.2 times the first [-]"""
    rho: Share
    """M_u: an eval is near the peak where its LR is at least this share of the maximum [-] (the write-up)"""
    rise_weight: Annotated[Real, Field(ge=0, le=MOST)]
    """M_u: lambda, the reward for a rise of the loss near the peak [-] (the write-up)"""


class Stopping(Section):
    """The rule that stops trials at rungs."""

    first_rung: Steps
    """step at which trials are compared first; each later rung is eta times the one before [steps]"""
    eta: Several
    """the best 1/eta of the trials at a rung go on [-] (the write-up; Li et al. 2018, arXiv 1603.06560)"""
    slack: Share
    """trials go on up to this share above the threshold, after the first block [-] (measured by replay)"""


class Ending(Section):
    """The rule that ends phase 2 where more trials do not pay."""

    gain: Positive
    """a trial pays where its expected gain is above this share of the noise between seeds [-] (measured by replay)"""
    patience: Count
    """proposals in a row that do not pay, at which no more trials are started [proposals] (measured by replay)"""


class SweepUniform(Budget):
    """Phase 1: trials at uniformly drawn LRs."""

    trials: Count
    """training runs, each at another maximum LR [trials] (the write-up)"""
    lr: Float
    """maximum LR: training breaks from 0.37 on, and the loss is best at 0.02 [-]"""
    imported: Imported | None
    """a sweep trained elsewhere, as `lrsweep import` prints it; null for none (docs/imports.md)"""


class SweepBayes(Budget):
    """Phase 2: trials that a sampler proposes, stopped at rungs."""

    trials: Count
    """most trials that are proposed, fewer where `ending` comes first; most are stopped before their end [trials]"""
    prior: Literal["sweep_uniform"] | None
    """sweep_uniform: its trials are known from the start, and first_block may be 0 | null (docs/study.md)"""
    first_block: Annotated[int, Field(ge=0, le=MOST)]
    """Sobol trials at the start, of which 1/eta go on at each rung [trials] (measured by replay)"""
    lag: Count
    """trial k sees trials up to k - lag, early ones up to k / 2; take 4 times the workers [trials]"""
    sampler: Literal["mfgp", "gp", "tpe"]
    """what proposes after the block: mfgp, a GP over all rungs | gp, tpe: Optuna's (docs/study.md)"""
    cap_quantile: Annotated[Real, Field(gt=0, le=1)]
    """quantile that caps the sampler's values: no divergence bends its fit [-] (measured by replay)"""
    most_told: Annotated[int, Field(ge=16, le=MOST)]
    """most trials that the sampler is told: the best for one half, others evenly for the rest [trials]"""
    space: dict[str, Literal["auto"] | Dimension]
    """what phase 2 varies: names that the trainer takes, each with a range {min, max, scale: linear | log}, with type: int for
    whole numbers, or with {choices: [one, another]}; lr: auto takes the range that the edge gives"""
    metric: Metric
    """what trials are compared by"""
    stopping: Stopping
    """the rule of Hyperband, in W&B's form with strict: true"""
    ending: Ending | None
    """ends the study before `trials` where more of them do not pay; null for never (docs/study.md)"""
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
        """Give the space with this LR range instead of its own or of `auto`."""
        return Space.of({name: one for name, one in self.space.items() if one != "auto"}, lr)


class Scale(Section):
    """The LR carried to the final training: profiles of shorter or smaller runs, and a law through their best LRs."""

    steps: Annotated[tuple[Steps, ...], Strict(False), Field(min_length=1)]
    """lengths of the proxies; warm-up keeps its share of the run [steps] (Bjorck et al. 2024, arXiv 2409.19913)"""
    sizes: Annotated[tuple[dict[str, Count], ...], Strict(False)]
    """sizes of the proxies, as {d_model: 32, n_heads: 2, d_ff: 96}; [] for the model as it is"""
    batch_size: Annotated[tuple[Count, ...], Strict(False)]
    """batch sizes of the proxies; [] for the batch as it is [sequences]"""
    runs: Annotated[int, Field(ge=4, le=MOST_SEEDS)]
    """training runs of a proxy, each at another LR [runs]"""
    factor: Annotated[Real, Field(gt=1)]
    """the first runs of a proxy are at the selected LR, and at this factor above and below it [-]"""
    carried: Annotated[tuple[str, ...], Strict(False)]
    """terms in which proxies and final training take a plainly searched value over, as averaging_share (docs/params.md)"""


class Ablate(Section):
    """Ablations: a profile of the selected configuration and of each variant of it."""

    variants: Annotated[dict[Text, dict[Text, Value]], Field(min_length=1)]
    """variants by name, each with what it changes in the selected configuration: {no_norm: {norm: none}}"""
    grid: bool
    """true crosses each two variants too, to see whether their differences add up"""
    factor: Annotated[Real, Field(gt=1)]
    """each profile begins with a ladder of LRs: the selected one, and those this factor apart below and above it [-]"""
    below: Count
    """LRs of the ladder below the selected one [LRs]"""
    above: Count
    """LRs of the ladder above the selected one [LRs]"""
    seeds: Several
    """training runs of each variant at the selected LR, over seeds [runs]"""
    profile_runs: Count
    """further runs of each variant, placed about its best LR [runs]"""
    edge_runs: Annotated[int, Field(ge=0, le=MOST_SEEDS)]
    """further runs of each variant, placed where its training breaks [runs]"""
    broken: InnerShare
    """a run is broken where it diverges, or learns less than this share of what the baseline's best run does [-]"""

    @property
    def ladder(self) -> tuple[int, ...]:
        """The LRs of the ladder, as powers of the factor, the selected one first."""
        return (0, *range(-1, -self.below - 1, -1), *range(1, self.above + 1))

    @property
    def first(self) -> int:
        """The runs of a variant that are placed without knowing any other: the ladder, and more seeds at the selected LR."""
        return len(self.ladder) + self.seeds - 1

    @property
    def runs(self) -> int:
        """The training runs of a variant."""
        return self.first + self.profile_runs + self.edge_runs


class Select(Section):
    """The race of the best trials over seeds."""

    candidates: Count
    """trials of phase 2 that race, beside the default: the best by a smooth fit, spread over those near the best [trials]"""
    seeds: Annotated[int, Field(ge=2, le=MOST_SEEDS)]
    """most seeds that a candidate is trained over [seeds]"""
    first_seeds: Several
    """seeds that every candidate is trained over before any is dropped [seeds]"""
    budget: Count
    """most training runs of the race [runs]"""
    confirm: Annotated[int, Field(ge=2, le=MOST_SEEDS)]
    """seeds that the winner and the default are then trained over: their losses chose nothing, and are the stated ones [seeds]"""
    drop_level: Annotated[Real, Field(gt=0, lt=0.5)]
    """level of the t-test that drops a candidate; a lower one keeps more [-] (López-Ibáñez et al. 2016)"""
    border: Annotated[Real, Field(ge=0, lt=0.5)]
    """share of a range, on its scale, that counts as its border [-]"""
    widen: Positive
    """share of its width by which the range to try next extends past a border [-]"""
    default: dict[str, Value]
    """what the candidates are compared with; other names have their value in optimizer or model [-] (PyTorch's default)"""
