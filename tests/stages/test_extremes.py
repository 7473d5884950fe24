"""Losses at their ends through the whole pipeline: each stage, each figure, the page and the commands that look back."""

import json
import math
import shutil
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lrsweep.cli.main import app
from lrsweep.cli.stages import STAGES
from lrsweep.errors import UserError
from lrsweep.figures.figure import Canvas
from lrsweep.logs.measurement import LARGEST, LEAST
from lrsweep.trainers import simulated
from lrsweep.trainers.simulated import Simulated, SimulatedRun
from lrsweep.trainers.trainer import Eval, Step
from tests.analysis.test_diverged import assert_whole
from tests.pipeline import clone, configured

EARLY, LATE = STAGES[:3], STAGES[3:]  # those that make the texts, and those that depend on what was trained
MADE_UP = 1  # exit code of `trace`: what was made up is no evidence
UNTRAINED, ONE_UP = 6.0, math.nextafter(2.0, 3.0)
UNPROFILED = {"edge": {"refine": None}, "scale": None, "ablate": None}  # a profile takes the logarithm of a loss
ENDS = [LEAST, 2.0, ONE_UP, 710.0, LARGEST, 1e8, math.nan]
SIGNED = [0.0, -3.0, -LARGEST, LARGEST, LEAST, 2.0, 2.0, 2.0]


def nothing_is_finite(run, step):
    """Not even the first eval."""
    return math.nan, math.nan


def all_are_equal(run, step):
    return 2.0, 0.0


def each_ends_elsewhere(run, step):
    """Whatever the LR is; the norms jump too."""
    ends, late = ENDS[run.seed % len(ENDS)], step > run.budget.steps * 0.7
    return (ends if late else UNTRAINED), (LARGEST if step % 5 == 4 else LEAST)


def one_lr_trains(run, step):
    """The lowest of phase 1 by far; elsewhere all is lost at once."""
    return (2.0 if run.max_lr < 0.01 or step == 0 else math.nan), None


def some_are_below_zero(run, step):
    return SIGNED[(run.seed + step) % len(SIGNED)], 1.0


CURVES = {
    nothing_is_finite: {},
    all_are_equal: {},
    each_ends_elsewhere: {},
    one_lr_trains: {},
    some_are_below_zero: UNPROFILED,
}


class MadeRun(SimulatedRun):
    """A run whose losses and gradient norms a function of the run and the step gives."""

    curve = staticmethod(all_are_equal)

    def observe(self, until):
        for step in range(self.step + (self.step > 0), until + 1):
            self.step, lr, (loss, norm) = step, self._lr(step), self.curve(self, step)
            seen = [Step(step, lr, loss, norm)] if step else []
            for one in [*seen, *([Eval(step, lr, loss)] if step % self.budget.eval_every == 0 else [])]:
                yield one
                if not one.finite:
                    return


class Made(Simulated):
    def start(self, values, seed, budget):
        return MadeRun(values, seed, budget)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """The tiny pipeline with made-up curves, its texts made."""
    project = configured(clone(tmp_path_factory.mktemp("extremes") / "project"), {"simulate": True})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.delenv("LRSWEEP_WORK", raising=False)
        run(*EARLY)
    return project


@pytest.fixture
def here(texts, tmp_path, monkeypatch):
    """A copy of it, free to be changed, as the current folder; trained by the curves of `MadeRun`, pictures as SVG alone."""
    monkeypatch.chdir(shutil.copytree(texts, tmp_path / "project"))
    monkeypatch.delenv("LRSWEEP_WORK", raising=False)
    monkeypatch.setattr(simulated, "Simulated", Made)
    save = Canvas.savefig
    monkeypatch.setattr(Canvas, "savefig", lambda self, to, **how: how["format"] == "svg" and save(self, to, **how))
    return Path.cwd()


def run(*commands, code=0):
    """Run commands in this process, which end with this code, and give what the last one has printed."""
    for command in commands:
        done = CliRunner().invoke(app, command.split())
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
    return done.output


def refused(name):
    raise AssertionError(f"JSON has no {name}")


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.__name__)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_every_stage_figure_and_question(here, monkeypatch, curve):
    monkeypatch.setattr(MadeRun, "curve", staticmethod(curve))
    configured(here, CURVES[curve])
    run(*LATE)
    for path in here.glob("results/*/*.json"):
        json.loads(path.read_text(), parse_constant=refused)
    for figure in import_module("lrsweep.figures").NAMES:
        assert (here / f"results/figures/{figure}.svg").read_text().startswith("<?xml")
    page = (here / "results/report/index.html").read_text()
    assert_whole(page)
    assert "No model was trained" in page
    assert "all as recorded" in run("replay sweep_bayes")
    assert "14 of 14 done" in run("status")
    for trial in (0, 13):
        assert f"sweep_bayes trial {trial}: lr = " in run(f"trace results/figures/proposals.svg --trial {trial}", code=MADE_UP)


def test_a_loss_of_zero_is_refused_where_its_logarithm_is_needed(here, monkeypatch):
    monkeypatch.setattr(MadeRun, "curve", staticmethod(lambda run, step: (0.0 if step else UNTRAINED, 1.0)))
    with pytest.raises(
        UserError, match=r"^profile: found a final loss of 0 at LR .*, expected losses above 0, .*; .*edge\.refine"
    ):
        run("sweep_uniform", "edge")
