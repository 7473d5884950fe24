"""What can be wrong with what a call of a script has left, each said in one line with what to do."""

from collections.abc import Sequence
from itertools import pairwise

from lrsweep.trainers.command.curves import Curve, Point
from lrsweep.trainers.command.settings import CurvePattern, Script

SIGNALLED = 128


def fault(script: Script, before: Curve, curve: Curve, code: int | None, since: int, goal: int) -> str | None:
    """Say what is wrong after a call from the step `since` to `goal`; None where all is in order.

    since: where the last call that ended well had ended; a script that was interrupted before may begin again at 0.
    """
    if code:
        ended = f"a signal ({code - SIGNALLED})" if code > SIGNALLED else f"exit code {code}"
        remedy = "see what it says, and run again: what had finished is kept; where the loss diverges, let it log nan and exit 0"
        if since:
            remedy += "; where what it has saved is damaged, remove the folder of its output"
        return f"found {ended}, expected 0 after step {goal}; {remedy}"
    evals = [one for one in curve.points if one.loss is not None]
    if not evals:
        return _nothing(script, curve)
    new = _new(before, curve)
    return (_resumed(before.points, new) if since and before.points and new else None) or _reach(script, evals, new, since, goal)


def _nothing(script: Script, curve: Curve) -> str:
    """Say that there is no eval, and which columns there are."""
    section = script.curve
    if isinstance(section, CurvePattern):
        return "found nothing that trainer.curve.pattern matches in stdout, expected a line for each eval; correct it or print it"
    if not curve.columns:
        return f"found nothing in {section.file}, expected a row for each eval; log one, or correct trainer.curve.file"
    if section.loss not in curve.columns:
        columns = ", ".join(curve.columns)
        return f"found no {section.loss!r} in {section.file} but {columns}, expected the loss; correct trainer.curve.loss"
    if section.step not in curve.columns:
        columns = ", ".join(curve.columns)
        return f"found no {section.step!r} in {section.file} but {columns}, expected the step; correct trainer.curve.step"
    found = f"found no row with a whole number under {section.step!r} and a number under {section.loss!r} in {section.file}"
    return f"{found}, expected one for each eval; log the number of updates, and the loss as a number, nan where it is none"


def _new(before: Curve, curve: Curve) -> Sequence[Point]:
    """Give the points that a call has added; a file written anew from its first row has no beginning in common."""
    n, old = len(before.points), set(before.points)
    return curve.points[n:] if curve.points[:n] == before.points else [one for one in curve.points if one not in old]


def _resumed(before: Sequence[Point], new: Sequence[Point]) -> str | None:
    """Find a call that did not go on from where the one before ended."""
    steps = sorted({one.step for one in before})
    first, last, begins = steps[0], steps[-1], min(one.step for one in new)
    if begins <= first and len(steps) > 1:
        remedy = "save into {dir} and load from there, or set trainer.resume: false"
        return f"found that it began again at step {begins}, expected it to go on after step {last}; {remedy}"
    gap = max((b - a for a, b in pairwise(steps)), default=last)
    if begins > last + 2 * max(gap, 1):
        remedy = "load the checkpoint of this {dir}, not of another run"
        return f"found that it went on at step {begins}, expected a step soon after {last}; {remedy}"
    return None


def _reach(script: Script, evals: Sequence[Point], new: Sequence[Point], since: int, goal: int) -> str | None:
    """Find a call that ended too early or too late, or counts in another unit."""
    steps = sorted({one.step for one in evals})
    beyond = max((one.step for one in new), default=0)
    gap = max(b - a for a, b in pairwise([0, *steps]))
    upto = [step for step in steps if step <= goal]
    if script.resume and beyond > goal + gap:
        remedy = "end at {until}, count in steps, or set trainer.resume: false"
        return f"found step {beyond} after a call to step {goal}, expected it to end there; {remedy}"
    if not upto or upto[-1] <= since or upto[-1] + 2 * max(gap, 1) <= goal:
        found = f"its last eval at step {upto[-1]}" if upto else f"its first eval at step {steps[0]}"
        remedy = "log the number of updates, not of evals or epochs, and measure at the end of a call"
        return f"found {found} after a call from step {since} to {goal}, expected an eval near its end; {remedy}"
    return None
