"""What an import says: which names are missing, what to do about steps that do not fit, and how a sweep was read."""

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence

from lrsweep.errors import UserError
from lrsweep.search.settings import SweepBayes, SweepUniform
from lrsweep.tracking import hyperparameters
from lrsweep.tracking.counting import Base
from lrsweep.tracking.logged import EVAL, LOGGED, TRAIN, Logged, Reading
from lrsweep.tracking.sources import History

SHOWN = 8  # runs, names or steps in a line
WHEN_ABSENT = {
    **dict.fromkeys(TRAIN, "that it was not logged"),
    "lr": "that it follows the schedule of params.yaml",
}


def require_names(histories: Sequence[History], names: Mapping[str, str]) -> None:
    """Make sure that what is read was logged, or is said not to be.

    Raises:
        UserError: a line for each name that no run logged.
    """
    logged = sorted({key for history in histories for _, row in history.rows for key in row})
    problems = []
    for ours in LOGGED:
        theirs = names[ours]
        known = theirs in logged or (ours == "step" and _formula_name(theirs, logged))
        if known or (not theirs and ours in WHEN_ABSENT):
            continue
        shown = ", ".join(logged[:60]) + (", …" if len(logged) > 60 else "")
        remedy = f"say what it is called there: --name {ours}=THEIRS"
        remedy += f", or {WHEN_ABSENT[ours]}: --name {ours}=" if ours in WHEN_ABSENT else ""
        problems.append(f"{ours}: no run logged {theirs!r}, found {shown}; {remedy}")
    if not names["lr"] and not names["config.lr"]:
        problems.append("--name: found config.lr= with lr=, expected one of them: the highest LR that was logged; name the other")
    if problems and any(history.rows for history in histories):
        raise UserError("\n".join(problems))


def _formula_name(theirs: str, logged: Iterable[str]) -> bool:
    from lrsweep.tracking.counting import Formula

    return Formula.of(theirs, logged).name in logged


def require_parts(history: History, reading: Reading) -> None:
    """Make sure that a run in several pieces goes on from one to the next.

    Raises:
        UserError: a piece begins where the run did, so that it is another run of the same name, or the same one again.
    """
    if reading.overlap != "refuse" or not history.parts:
        return
    indices, values = reading.indices(history)
    logged: dict[str, int] = {}  # the first step of each name
    for part in history.parts:
        own: dict[str, int] = {}
        for index, found in zip(indices[part.start : part.end], values[part.start : part.end], strict=True):
            for name in found:
                own[name] = min(index, own.get(name, index))
        again = [name for name, step in own.items() if name in logged and step <= logged[name]]
        if again:
            raise UserError(
                f"{part.place}: stands at {history.place} too, and begins at step {own[again[0]]} here as well,"
                " expected each run once, or a piece that goes on; name each source once or, where runs share a name, give"
                " each its ID (run.id and not run.name), or take the later one: --overlap later"
            )
        logged = {**own, **logged}


def or_leave_out(history: History, said: str) -> str:
    """Give the other remedy for a run that is refused."""
    return "" if "--leave-out" in said else f", or leave it out: --leave-out {shlex.quote(history.id)}"


def of_steps(evals: Sequence[int], stage: str, section: SweepUniform | SweepBayes, reading: Reading) -> str:
    """Say what to do where evals do not fall on multiples of eval_every: only what would then be accepted."""
    every = math.gcd(*evals)
    rung = section.stopping.first_rung if isinstance(section, SweepBayes) else 0
    even = every > 0 and set(range(every, max(evals) + 1, every)) <= set(evals)
    if even and section.steps % every == 0 and rung % every == 0:
        return f"set {stage}.eval_every to {every}"
    theirs = reading.names["step"]
    if reading.formula.plus == 0 and all((step + 1) % section.eval_every == 0 for step in evals if step):
        return f"where steps count from 0, say so: --name step={shlex.quote(theirs + '+1')}"
    return (
        f"{theirs} counts something else than training steps where an eval is made; name what counts them: --name step=THEIRS, or"
        f" work it out: --name 'step={theirs}*N' for N steps each"
    )


def missing_eval(step: int, logged: Logged, history: History, every: int) -> str:
    """Say that an eval is missing, and why that may be."""
    after = min((other for other, name in logged.places if other >= step), default=None)
    place = history.place if after is None else logged.place(after)
    ignored = dict(logged.ignored.get(EVAL, ()))
    if step in ignored:
        why = f"it is {ignored[step]}, and finite ones follow, so that the run did not diverge there"
        return f"{place}: found no finite eval at step {step}, expected one every {every} steps; {why}; export it again"
    why = "a part is missing, or these are samples: run.scan_history() gives all rows and run.history() does not"
    return f"{place}: found no eval at step {step}, expected one every {every} steps; {why}"


def notes(histories: Sequence[History], reading: Reading, read: Mapping[str, Logged], theirs: Mapping[str, str]) -> list[str]:
    """Say what a reader has to know: what was worked out, joined, ignored or not read. A line each."""
    said = []
    if not reading.names["lr"]:
        said.append("learning rates were not logged: those of each step follow the schedule of params.yaml")
    if not theirs["lr"]:
        said.append("the maximum learning rate of each run is the highest that it logged")
    if reading.base is Base.LOOP:
        said.append(f"steps count from 0: the last eval, at {reading.last - 1}, counts as that of step {reading.last}")
    if reading.base is Base.INDEX:
        said.append("steps count from 0: each counts as the next, and a first eval at 0 as that of the untrained model")
    joined = [history.id for history in histories if sum(part.start < part.end for part in history.parts) > 1]
    if joined:
        said.append(f"put together from several pieces: {_some(joined)}")
    settled = [f"{run} from step {logged.settled}" for run, logged in read.items() if logged.settled is not None]
    if settled:
        said.append(f"where a step has two values the {reading.overlap} one counts: {_some(settled)}")
    lost = [f"{run} at step {logged.last}" for run, logged in read.items() if logged.diverged]
    if lost:
        said.append(f"diverged, with no finite loss after that: {_some(lost)}")
    for name in dict.fromkeys(name for logged in read.values() for name in logged.ignored):
        found = [(run, step, value) for run, logged in read.items() for step, value in logged.ignored.get(name, ())]
        run, step, value = found[0]
        said.append(
            f"{len(found)} values of {reading.names[name]} ignored that are not finite, first {value} in {run} at step {step}:"
            " it was not logged there, or the step was skipped, since training goes on"
        )
    if differing := hyperparameters.differing(histories, theirs.values()):
        named = ", ".join(differing[:SHOWN]) + (f", … ({len(differing)})" if len(differing) > SHOWN else "")
        said.append(
            f"differ between the runs and are not read: {named}; runs of different models are different sweeps: leave some out"
        )
    return said


def _some(texts: Sequence[str]) -> str:
    return ", ".join(texts[:SHOWN]) + (f", … ({len(texts)})" if len(texts) > SHOWN else "")
