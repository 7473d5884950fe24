"""Statements: what follows from the numbers of an ablation, in words."""

from lrsweep.analysis.ablations import Ablated, Ablations, Interaction, Setting
from lrsweep.analysis.profile import FEWEST
from lrsweep.analysis.ranges import Bounded
from lrsweep.analysis.words import counted


def statements(found: Ablations) -> list[str]:
    """Give a sentence or a few for each variant, and for each two that were crossed."""
    if found.setting is None:
        return []
    base, *others = found.variants
    said = [] if base.profile else [f"The baseline has no best LR: {_untrained(base)}, so nothing is compared with it"]
    said += [of_variant(one, base, found.setting) for one in others]
    return [*said, *(of_interaction(one) for one in found.interactions)]


def of_variant(one: Ablated, base: Ablated, setting: Setting) -> str:
    """Say of a variant where it trains, what it costs at its own best LR, and what a borrowed LR would have said."""
    if one.profile is None:
        return f"{_named(one)}: {_untrained(one)}, so it has no best LR and no difference: raise ablate.below"
    own = f"at its own best LR, {one.profile.lr.value:.3g}, it is {_gap(one)}" if one.difference else "it is not compared"
    border = "; its best LR lies at an end of the LRs tried, so it may be better than this" if one.profile.at_border else ""
    parts = [_breaks(one, base), own + border, *_borrowed(one, setting)]
    return f"{_named(one)}: {'; '.join(part for part in parts if part)}"


def of_interaction(one: Interaction) -> str:
    """Say whether the differences of two variants add up."""
    gap, names = one.difference, f"{one.first} and {one.second}"
    if gap.low <= 0 <= gap.high:
        return f"{names} together: no departure from the sum of both is shown ({_span(gap.value, gap.low, gap.high)} nats)"
    how = "worse" if gap.value > 0 else "better"
    return f"{names} together are {_size(gap.value, gap.low, gap.high)} nats {how} than the sum of both"


def _named(one: Ablated) -> str:
    """Name a variant with what it changes."""
    changes = [f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in one.overrides.items()]
    return f"{one.name} ({', '.join(changes)})"


def _untrained(one: Ablated) -> str:
    least = f", from an LR of {one.broken_lr:.3g} on" if one.broken_lr else ""
    return f"{one.broken} of its {counted(one.runs, 'run')} broke{least}, and fewer than {FEWEST} LRs trained"


def _breaks(one: Ablated, base: Ablated) -> str:
    """Say from which LR on training breaks, beside the baseline's."""
    if not one.broken:
        return f"training did not break up to an LR of {one.trained_lr:.3g}"
    if not base.broken and base.trained_lr:
        other = f"the baseline's did not up to {base.trained_lr:.3g}"
    elif one.breaks_moved and not one.breaks_moved.is_clear:
        other = f"no clear change from the baseline's {bounded(base.breaks_lr)}"
    else:
        other = f"the baseline's from {bounded(base.breaks_lr)} on"
    return f"training breaks from an LR of {bounded(one.breaks_lr)} on, {other}"


def bounded(one: Bounded) -> str:
    """Write an LR with an interval that may be open at an end."""
    if one.lr is None:
        return f"more than {one.low:.2g}" if one.low else f"less than {one.high:.2g}" if one.high else "what was not tried"
    low, high = f"{one.low:.2g}" if one.low else "less than was tried", f"{one.high:.2g}" if one.high else "more than was tried"
    return f"{one.lr:.2g} ({low} to {high})"


def _gap(one: Ablated) -> str:
    gap = one.difference
    assert gap is not None, "its caller has looked"
    if gap.low <= 0 <= gap.high:
        return f"not shown to differ ({_span(gap.value, gap.low, gap.high)} nats)"
    return f"{_size(gap.value, gap.low, gap.high)} nats {'worse' if gap.value > 0 else 'better'}"


def _borrowed(one: Ablated, setting: Setting) -> list[str]:
    """Say what the baseline's LR would have said, where that is something else."""
    if one.broken_at_lr:
        return [f"at the baseline's LR, {setting.lr:.3g}, {one.broken_at_lr} of its runs broke"]
    found, gap = one.difference_at_lr, one.difference
    if found is None or found.low_nats is None or found.high_nats is None or gap is None:
        return []
    if found.low_nats <= gap.value <= found.high_nats:
        return []
    said, less = _span(found.difference_nats, found.low_nats, found.high_nats), found.difference_nats - gap.value
    moved = f"{'lowers' if less > 0 else 'raises'} it by {abs(less):.3f}"
    return [f"at the baseline's LR, {setting.lr:.3g}, the difference is {said} nats, and the best LR of each {moved}"]


def _span(value: float, low: float, high: float) -> str:
    return f"{value:+.3f}, {low:+.3f} to {high:+.3f}"


def _size(value: float, low: float, high: float) -> str:
    low, high = sorted((abs(low), abs(high)))
    return f"{abs(value):.3f} ({low:.3f} to {high:.3f})"
