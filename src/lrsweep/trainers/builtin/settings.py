"""Settings of the built-in trainer, and the names that a study can vary. Imports no torch: params.yaml is checked with it."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, Strict, TypeAdapter
from pydantic.fields import FieldInfo

from lrsweep.section import Count, Decay, InnerShare, Positive, Real, Section, Several, Share, Steps, Texts
from lrsweep.space import Budget, Value, Values
from lrsweep.trainers.builtin import terms
from lrsweep.trainers.builtin.terms import Terms

S = TypeVar("S", bound=Section)


class Model(Section):
    """The transformer: its size and its switches."""

    d_model: Count
    """width of a token's vector [-]"""
    n_layers: Count
    """blocks, each of attention and a feed-forward part [blocks]"""
    n_heads: Count
    """heads of attention; 2 · n_heads must divide d_model [heads]"""
    d_ff: Count
    """inner width of the feed-forward part, about 8/3 of d_model [-] (Shazeer 2020, arXiv 2002.05202)"""
    context_length: Several
    """longest text that the model sees at once [tokens]"""
    rope_theta: Positive
    """base of RoPE's wavelengths [-] (Su et al. 2021, arXiv 2104.09864)"""
    norm: Literal["pre", "post", "none"]
    """RMSNorm: pre, before a block's parts | post, after them | none (Xiong et al. 2020, arXiv 2002.04745)"""
    position: Literal["rope", "none"]
    """how a token knows its place: rope | none (Kazemnejad et al. 2023, arXiv 2305.19466)"""
    ffn: Literal["swiglu", "silu"]
    """feed-forward part: swiglu | silu, ungated, as many parameters (Shazeer 2020, arXiv 2002.05202)"""
    parametrization: Literal["standard", "mup"]
    """what the best LR does as d_model grows: standard, it falls | mup, it stays (Yang et al. 2022, arXiv 2203.03466)"""
    base_width: Count
    """mup: d_model at which the hidden matrices have the LR and the weight decay as they are [-]"""

    @property
    def parameters(self) -> int:
        """The entries of the matrices of all blocks: without embedding, head and gains."""
        return self.n_layers * (4 * self.d_model**2 + 3 * self.d_model * self.d_ff)

    @property
    def width_ratio(self) -> float:
        """How many times as wide as its base a muP model is; 1 in the standard parametrization."""
        return self.d_model / self.base_width if self.parametrization == "mup" else 1.0


class Optimizer(Section):
    """What a study does not vary."""

    optimizer: Literal["adamw", "muon"]
    """adamw | muon: Muon for the hidden matrices, AdamW for the rest (Jordan et al. 2024)"""
    beta1: Decay
    """decay of the mean of the gradients [-] (PyTorch's default)"""
    beta2: Decay
    """decay of the mean of the squared gradients [-] (PyTorch's default)"""
    weight_decay: Annotated[Real, Field(ge=0)]
    """decoupled weight decay [-] (PyTorch's default)"""
    eps: Positive
    """small number added to the root of the mean square [-] (PyTorch's default)"""
    grad_clip: Positive
    """maximum gradient norm: a larger gradient is scaled down to it [-]"""
    schedule: Literal["cosine", "linear", "wsd"]
    """how the LR falls after warm-up: cosine | linear | wsd, which holds it and falls at the end"""
    min_lr_ratio: Share
    """minimum LR / maximum LR, reached at the last step [-]"""
    decay_share: Annotated[Real, Field(gt=0, le=1)]
    """wsd: share of the steps over which the LR falls [-] (Hägele et al. 2024, arXiv 2405.18392)"""
    muon_lr_ratio: Positive
    """muon: LR of the hidden matrices / LR of the others [-]"""
    muon_momentum: Decay
    """muon: decay of the mean of the gradients [-] (PyTorch's default)"""
    batch_size: Count
    """texts of context_length tokens in a batch [sequences]"""
    precision: Literal["float32", "bfloat16"]
    """precision of the forward pass: float32 | bfloat16 (autocast; weights and moments stay float32)"""


class Evaluation(Section):
    """What the eval loss is measured on."""

    batches: Count
    """validation batches of batch_size sequences, the same in every eval [batches]"""


