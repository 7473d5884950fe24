"""A fault that is done to the tiny pipeline: the runners that it meets, and what it has cost in the end."""

import random
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from lrsweep.files import alive
from lrsweep.runner import progress
from tests.pipeline import artifacts, different, environment

COMMAND = ("snakemake", "--cores", "2")
# A final training of seconds with checkpoints, so that kills hit it
PARAMS = {"train": {"steps": 400, "warmup_steps": 40, "eval_every": 50}, "execution": {"checkpoint_every": 20}}
# What Python itself says of Ctrl-C while it imports the program, before our main can be silent about it.
INTERRUPTED_BEFORE_MAIN = re.compile(
    r'^Traceback \(most recent call last\):\n  File "[^"]*/bin/lrsweep", line \d+, in <module>\n'
    r"(?:(?! .*, in main\n) .*\n)*KeyboardInterrupt\n",
    re.MULTILINE,
)


def fresh(undisturbed: Path, target: Path) -> Path:
    """The project of a run, with nothing run yet."""
    unwanted = shutil.ignore_patterns("results", "work", ".snakemake")
    return shutil.copytree(undisturbed, target, ignore=unwanted)


def copied(undisturbed: Path, target: Path) -> Path:
    """The project of a run, with all that it has made."""
    return shutil.copytree(undisturbed, target, ignore=shutil.ignore_patterns("*.sock"))


class NotHere(Exception):
    """This machine does not let the program do the fault."""


@dataclass
class Case:
    """A fault that is done to a project, and what came of it."""

    undisturbed: Path
    project: Path
    seed: int | str
    targets: tuple[str, ...] = ()  # what is made; everything if there are none
    excused: set[tuple[str, int]] = field(default_factory=set)  # studies and trials whose records the fault has hit
    others: list[Path] = field(default_factory=list)  # projects that share its work folder
    tries: int = 0
    again: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def start(self, **more: str) -> subprocess.Popen:
        """A runner in a session of its own; what it says comes to `log`."""
        self.before = {key[:3] for key in ended(self.project)}, started(self.project)
        return self.call(*COMMAND, "--", *self.targets, **more)

    def work(self, stage: str, number: int = 7) -> subprocess.Popen:
        """A worker that somebody starts by hand."""
        return self.call("lrsweep", "work", stage, "--number", str(number))

    def call(self, *command: str, folder: Path | None = None, **more: str) -> subprocess.Popen:
        """A command in a session of its own, in the project or another folder."""
        self.number += 1
        self.log = self.project / f".faults-{self.number}.log"
        with self.log.open("w") as log:
            return subprocess.Popen(
                command,
                cwd=folder or self.project,
                env=environment(**more),
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
            )

    def end(self, process: subprocess.Popen) -> str:
        """Waits for the end of a runner; what it said. Nothing that had finished when it started may be trained again."""
        process.wait(timeout=900)
        text = self.log.read_text()
        assert "Traceback" not in INTERRUPTED_BEFORE_MAIN.sub("", text), text[-4000:]
        finished, starts = self.before
        again = {key: n for key, n in (started(self.project) - starts).items() if key in finished}
        self.again += sum(n for key, n in again.items() if not self._excuses(key))
        return text

    def run(self, **more: str) -> str:
        """A runner that is left alone, to its end."""
        return self.end(self.start(**more))

    def finish(self) -> "Outcome":
        """The second start, and what it made of the project."""
        process = self.start()
        text = self.end(process)
        assert process.returncode == 0, text[-4000:]
        trained = Counter(
            (study, event.trial, event.steps - event.trained) for study, event in noted(self.project) if event.state
        )
        twice = sum(n - 1 for key, n in trained.items() if not self._excuses(key))
        wait_until(lambda: not left_behind(self.project), 30)
        return Outcome(self.tries, self.lost(), self.again + twice, sum(map(self.wrong, (self.project, *self.others))))

    def _excuses(self, key: tuple[str, int, int]) -> bool:
        return (Path(key[0]).name, key[1]) in self.excused

    def wrong(self, folder: Path) -> int:
        """Bytes of the artifacts that are not those of the undisturbed run."""
        first, second = artifacts(self.undisturbed), artifacts(folder)
        if self.targets:
            first = {name: data for name, data in first.items() if (folder / name).parent.exists()}
        return sum(len(second.get(name, first.get(name, b""))) for name in different(first, second))

    def lost(self) -> int:
        """Steps that were trained beside those of the undisturbed run, and of trainings that were cut, at most."""
        whole = {(key[:3]): key[3] for key in ended(self.undisturbed)}
        cut = started(self.project) - Counter(key[:3] for key in ended(self.project))
        needed, spent = steps_trained(self.undisturbed), steps_trained(self.project)
        beside = sum(steps - needed[study] for study, steps in spent.items())
        return max(0, beside + sum(n * whole.get(key, 0) for key, n in cut.items()))


@dataclass(frozen=True)
class Outcome:
    """A line of the table."""

    tries: int
    lost: int
    again: int
    wrong: int


def noted(project: Path) -> list[tuple[str, progress.Event]]:
    """What the studies of a project have noted, each with the folder of its identity and its stage."""
    logs = (project / "work").glob("*/*/events.jsonl")
    return [(f"{log.parents[1].name}/{log.parent.name}", event) for log in logs for event in progress.read(log)]


def started(project: Path) -> Counter:
    """How often each training of a trial was started, by study, trial and goal."""
    return Counter((study, event.trial, event.until) for study, event in noted(project) if event.state is None)


def ended(project: Path) -> list[tuple[str, int, int, int]]:
    """The trainings of trials that have ended, by study, trial and goal, with their steps."""
    return [(study, event.trial, event.until, event.trained) for study, event in noted(project) if event.state]


def steps_trained(project: Path) -> Counter:
    """Steps of all trainings that have ended, by study."""
    counts: Counter = Counter()
    for study, _, _, steps in ended(project):
        counts[study] += steps
    return counts


def running_trials(project: Path) -> list[int]:
    """The processes of trials that have started and not ended."""
    last = {event.pid: event for _, event in noted(project)}
    return [event.pid for event in last.values() if event.state is None and alive(event.pid)]


def left_behind(project: Path) -> list[psutil.Process]:
    """The processes of workers and stages that still run in a project."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        with suppress(psutil.Error):
            ours = any(word.endswith(("lrsweep", "snakemake")) for word in process.info["cmdline"] or [])
            if ours and process.info["status"] != psutil.STATUS_ZOMBIE and Path(process.cwd()) == project:
                found.append(process)
    return found


def wait_until(found: Callable[[], object], limit_s: float = 300) -> object:
    """What `found` gives as soon as it gives anything."""
    end = time.monotonic() + limit_s
    while not (value := found()):
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.01)
    return value


def says(text: str, *words: str) -> bool:
    """Whether an output has a line of ours with all the words."""
    return any(line.startswith("lrsweep: ") and all(word in line for word in words) for line in text.splitlines())


def expect_line(text: str, *words: str) -> None:
    """Fails where an output has no line of ours with all the words."""
    assert says(text, *words), text[-4000:]


def alive_for(case: Case, process: subprocess.Popen) -> bool:
    """Whether a runner still runs after a random time, counted from its first job."""
    wait_until(lambda: process.poll() is not None or "Execute" in case.log.read_text())
    try:
        process.wait(case.random.uniform(1, 7))
    except subprocess.TimeoutExpired:
        return True
    case.end(process)
    return False


def expect_success(done: subprocess.CompletedProcess) -> None:
    assert done.returncode == 0, f"{done.args}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
