"""watch: write a live page of the studies from the records and events on disk; no stage of dvc.yaml, since it makes no result."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from lrsweep import files
from lrsweep.analysis.edge import NOT_REFINED, Edge, find_edge
from lrsweep.config.params import Params
from lrsweep.errors import UserError
from lrsweep.figures.drawing import WAITING
from lrsweep.provenance.pipeline import Stage
from lrsweep.report import live
from lrsweep.runner import catalogue, identity, progress
from lrsweep.runner.catalogue import study_of
from lrsweep.runner.progress import Size, duration
from lrsweep.runner.tables import evals_of, step_columns
from lrsweep.search import study
from lrsweep.search.settings import SweepBayes
from lrsweep.search.trial import COMPLETE, PRUNED, Record
from lrsweep.stages.estimate import least_steps
from lrsweep.store import records
from lrsweep.store import results as store
from lrsweep.store.locking import held
from lrsweep.store.records import canonical_digest
from lrsweep.store.results import Results

PAGE = "live.html"  # in the work folder


@dataclass
class Followed:
    """A study whose files are read as they come, each once, and which is drawn again when there are new ones."""

    params: Params
    size: Size
    log: progress.Log
    running: list[progress.Event] = field(default_factory=list)
    found: dict[Path, Record] = field(default_factory=dict)
    drawn: tuple[int, list[live.Picture]] = (-1, [])

    def read(self) -> None:
        """Read the events and records that are new.

        Raises:
            UserError: a record or the study's identity is damaged.
        """
        folder = self.log.path.parent
        self.running = progress.running(self.log.read())
        paths = sorted([*folder.glob("trials/*/*.json"), *folder.glob("block-*/*/*.json")])
        new = [path for path in paths if path not in self.found and records.exists(path)]
        if new and self.stage != "sharpness":  # whose records are measurements
            digest = canonical_digest(store.read_json(folder / identity.FILE))
            self.found |= {path: records.load(path, digest) for path in new}

    @property
    def stage(self) -> str:
        """The stage that the study is of."""
        return self.size.stage

    @property
    def trials(self) -> Mapping[int, tuple[Record, Path]]:
        """The longest record of each trial, by its number: a trial of the first block has one for each level."""
        ordered = sorted(self.found.items(), key=lambda one: (one[1].trial, one[1].steps, str(one[0])))
        return {record.trial: (record, path) for path, record in ordered}

    def state(self, record: Record) -> str:
        """Give the state of a trial, also while its block is being halved."""
        section = self.params.sweep_bayes
        if self.stage != live.PHASE_2 or record.state != COMPLETE or record.steps == section.steps:
            return record.state
        return WAITING if record.trial in going_on(list(self.found.values()), section) else PRUNED

    def edge(self) -> Edge | None:
        """Find the edge from the trials so far."""
        found = list(self.trials.values())
        if not found:
            return None
        trials, evals = self._tables()
        steps, params = pd.DataFrame(step_columns(found)), self.params
        return find_edge(trials, evals, steps, params.edge, params.sweep_uniform, params.seed, NOT_REFINED)[0]

    def _tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        metric = self.params.sweep_bayes.metric
        rows = [{**study.trial_row(one, metric, None), "state": self.state(one)} for one, _ in self.trials.values()]
        trials, evals = pd.DataFrame(rows), evals_of(self.trials.values(), metric)
        losses = ["last_loss_nats", "final_loss_nats"]
        trials = trials.astype(dict.fromkeys(losses, float)) if rows else trials
        # the range of the LR does not matter here, only the names
        trials.attrs["space"] = self.params.sweep_bayes.space_with(self.params.sweep_uniform.lr)
        return trials, evals

    def pictures(self, edge: Edge | None) -> list[live.Picture]:
        """Draw the study; the pictures of before where nothing is new."""
        if self.drawn[0] != len(self.found) and self.found:
            rungs = self.params.sweep_bayes.rungs if self.stage == live.PHASE_2 else ()
            self.drawn = len(self.found), live.pictures(self.stage, *self._tables(), rungs, edge)
        return self.drawn[1]

    def show(self, edge: Edge | None) -> live.Shown:
        """Give what the page shows of the study."""
        events = self.log.events
        now = progress.summarize(events, self.size)
        return live.Shown(
            stage=self.stage,
            done=now.done,
            trials=self.size.trials,
            running=[live.Running(e.trial, e.until, e.values, duration(time.time() - e.at_s), e.host) for e in self.running],
            pruned=dict(sorted(now.pruned.items())),
            diverged=now.diverged,
            best=live.Best(now.best.trial, now.best.loss_nats, now.best.values) if now.best else None,
            left=duration(now.left_s) if now.left_s and self.running else None,
            pictures=self.pictures(edge),
            source=str(self.log.path.parent),
        )


def going_on(segments: Sequence[Record], section: SweepBayes) -> set[int]:
    """Give the trials of phase 2's first block that are not stopped, from the records of all levels so far."""
    going = set(range(section.first_block))
    for rung in section.rungs:
        here = {one.trial: one for one in segments if one.steps >= rung or one.state not in (COMPLETE, PRUNED)}
        if not going <= here.keys():
            break
        going = set(study.survivors({trial: here[trial] for trial in going}, rung, section))
    return going


