"""One run of a script: its calls, and its curve as observations.

The study compares trials on a grid of steps, the multiples of eval_every. A script may measure at any step: a point of the grid
holds the last eval at or before it, and none before the first eval.
"""

import glob
import json
import math
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.space import Budget, Value, Values
from lrsweep.terminal import complain
from lrsweep.trainers.command import curves
from lrsweep.trainers.command.curves import Curve, Point
from lrsweep.trainers.command.faults import fault
from lrsweep.trainers.command.process import Call
from lrsweep.trainers.command.settings import ARGUMENTS, CurveFile, Script, arguments, put
from lrsweep.trainers.trainer import Eval, Observation, RunFailed, Step

STATE, REACHED, TRIAL, FAULTY = "state.json", "reached.json", "trial.json", "faulty.txt"
FIRST_LOOK_S, LONGEST_LOOK_S = 0.05, 1.0  # between two looks at the curve of a script that trains
LOOK_SHARE = 20  # the wait is this often as long as the look, which so takes a twentieth of a core, however long the log


class CommandRun:
    """A run of a script in its folder. `stops`: the steps at which the consumer may end it."""

    def __init__(
        self,
        script: Script,
        values: Values,
        seed: int,
        budget: Budget,
        folder: Path,
        stops: tuple[int, ...],
        environment: Mapping[str, str],
    ) -> None:
        self.script, self.values, self.seed, self.budget = script, values, seed, budget
        self.folder, self.stops, self.environment = folder, stops, environment
        self.step = 0

    def observe(self, until: int) -> Iterator[Observation]:
        """Train on to the step `until`, in a call for each stop on the way; yield a step for each update and evals on the grid.

        Raises:
            RunFailed: the script failed, or its curve is not what it should be.
        """
        goals = [*(stop for stop in self.stops if self.step < stop < until), until]
        if self.script.resume:
            for goal in goals:
                self._train_to(goal)
                for seen in self._observations(self.curve(), goal):
                    yield seen
                    if not seen.finite:
                        return
        else:
            yield from self._follow(goals)

    def save(self, folder: Path) -> None:
        """Write the number of steps; the script's own state lies in its folder.

        Raises:
            UserError: it cannot be written.
        """
        files.write_text(folder / STATE, json.dumps({"step": self.step}))

    def load(self, folder: Path) -> int:
        """Take over a number of steps and return it.

        Raises:
            UserError: it is damaged, or the script's folder is gone.
        """
        step = _read(folder / STATE, "step")
        if not isinstance(step, int) or (self.script.resume and not self.folder.is_dir()):
            raise UserError(f"{folder / STATE}: damaged, or {self.folder} is gone; go on from an earlier one")
        self.step = step
        return step

    def _train_to(self, goal: int) -> None:
        """Call the script up to a step, where it has not been there before; after a faulty call from its start."""
        if (self.folder / FAULTY).exists():
            shutil.rmtree(self.folder)
        if (_read(self.folder / REACHED, "until") or -1) >= goal:
            return
        before, call = self.curve(), self._call(goal)
        try:
            code = call.wait(None)
        finally:
            call.stop()
        self._judge(before, code, goal, call)
        self._shorten(call)
        files.write_text(self.folder / REACHED, json.dumps({"until": goal, "points": self.curve().points}))

    def _follow(self, goals: list[int]) -> Iterator[Observation]:
        """Call a script that does not resume, and observe its curve while it trains; end it where the consumer ends."""
        shutil.rmtree(self.folder, ignore_errors=True)
        before, call, code, wait_s = self.curve(), self._call(self.budget.steps), None, FIRST_LOOK_S
        try:
            for goal in goals:
                while code is None:
                    began_s = time.monotonic()
                    if self._settled(goal):
                        break
                    looked_s = time.monotonic() - began_s
                    wait_s = max(min(1.5 * wait_s, LONGEST_LOOK_S), LOOK_SHARE * looked_s)
                    code = call.wait(wait_s)
                if code is not None:
                    self._judge(before, code, self.budget.steps, call)
                yield from self._observations(self.curve(), goal)
        finally:
            call.stop()
            self._shorten(call)

    def _shorten(self, call: Call) -> None:
        """Keep the end of what a call has printed; all of stdout where the curve is read from it."""
        call.shorten("stderr.txt")
        if isinstance(self.script.curve, CurveFile):
            call.shorten("stdout.txt")

    def _settled(self, goal: int) -> bool:
        """Say whether the last eval up to a step is known, though the script still trains."""
        points = self.curve().points
        return any(_lost(one) or one.step > goal or (one.step == goal and one.loss is not None) for one in points)

    def _call(self, goal: int) -> Call:
        trial = {"values": dict(self.values), **self._own(goal), "eval_every": self.budget.eval_every}
        files.write_text(self.folder / TRIAL, json.dumps(trial, indent=2) + "\n")
        return Call(self.words(goal), self.folder, self.environment)

    def words(self, goal: int) -> list[str]:
        """Give the words of a call up to a step."""
        return arguments(self._command, {**self.values, **self._own(goal)})

    def _own(self, goal: int) -> dict[str, Value]:
        return {"until": goal, "steps": self.budget.steps, "seed": self.seed, "dir": str(self.folder)}

    @property
    def _command(self) -> str:
        """The command, with the words that this configuration adds to it."""
        added = [str(value) for name, value in self.values.items() if name == ARGUMENTS]
        return " ".join([self.script.command, *added])

    def curve(self) -> Curve:
        """Read the curve as far as it is written. What an earlier call had left counts too where the file was begun anew."""
        section = self.script.curve
        place = section.file if isinstance(section, CurveFile) else "{dir}/stdout.txt"
        found = curves.read(section, put(place, {"dir": glob.escape(str(self.folder))}))
        kept = tuple(Point(*one) for one in _read(self.folder / REACHED, "points") or ())
        if found.points[: len(kept)] == kept:
            return found
        old = set(kept)
        return found._replace(points=(*kept, *(one for one in found.points if one not in old)))

    def _judge(self, before: Curve, code: int | None, goal: int, call: Call) -> None:
        """Refuse what a call has left, unless its loss is not finite: then the trial has diverged, and how it ended is no matter.

        Raises:
            RunFailed: what was found, what was expected, and what to do, with the end of the script's output.
        """
        curve = self.curve()
        for place in curve.damaged[len(before.damaged) :]:
            complain(f"{self.folder}: {place}: found what cannot be read, and left it out")
        if any(_lost(one) and one.step <= goal for one in curve.points):
            return
        if said := fault(self.script, before, curve, code, self.step, goal):
            if not code:  # else it was interrupted, and what it has saved is good
                files.write_text(self.folder / FAULTY, said)
            raise RunFailed(f"`{self._command}`: {said}; its output is in {self.folder}\n{call.tail()}")

    def _observations(self, curve: Curve, goal: int) -> Iterator[Observation]:
        """Yield what lies after the present step, up to another."""
        rows = _merged(curve)
        evals = [one for _, one in sorted(rows.items()) if one.loss is not None]
        lrs = [(one.step, one.lr) for _, one in sorted(rows.items()) if one.lr is not None]
        for step in range(self.step + (self.step > 0), goal + 1):
            self.step = step
            here = rows.get(step)
            if step:
                norm = _finite(here.grad_norm) if here else None
                yield Step(step, _finite(here.lr) if here else None, None, norm)
            lost = here is not None and _lost(here)
            if lost or step % self.budget.eval_every == 0 or step == goal:
                loss = next((one.loss for one in reversed(evals) if one.step <= step), None)
                if loss is not None:
                    yield Eval(step, next((lr for at, lr in reversed(lrs) if at <= step), None), loss)
            if lost:
                return


def _merged(curve: Curve) -> dict[int, Point]:
    """Put the rows of each step together; a later row wins, as of a call that went on from an earlier step."""
    rows: dict[int, Point] = {}
    for new in curve.points:
        old = rows.get(new.step, Point(new.step, None, None, None))
        rows[new.step] = Point(new.step, *(was if now is None else now for was, now in zip(old[1:], new[1:], strict=True)))
    return rows


def _lost(point: Point) -> bool:
    return point.loss is not None and not math.isfinite(point.loss)


def _finite(value: float | None) -> float | None:
    """Give a number that is finite; only a loss that is not ends a trial."""
    return value if value is not None and math.isfinite(value) else None


def _read(path: Path, name: str) -> Any:
    """Read a value of a small file of ours; None where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))[name]
    except (OSError, ValueError, TypeError, KeyError):
        return None
