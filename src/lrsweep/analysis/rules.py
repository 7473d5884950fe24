"""Rules: what a person might take for the LR of a long run instead of the law's answer, published formulas among them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lrsweep.space import Values


@dataclass(frozen=True)
class Shape:
    """A run as published rules see it: parameters without embeddings and head, training tokens, and training FLOPs."""

    parameters: int
    tokens: int
    flops: float


@dataclass(frozen=True)
class Rule:
    """A rule's configuration for the final training, None where it has none; `note` says why, or how far to trust it."""

    name: str
    source: str
    values: Values | None
    note: str | None


def step_law(parameters: float, tokens: float) -> float:
    """Give Step Law's LR: 1.79 N^-0.713 D^0.307 (Li et al. 2025, arXiv 2503.04715, equation 1).

    >>> round(step_law(1e9, 1e11), 6)
    0.001632
    """
    return 1.79 * parameters**-0.713 * tokens**0.307


def deepseek(flops: float) -> float:
    """Give DeepSeek's LR: 0.3118 C^-0.125 (DeepSeek-AI 2024, arXiv 2401.02954, equation 1).

    >>> round(deepseek(1e20), 6)
    0.000986
    """
    return 0.3118 * flops**-0.125


class _Formula(NamedTuple):
    """A published formula, and what it was fitted on: a number of the run with its unit, from and to."""

    name: str
    source: str
    lr: Callable[[Shape], float]
    fitted: Mapping[str, tuple[Callable[[Shape], float], float, float]]


FORMULAS = (
    _Formula(
        "Step Law",
        "1.79 N^-0.713 D^0.307 (arXiv 2503.04715, equation 1)",
        lambda shape: step_law(shape.parameters, shape.tokens),
        {"parameters": (lambda shape: shape.parameters, 6e7, 1e9), "tokens": (lambda shape: shape.tokens, 2e9, 1e11)},
    ),
    _Formula(
        "DeepSeek",
        "0.3118 C^-0.125 (arXiv 2401.02954, equation 1)",
        lambda shape: deepseek(shape.flops),
        {"FLOPs": (lambda shape: shape.flops, 1e17, 2e19)},
    ),
)


def rules(lr: float | None, carried: Values, selected: Values, default: Values, shape: Shape | str) -> tuple[Rule, ...]:
    """Give what each rule would train, the law's answer first. Formulas give an LR, and the carried values stand beside it.

    lr: of the law. carried: the selected values as other lengths take them over. shape: of the final training, or why no formula
    applies to it.
    """
    answer = {**carried, "lr": lr} if lr is not None else None
    return (
        Rule("answer of the proxies", "results/scale/law.json", answer, None if answer else "the proxies give no LR"),
        *(_applied(formula, carried, shape) for formula in FORMULAS),
        Rule("selected values unchanged", "results/select/choice.json", dict(selected), None),
        Rule("default", "select.default in params.yaml", dict(default), None),
    )


def _applied(formula: _Formula, carried: Values, shape: Shape | str) -> Rule:
    if isinstance(shape, str):
        return Rule(formula.name, formula.source, None, f"does not apply: {shape}")
    outside = [
        f"{low:g} to {high:g} {unit}, and here are {read(shape):.3g}"
        for unit, (read, low, high) in formula.fitted.items()
        if not low <= read(shape) <= high
    ]
    note = f"fitted on {'; '.join(outside)}" if outside else None
    return Rule(formula.name, formula.source, {**carried, "lr": float(f"{formula.lr(shape):.4g}")}, note)