@dataclass
class Watch:
    """A watch over a run, which writes the live page again and again."""

    params: Params
    results: Results
    stages: Mapping[str, Stage]
    lock: Path  # of the run
    every_s: float
    studies: dict[Path, Followed] = field(default_factory=dict)
    known_edge: tuple[int, Edge | None] = (-1, None)

    @cached_property
    def path(self) -> Path:
        """The page, beside the records and outside of the results."""
        return store.work() / PAGE

    def write(self) -> str:
        """Write the page; give its state."""
        found = self.look()
        files.write_text(self.path, live.render(found))
        return found.state

    def look(self) -> live.Live:
        """Give what the page shows now."""
        problems = []
        self.studies = {
            log: self.studies.get(log) or Followed(self.params, size, progress.Log(log))
            for size, log in catalogue.started(self.params, self.results)
        }
        for one in self.studies.values():
            try:
                one.read()
            except UserError as error:
                problems.append(str(error))
        # drawing takes time, in which the run goes on: so all else is of one moment before it
        clock, left = time.strftime("%Y-%m-%d %H:%M:%S"), self._left()
        ended = {name: all(Path(out).exists() for out in one.outs) for name, one in self.stages.items()}
        edge = self._edge()
        shown = [one.show(edge) for one in self.studies.values()]
        page = self.results.path("report/index.html")
        return live.Live(
            state=self._state(shown, page),
            simulated=self.params.simulate,
            now=next((name for name, whole in ended.items() if not whole), None),
            stages=ended,
            studies=shown,
            edge=edge,
            left=left,
            problems=problems,
            page=page.resolve().as_uri(),
            clock=clock,
            every_s=self.every_s,
        )

    def _state(self, shown: Sequence[live.Shown], page: Path) -> str:
        if any(one.running for one in shown) or held(self.lock):
            return live.RUNS
        latest = max((event.at_s for one in self.studies.values() for event in one.log.events), default=0.0)
        whole = any(one.stage == "train" and one.done for one in shown)  # the page is of all trainings: it is the newest
        if whole and page.exists() and page.stat().st_mtime >= latest:
            return live.OVER
        return live.STOPPED if shown else live.NONE

    def _edge(self) -> Edge | None:
        """Find the edge from phase 1's trials so far; take the recorded one where phase 1 was trained elsewhere."""
        phase_1 = next((one for one in self.studies.values() if one.stage == live.PHASE_1), None)
        if phase_1 is None:
            with suppress(UserError):
                return self.results.read_as(Edge, "edge/edge.json")
            return None
        if self.known_edge[0] != len(phase_1.found):
            self.known_edge = len(phase_1.found), phase_1.edge()
        return self.known_edge[1]

    def _left(self) -> str | None:
        """Estimate the time to the end of the run: what is left of the study that runs, and those after it at its speed."""
        running = [one for one in self.studies.values() if one.running]
        if not running:
            return None
        latest, names = running[-1], list(catalogue.STUDIES)
        events, step_s = latest.log.events, progress.pace(latest.log.events)
        if step_s is None:
            return None
        later = names[names.index(latest.stage) + 1 :]
        sizes = [study_of(name, self.params, self.results).size for name in later if name != "sharpness"]
        n = len(latest.running)  # the final training may be one: at the speed of one of these
        steps = sum(self._steps(size) * max(1.0, n / size.at_once) for size in sizes if size.at_once)
        return duration((progress.summarize(events, latest.size).left_s or 0.0) + steps * step_s)

    def _steps(self, size: Size) -> float:
        return least_steps(self.params.sweep_bayes) if size.stage == live.PHASE_2 else size.trials * size.levels[-1]
