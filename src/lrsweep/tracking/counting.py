"""Steps as people count them: from 0 or from 1, in evals or epochs, or not at all in rows of evals."""

import math
import re
from collections.abc import Iterable, Sequence
from enum import Enum
from fractions import Fraction
from typing import Any, NamedTuple

from lrsweep.errors import UserError
from lrsweep.tracking import numbers
from lrsweep.tracking.sources import History

_FORMULA = re.compile(r"(.+?)(?:([*/])(\d+))?(?:([+-])(\d+))?")
WHOLE = 1e-3  # a step is whole that is not further from a whole number, since shares of an epoch are rounded


class Base(Enum):
    """What step 0 and the last one mean in a sweep.

    UPDATES: a step is a number of updates. LOOP: an index of a loop; an eval comes before the update of its index, except
    for one after the last. INDEX: an index of a loop; an eval comes after the update of its index.
    """

    UPDATES = 0
    LOOP = 1
    INDEX = 2


class Formula(NamedTuple):
    """How steps follow from a logged value: NAME, or NAME*250, NAME/32768, NAME+1, NAME*250+1."""

    name: str
    times: Fraction
    plus: int

    @classmethod
    def of(cls, text: str, logged: Iterable[str]) -> "Formula":
        """Read a formula; a name that was logged is taken as it stands."""
        found = None if text in logged else _FORMULA.fullmatch(text)
        if not found:
            return cls(text, Fraction(1), 0)
        name, how, number, sign, plus = found.groups()
        times = Fraction(int(number) or 1) if how else Fraction(1)
        return cls(name, 1 / times if how == "/" else times, int(f"{sign or ''}{plus or 0}"))

    def at(self, place: str, value: Any) -> int:
        """Give the step of a logged value.

        Raises:
            UserError: it is no whole number.
        """
        if self.times == 1:
            return numbers.whole(place, self.name, value) + self.plus
        step = numbers.number(place, self.name, value) * float(self.times)
        if not math.isfinite(step) or abs(step - round(step)) > WHOLE:
            expected = f"a number that times {self.times} is a whole step"
            raise UserError(f"{place}: {self.name}: found {value!r:.60}, expected {expected}; correct --name step=")
        return round(step) + self.plus


def indices(history: History, formula: Formula, values: Sequence[dict[str, Any]], evals: str, every: int) -> list[int]:
    """Give the step of each row, by the formula; `values` has what matters of each row, and is empty for others.

    An eval that was logged in a call of its own may lack the step. It belongs to the row before or, where evals come before
    their steps, to the row after.

    Raises:
        UserError: a row of training has no step, or a step is no whole number.
    """
    said = [row.get(formula.name) for _, row in history.rows]
    steps = [
        formula.at(place, step) if matters and numbers.given(step) and not numbers.is_nan(step) else None
        for (place, _), step, matters in zip(history.rows, said, values, strict=True)
    ]
    alone = [number for number, matters in enumerate(values) if matters and steps[number] is None]
    if not alone:
        return [step or 0 for step in steps]
    known = [(number, step) for number, step in enumerate(steps) if step is not None]
    leading = bool(known) and alone[0] < known[0][0] and alone[-1] < known[-1][0]  # evals come before their steps
    for number in alone:
        place, _ = history.rows[number]
        before = [step for other, step in known if other < number][-1:] or [0]
        after = [step for other, step in known if other > number][:1]
        near = [step for step in (after + before if leading else before + after) if step % every == 0]
        if set(values[number]) != {evals} or not near or not known:
            raise UserError(
                f"{place}: {formula.name}: not there, expected the step of what is logged; log it, or name another:"
                " --name step=THEIRS"
            )
        steps[number] = near[0]
    return [step or 0 for step in steps]


def base(evals: Iterable[int], every: int, last: int) -> Base:
    """Say how a sweep counts, from the steps of all its evals, the distance of evals and the study's last step."""
    found = {step for step in evals if step}
    if every == 1 or last - 1 not in found or last in found:
        return Base.UPDATES
    if all((step + 1) % every == 0 for step in found):
        return Base.INDEX
    return Base.LOOP if all(step % every == 0 for step in found - {last - 1}) else Base.UPDATES


def placed(index: int, base: Base, *, trained: bool, last: int) -> int:
    """Give the number of updates at an index; `trained`: the value belongs to the update of the index, and not to an eval."""
    if base is Base.UPDATES or (base is Base.INDEX and index == 0 and not trained):
        return index
    return index + (base is Base.INDEX or trained or index == last - 1)