class Sharpness(Section):
    """Curvature, measured in runs across the LRs where training becomes unstable."""

    lrs: Several
    """runs, evenly in log LR from half the largest near-optimal LR to where half of the runs break [runs]"""
    steps: Annotated[tuple[Steps, ...], Strict(False), Field(min_length=1)]
    """updates at which curvature is measured, before each is made [steps]"""
    line_tolerance: InnerShare
    """relative error at which the search for the critical LR ends [-]"""
    line_doublings: Annotated[int, Field(ge=1, le=1000)]
    """the search goes from 2^-this to 2^this times the LR [doublings]"""
    lanczos_products: Several
    """most Hessian-vector products of one measurement [products]"""
    lanczos_tolerance: InnerShare
    """relative error at which the search for the eigenvalue ends [-]"""


class Generate(Section):
    """Completions from the final weights."""

    prompts: Texts
    """texts that the model continues; of one that is longer than the context it sees the end"""
    max_tokens: Count
    """length of a completion, at most [tokens]"""
    temperature: Annotated[Real, Field(ge=0)]
    """temperature of the sampling: 0 takes the most likely token [-]"""
    top_p: Annotated[Real, Field(gt=0, le=1)]
    """total probability of the tokens drawn from [-] (Holtzman et al. 2020, arXiv 1904.09751)"""


def _adapter(field: FieldInfo) -> TypeAdapter:
    """Give the type of a setting with its limits and its description."""
    kind: Any = Annotated[field.annotation, field]
    return TypeAdapter(kind, config=ConfigDict(strict=True, allow_inf_nan=False))


_LR: Any = Annotated[Positive, Field(description="maximum learning rate [-]")]
_FIELDS = {
    "lr": FieldInfo.from_annotation(_LR),
    **{name: field for name, field in Optimizer.model_fields.items() if name != "precision"},
    "warmup_steps": Budget.model_fields["warmup_steps"],
    **{name: Model.model_fields[name] for name in ("norm", "position", "ffn")},  # its sizes are not varied
    **Terms.model_fields,
}

# What a configuration may set; each name has the type, the limits and the description of its values.
NAMES: Mapping[str, TypeAdapter] = {name: _adapter(field) for name, field in _FIELDS.items()}

# What a size of the model is made of; no study varies it.
SIZES: Mapping[str, TypeAdapter] = {
    name: _adapter(Model.model_fields[name]) for name in ("d_model", "n_layers", "n_heads", "d_ff")
}


def complete(values: Values, names: Iterable[str], optimizer: Optimizer, model: Model, budget: Budget) -> dict[str, Value]:
    """Give a configuration, which sets `lr`, in these names: what it does not set has the trainer's own value.

    A term that it does not set has what its plain name comes to in a run of this length, and the other way round.
    """
    sections: tuple[tuple[type[Section], Section], ...] = ((Optimizer, optimizer), (Model, model), (Budget, budget))
    own = {name: getattr(section, name) for kind, section in sections for name in kind.model_fields}
    plain = own | terms.plain(values, budget.steps)
    return {name: values[name] if name in values else terms.read(name, plain, budget.steps) for name in names}


def override(values: Values, optimizer: Optimizer, model: Model, budget: Budget) -> tuple[Optimizer, Model, Budget]:
    """Put a configuration over the fixed settings, its terms as what they come to in a run of this length.

    Its values were checked when params.yaml was read.
    """
    assert values.keys() <= {*NAMES, *SIZES}, f"not all of {', '.join(values)} are names of this trainer"
    assert not terms.clash(values), f"{terms.clash(values)} stands beside its plain name"
    plain = terms.plain(values, budget.steps)
    return over(optimizer, Optimizer, plain), over(model, Model, plain), over(budget, Budget, plain)


def over(section: S, kind: type[S], values: Values) -> S:
    """Put what a configuration says of a section over it, as that kind of section."""
    own = {name: getattr(section, name) for name in kind.model_fields}
    return kind(**own | {name: value for name, value in values.items() if name in own})


def measures(optimizer: str) -> bool:
    """Say whether `sharpness` measures runs of an optimizer: it knows the preconditioner of AdamW alone."""
    return optimizer == "adamw"
