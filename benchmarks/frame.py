"""The frame of the benchmarks: ours and a peer in alternation on the same work, and what comes of it as a row of a table.

A benchmark writes docs/benchmarks/NAME.csv; `python -m benchmarks.table` makes one table and one figure of all that lie there.
"""

import csv
import io
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from lrsweep import files

FOLDER = Path("docs/benchmarks")
COLUMNS = (
    *("work", "measure", "better", "peer", "runs"),
    *(f"{side}_{name}" for side in ("ours", "peer") for name in ("median", "least", "most")),
    *("ratio", "goal", "met", "machine"),
)


def machine() -> str:
    """What the numbers are of: cores, processor, versions."""
    import torch  # only now: what a process of a measurement takes by getrusage is at least what this one has

    models = [line.partition(":")[2].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    processor = models[0] if models else platform.machine()
    instructions = torch.backends.cpu.get_cpu_capability()
    return f"{os.cpu_count()} cores, {processor} ({instructions}), Python {platform.python_version()}, torch {version('torch')}"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@dataclass(frozen=True)
class Comparison:
    """The same work done by ours and by a peer, so many times each. A fixed limit is a peer with one value."""

    work: str
    measure: str  # with its unit
    better: Literal["more", "less"]
    peer: str
    ours: Sequence[float]
    theirs: Sequence[float]
    goal: float | None  # least ratio; None where none was set
    held: bool = True  # what the goal asks besides
    machine: str = field(default_factory=machine)

    @property
    def ratio(self) -> float:
        """How many times as good as the peer ours is, by the medians."""
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        return ours / theirs if self.better == "more" else theirs / ours

    @property
    def met(self) -> bool:
        """Whether the goal was reached."""
        return self.goal is not None and self.ratio >= self.goal and self.held

    def row(self) -> dict[str, str]:
        """The comparison as a row of COLUMNS."""
        sides = {"ours": self.ours, "peer": self.theirs}
        numbers: dict[str, Callable[[Sequence[float]], float]] = {"median": statistics.median, "least": min, "most": max}
        values = {f"{side}_{name}": number(f(found)) for side, found in sides.items() for name, f in numbers.items()}
        about = {
            "work": self.work,
            "measure": self.measure,
            "better": self.better,
            "peer": self.peer,
            "runs": str(len(self.ours)),
        }
        goal = {"goal": "", "met": ""}
        if self.goal is not None:
            goal = {"goal": number(self.goal), "met": "yes" if self.met else "no"}
        return {**about, **values, "ratio": number(self.ratio), **goal, "machine": self.machine}


def number(value: float) -> str:
    """Four significant digits, never with an exponent."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def alternate(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measures each contender so many times, one after the other; every second round goes backwards."""
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds):
        for name in list(contenders)[:: -1 if turn % 2 else 1]:
            found[name].append(contenders[name]())
            print(f"  {name}: {number(found[name][-1])}", flush=True)
    return found


def rate(work: Callable[[], int], at_least_s: float) -> float:
    """Units a second, where work() does some and says how many; repeated until it took so long."""
    began, done = time.perf_counter(), 0
    while (taken := time.perf_counter() - began) < at_least_s or not done:
        done += work()
    return done / taken


def write(name: str, comparisons: Sequence[Comparison], keep: bool = True) -> None:
    """Print the benchmark's table, and keep it: the rows of other machines stay, before these."""
    text, path = io.StringIO(), FOLDER / f"{name}.csv"
    rows, machines = [comparison.row() for comparison in comparisons], {comparison.machine for comparison in comparisons}
    others = [row for row in read(path) if row["machine"] not in machines]
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows([*others, *rows])
    if keep:
        files.write_text(path, text.getvalue())
    for row in rows:
        print("{work}, {measure}: {ours_median}, {peer} {peer_median}, ratio {ratio}, goal {goal}, met: {met}".format(**row))


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a benchmark's table; none where there is none or another table."""
    reader = csv.DictReader(_lines(path))
    return list(reader) if tuple(reader.fieldnames or ()) == COLUMNS else []


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines))
