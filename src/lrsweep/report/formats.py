"""How the report writes numbers: with their digits, their sign and their interval, and n/a where there is none."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from lrsweep.analysis.words import counted, listed
from lrsweep.figures.drawing import label

MINUS = "\u2212"


def _known(value: Any) -> bool:
    return value is not None and not pd.isna(value)


def num(value: Any, digits: int = 4) -> str:
    """Write significant digits; integers and texts as they are. An exponent is spelled as people will paste it."""
    if not _known(value):
        return "n/a"
    return re.sub("^-", MINUS, f"{value:.{digits}g}") if isinstance(value, float) else str(value)


def rough(value: Any) -> str:
    """Write two significant digits, which is more than the interval of a learning rate allows."""
    return f"{value:#.2g}".rstrip(".").replace("-", MINUS, value < 0) if _known(value) else "n/a"


def plain(value: float) -> str:
    """Write a number as commands and params.yaml take it: all digits, and a minus that a keyboard has."""
    return repr(value)


def nats(value: Any) -> str:
    """Write a loss or a difference of losses: three decimals, one more than seeds need, and no more than four digits from 1e6."""
    if not _known(value):
        return "n/a"
    return num(float(value)) if abs(value) >= 1e6 else f"{value:.3f}".replace("-", MINUS)


def in_nats(value: Any) -> str:
    """Write a loss with its unit, where there is a value."""
    return f"{nats(value)} nats" if _known(value) else "n/a"


def below(value: float) -> str:
    """Write a positive difference as so many nats below, and a negative one as above."""
    return f"{nats(abs(value))} nats {'below' if value > 0 else 'above'}"


def share(value: Any) -> str:
    """Write a share in percent."""
    return f"{100 * value:.1f} %".replace("-", MINUS) if _known(value) else "n/a"


def percent(value: float) -> str:
    """Write a share that somebody set in percent, with no more digits than it has."""
    return f"{100 * value:.4g} %"


def yes(value: Any) -> str:
    """Write yes, no, or n/a."""
    return ("yes" if value else "no") if _known(value) else "n/a"


def span(low: Any, high: Any, one: Any = num) -> str:
    """Write an interval, which may be open at an end."""
    if not _known(low) and not _known(high):
        return "n/a"
    if not _known(high):
        return f"{one(low)} or more"
    return f"{one(low)} to {one(high)}" if _known(low) else f"{one(high)} or less"


def beside_lr(values: Mapping[str, Any], digits: int = 4) -> list[str]:
    """Name the values of a configuration but for its learning rate, with so many significant digits."""
    return [f"{label(name)} {num(value, digits)}" for name, value in values.items() if name != "lr"]


FILTERS = {
    **{
        one.__name__: one
        for one in (num, rough, plain, nats, in_nats, below, share, percent, yes, span, listed, counted, beside_lr, label)
    },
    "nats_span": partial(span, one=nats),
    "share_span": partial(span, one=share),
    "rough_span": partial(span, one=rough),
}
