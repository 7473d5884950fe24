"""The only schema of params.yaml: types and ranges. What must hold between keys is in checking.py.

What a key is says its comment in params.yaml. Only the keys of types that stand in several places, or that are null there, are
described here.

Each function of the package gets the section that it needs, never the whole and never a path.
"""

import math
import re
from itertools import count, takewhile
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def _number(value: Any) -> Any:
    """YAML 1.1 reads 1e-3 as text and YAML 1.2 as a number: both mean the number here."""
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


def _text(value: str) -> str:
    """YAML can spell halves of characters ("\\ud800"), which no file can hold."""
    if any("\ud800" <= character <= "\udfff" or character == "\0" for character in value):
        raise ValueError("text of whole characters, without NUL")
    return value


Real = Annotated[float, BeforeValidator(_number)]
Positive = Annotated[Real, Field(gt=0)]
Share = Annotated[Real, Field(ge=0, le=1)]
InnerShare = Annotated[Real, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Text = Annotated[str, AfterValidator(_text)]
Texts = Annotated[tuple[Text, ...], Strict(False)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Section(BaseModel):
    """A frozen mapping that refuses keys which it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=(), use_attribute_docstrings=True
    )


class Described(Section):
    """A section whose keys are described here, under each, since params.yaml has no place for it."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Range(Described):
    """An interval that values are drawn from, uniformly in themselves or in their logarithm."""

    min: Positive
    """lower end of the range"""
    max: Positive
    """upper end of the range"""
    scale: Literal["linear", "log"]
    """linear: values are drawn uniformly | log: their logarithms are"""

    def at(self, share: float) -> float:
        """The value at a share of the interval: 0 gives min, 1 gives max."""
        if self.scale == "log":
            return float(self.min * (self.max / self.min) ** share)
        return float(self.min + share * (self.max - self.min))

    def share(self, value: float) -> float:
        """Where a value lies in the interval: the share that `at` gives it for."""
        if self.scale == "log":
            return math.log(value / self.min) / math.log(self.max / self.min)
        return (value - self.min) / (self.max - self.min)


class Corpus(Section):
    source: Literal["stories", "files", "url"]
    stories_mb: Annotated[Real, Field(gt=0, le=4096)]
    paths: Texts
    separator: Annotated[Text, Field(min_length=1)] | None
    valid_share: InnerShare
    url: Text | None
    sha256: Digest | None
    valid_url: Text | None
    valid_sha256: Digest | None


class Tokenize(Section):
    vocab_size: Annotated[int, Field(ge=257, le=65536)]


class Model(Section):
    d_model: Count
    n_layers: Count
    n_heads: Count
    d_ff: Count
    context_length: Annotated[int, Field(ge=2)]
    rope_theta: Positive


class Optimizer(Section):
    beta1: Annotated[Real, Field(ge=0, lt=1)]
    beta2: Annotated[Real, Field(ge=0, lt=1)]
    weight_decay: Annotated[Real, Field(ge=0)]
    eps: Positive
    grad_clip: Positive
    min_lr_ratio: Share
    batch_size: Count
    precision: Literal["float32", "bfloat16"]


class Evaluation(Section):
    batches: Count


class Budget(Section):
    """The length of one training run, in steps."""

    steps: Count
    warmup_steps: Annotated[int, Field(ge=0)]
    eval_every: Count


class Imported(Described):
    """A study that was trained elsewhere, in a folder that `lrsweep import` wrote; nothing is trained for it."""

    folder: Annotated[Text, Field(min_length=1)]
    """folder that `lrsweep import` has written"""
    sha256: Digest
    """SHA-256 of the folder's import.json, which holds the digests of its records"""


class SweepUniform(Budget):
    trials: Count
    lr: Range
    imported: Imported | None


class Edge(Section):
    bins: Annotated[int, Field(ge=2)]
    spike_window: Annotated[int, Field(ge=2)]
    spike_factor: Annotated[Real, Field(gt=1)]
    tolerance: Positive
    near_peak: Share
    bootstrap: Annotated[int, Field(ge=100)]
    fewest_trials: Annotated[int, Field(ge=2)]
    outlier_deviations: Positive
    outlier_neighbours: Annotated[int, Field(ge=2)]
    under_sampled: Share
    unstable_spikes: InnerShare
    below: Positive
    above: Positive


class Sharpness(Section):
    trials_per_side: Count
    steps: Annotated[tuple[Count, ...], Strict(False), Field(min_length=1)]
    line_tolerance: InnerShare
    line_doublings: Count
    lanczos_products: Annotated[int, Field(ge=2)]
    lanczos_tolerance: InnerShare


class Metric(Section):
    name: Literal["loss", "trailing_mean", "minimum", "m_u"]
    window: Count
    kappa: Annotated[Real, Field(ge=1)]
    rho: Share
    rise_weight: Annotated[Real, Field(ge=0)]


class Stopping(Section):
    first_rung: Count
    eta: Annotated[int, Field(ge=2)]
    slack: Share


class SweepBayes(Budget):
    trials: Count
    prior: Literal["sweep_uniform"] | None
    first_block: Annotated[int, Field(ge=0)]
    lag: Count
    sampler: Literal["mfgp", "gp", "tpe"]
    cap_quantile: Annotated[Real, Field(gt=0, le=1)]
    most_told: Annotated[int, Field(ge=16)]
    lr: Literal["auto"] | Range
    beta2: Range
    weight_decay: Range
    metric: Metric
    stopping: Stopping
    imported: Imported | None

    @property
    def rungs(self) -> tuple[int, ...]:
        """The resource levels, in steps, at which trials are compared: first_rung · eta^i, below the end."""
        rungs = (self.stopping.first_rung * self.stopping.eta**i for i in count())
        return tuple(takewhile(lambda rung: rung < self.steps, rungs))

    @property
    def levels(self) -> tuple[int, ...]:
        """The rungs and the end, in steps."""
        return (*self.rungs, self.steps)


class Cluster(Section):
    k_min: Annotated[int, Field(ge=2)]
    k_max: Annotated[int, Field(ge=2)]
    restarts: Count
    curve_points: Count


class Importance(Section):
    trees: Count
    bootstrap: Annotated[int, Field(ge=20)]
    fewest_trials: Annotated[int, Field(ge=4)]


class Assess(Section):
    audit_trials: Annotated[int, Field(ge=2)]
    bootstrap: Annotated[int, Field(ge=100)]
    orders: Count
    best_share: Share
    fewest_trials: Annotated[int, Field(ge=2)]


class Hyperparameters(Described):
    """What a study varies and a choice is made of."""

    lr: Positive
    """maximum learning rate"""
    beta2: Annotated[Real, Field(ge=0, lt=1)]
    """decay of the mean of the squared gradients"""
    weight_decay: Annotated[Real, Field(ge=0)]
    """AdamW's decoupled weight decay"""


VARIED = tuple(Hyperparameters.model_fields)


MOST_SEEDS = 100  # of a candidate: its number and that of the seed make the number of a trial


class Select(Section):
    candidates: Count
    seeds: Annotated[int, Field(ge=2, le=MOST_SEEDS)]
    first_seeds: Annotated[int, Field(ge=2)]
    budget: Count
    drop_level: Annotated[Real, Field(gt=0, lt=0.5)]
    border: Annotated[Real, Field(ge=0, lt=0.5)]
    widen: Positive
    default: Hyperparameters


class Train(Budget):
    pass


class Generate(Section):
    prompts: Texts
    max_tokens: Count
    temperature: Annotated[Real, Field(ge=0)]
    top_p: Annotated[Real, Field(gt=0, le=1)]


class Execution(Section):
    """How the work is done. Nothing here changes a result, so no artifact depends on it."""

    device: Literal["auto", "cpu", "cuda"]
    trials_per_job: Count
    trials_at_once: Count
    checkpoint_every: Count | None
    trial_minutes: Positive | None
    attempts: Count
    tracking: Literal["disabled", "offline", "online"]


class Params(Section):
    """params.yaml as a whole; its sections are named after the stages."""

    lr: Positive | None
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    simulate: bool
    corpus: Corpus
    tokenize: Tokenize
    model: Model
    optimizer: Optimizer
    evaluation: Evaluation
    sweep_uniform: SweepUniform
    edge: Edge
    sharpness: Sharpness | None
    sweep_bayes: SweepBayes
    cluster: Cluster
    importance: Importance
    assess: Assess
    select: Select
    train: Train
    generate: Generate
    execution: Execution
