"""Numbers as exports have them: as numbers or as text, with what was not logged in several forms."""

import math
from typing import Any

from lrsweep.errors import UserError

ABSENT = ("", "null", "None", "NA", "N/A", "<NA>")  # of a cell or a value


def given(value: Any) -> bool:
    """Say whether something was logged; NaN is a number here."""
    return value is not None and not (isinstance(value, str) and value.strip() in ABSENT)


def is_nan(value: Any) -> bool:
    """Say whether a value is NaN, as a number or as text."""
    return isinstance(value, float | str) and str(value).strip().lower() == "nan"


def number(place: str, key: str, value: Any) -> float:
    """Read a number, also from text, since W&B writes NaN and Infinity so.

    Raises:
        UserError: it is none.
    """
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{place}: {key}: found {value!r:.60}, expected a number; correct it") from None


def whole(place: str, key: str, value: Any) -> int:
    """Read a whole number; 10.0 is one.

    Raises:
        UserError: it is none.
    """
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        return int(value)  # a seed has more digits than a float
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = number(place, key, value)
    if not math.isfinite(found) or not found.is_integer():
        raise UserError(f"{place}: {key}: found {value!r:.60}, expected a whole number; correct it")
    return int(found)
