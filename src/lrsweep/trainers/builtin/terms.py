"""Carried terms: weight decay, beta2 and warm-up as shares of a run, so that what short runs say carries over to long ones.

A configuration gives a term in the place of its plain name. Where a run starts, `plain` turns it into the value that is trained.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from lrsweep.section import Decay, Positive, Section
from lrsweep.space import Value, Values

LARGEST_BETA2 = math.nextafter(1.0, 0.0)
LEAST_STEPS = 1  # over fewer no average is taken: the decay would turn weights over


class Terms(Section):
    """Names that stand in the place of plain ones."""

    averaging_share: Positive
    """weight_decay as the share of the run that AdamW averages over [-] (Wang and Aitchison 2024, arXiv 2405.13698)"""
    beta2_share: Positive
    """beta2 as the share of the run after which a squared gradient has half its weight [-]"""
    warmup_share: Decay
    """warmup_steps as a share of the run [-]"""


class Term(NamedTuple):
    """A term: its plain name, and both as functions of the other, of the maximum LR, and of the length of the run in steps."""

    name: str
    whole: bool  # whether plain values are whole numbers
    plain: Callable[[float, float, int], Value]
    share: Callable[[float, float, int], float]


def averaging(value: float, lr: float, steps: int) -> float:
    """Give weight decay from the averaging share, or the share from weight decay: 1 / (lr · value · steps).

    AdamW's weights are a moving average of its updates over 1 / (lr · weight_decay) steps (Wang and Aitchison 2024, arXiv
    2405.13698, section 2). No weight decay has an infinite share, and so has one of less than any float can say.

    >>> round(averaging(2.0, 0.01, 500), 9)
    0.1
    """
    product = lr * value * steps
    return 1 / product if product else math.inf


def beta2(share: float, steps: int) -> float:
    """Give the decay with a half-life of this share of the steps: 2^(-1 / (share · steps)), and always less than 1.

    >>> round(beta2(0.01, 100), 9)
    0.5
    """
    half_life_steps = share * steps
    return min(0.5 ** (1 / half_life_steps), LARGEST_BETA2) if half_life_steps else 0.0


def half_life_share(value: float, steps: int) -> float:
    """Give the half-life of a decay, ln 2 / -ln(decay) steps, as a share of the steps.

    >>> round(half_life_share(0.5, 100), 9)
    0.01
    """
    return math.log(2) / -math.log(value) / steps if value else 0.0


def warmup_steps(share: float, steps: int) -> int:
    """Give the steps nearest to this share of the run, always fewer than the run has.

    >>> warmup_steps(0.1, 300)
    30
    """
    return min(round(share * steps), steps - 1)


TERMS: Mapping[str, Term] = {
    "averaging_share": Term("weight_decay", False, averaging, averaging),
    "beta2_share": Term("beta2", False, lambda share, _, n: beta2(share, n), lambda value, _, n: half_life_share(value, n)),
    "warmup_share": Term("warmup_steps", True, lambda share, _, n: warmup_steps(share, n), lambda value, _, n: value / n),
}


def trained(values: Values, steps: int) -> dict[str, Value]:
    """Give what the terms of a configuration come to in a run of this length, by their plain names."""
    return {
        term.name: term.plain(float(values[name]), float(values["lr"]), steps) for name, term in TERMS.items() if name in values
    }


def plain(values: Values, steps: int) -> dict[str, Value]:
    """Give a configuration without terms, for a run of this length."""
    return {name: value for name, value in values.items() if name not in TERMS} | trained(values, steps)


def read(name: str, plain: Values, steps: int) -> Value:
    """Give the value of a name or a term from a configuration without terms, for a run of this length."""
    if name not in TERMS:
        return plain[name]
    term = TERMS[name]
    return term.share(float(plain[term.name]), float(plain["lr"]), steps)


def clash(names: Mapping[str, object]) -> str | None:
    """Find a term that stands beside its plain name; None where there is none."""
    return next((name for name, term in TERMS.items() if name in names and term.name in names), None)
