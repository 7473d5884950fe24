"""The schema of params.yaml, put together from the settings of the rooms. checking.py knows what must hold between keys."""

from typing import Annotated, Literal

from pydantic import Field

from lrsweep.analysis.settings import Assess, Cluster, Edge, Importance
from lrsweep.search.settings import MOST_SEEDS, Ablate, Scale, Select, SweepBayes, SweepUniform
from lrsweep.section import Count, Positive, Section, Steps
from lrsweep.space import Budget
from lrsweep.text.settings import Corpus, Tokenize
from lrsweep.trainers.builtin.settings import Evaluation, Generate, Model, Optimizer, Sharpness, measures
from lrsweep.trainers.command.settings import Script


class Compare(Section):
    """What the final training is compared with: each configuration is trained for as long, over the same seeds."""

    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)]
    """seeds of each configuration; the final training is the first of its own [seeds]"""
    each: bool
    """after the LR, true changes the others one at a time, and false all at once"""
    rules: bool
    """true also trains what other rules for the LR say (docs/scaling.md)"""


class Train(Budget):
    """The final training."""

    compare: Compare | None
    """the default, then with this LR, then the final values, trained for as long, to split the gain; null for off"""


class Execution(Section):
    """How the work is done. Nothing here changes a result, so no artifact depends on it."""

    device: Literal["auto", "cpu", "cuda"]
    """auto takes the GPU where there is one | cpu | cuda"""
    workers: Literal["auto"] | Count
    """processes that train a study: auto takes Snakemake's cores here, its jobs on a cluster [workers]"""
    checkpoint_every: Steps | None
    """steps between two checkpoints, from which a killed training goes on; null for none [steps]"""
    trial_minutes: Positive | None
    """time after which a trial counts as hanging and its process is killed; null for no limit [minutes]"""
    attempts: Count
    """starts of a trial whose process was killed or hung, before it is reported [starts]"""
    tracking: Literal["disabled", "offline", "online"]
    """Weights & Biases: disabled | offline (files in wandb/, no account) | online (needs a key)"""


class Params(Section):
    """params.yaml as a whole; its sections are named after the stages."""

    lr: Positive | None
    """maximum learning rate of the final training; null takes the selected one [-]"""
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    """number that all random numbers are derived from [-]"""
    simulate: bool
    """true makes up curves instead of training, for tests of scale; every result then says so"""
    trainer: Script | None
    """your own training script; null trains the built-in model (docs/script.md)"""
    corpus: Corpus
    """where the text comes from"""
    tokenize: Tokenize
    """byte-level BPE"""
    model: Model
    """the transformer: its size and its switches"""
    optimizer: Optimizer
    """optimizer and schedule: the values of what a study does not vary"""
    evaluation: Evaluation
    """what the eval loss is measured on"""
    sweep_uniform: SweepUniform
    """phase 1: trials at uniformly drawn LRs"""
    edge: Edge
    """where the loss gets worse and where training breaks, from phase 1 (docs/evidence.md)"""
    sharpness: Sharpness | None
    """curvature, measured in runs across the LRs where training becomes unstable; null for off"""
    sweep_bayes: SweepBayes
    """phase 2: trials that a sampler proposes, stopped at rungs (docs/study.md)"""
    cluster: Cluster
    """k-means of the trials that survived"""
    importance: Importance
    """how much each hyperparameter of phase 2 matters"""
    assess: Assess
    """whether the metric and the stopping rule work"""
    select: Select
    """the race of the best trials over seeds"""
    scale: Scale | None
    """the LR carried to the final training by runs of other lengths, sizes or batches (docs/scaling.md); null for off"""
    ablate: Ablate | None
    """variants of what was selected, each at its own best LR: `lrsweep preset ablations`; null for off"""
    train: Train
    """the final training"""
    generate: Generate
    """completions from the final weights"""
    execution: Execution
    """how the work is done; changes no result, but for the last digits on another device"""

    @property
    def unmeasured(self) -> str | None:
        """Why no curvature is measured; None where it is measured."""
        if self.trainer:
            return "curvature is measured in the built-in model alone"
        if self.sharpness is None:
            return "sharpness is null in params.yaml"
        if self.sweep_uniform.imported:
            return "phase 1 was trained elsewhere"
        if self.simulate:
            return "curves are made up"
        if not measures(self.optimizer.optimizer):
            return f"curvature is measured for AdamW, and optimizer.optimizer is {self.optimizer.optimizer}"
        return None
