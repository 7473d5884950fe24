"""What to try next: what this run left open, what would change its answer most first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lrsweep.analysis.edge import Edge
from lrsweep.analysis.profile import Interval
from lrsweep.analysis.ranges import Bounded
from lrsweep.analysis.scaling import Scaling
from lrsweep.analysis.selection import Choice
from lrsweep.figures.drawing import label
from lrsweep.report.formats import num, plain, span
from lrsweep.search.study import TRIALS, Summary

MOST = 4  # pieces of advice
WIDE = 2.5  # ratio of the ends of an interval from which on it is worth narrowing


@dataclass(frozen=True)
class Advice:
    """What to try, and the key of params.yaml or the command that does it."""

    words: str
    by: str


def advice(edge: Edge, study: Summary, choice: Choice, scaling: Scaling, setting: Mapping[str, Any]) -> list[Advice]:
    """Give at most MOST pieces. setting: the sections of params.yaml that the page shows."""
    if not choice.chosen.n:
        return [Advice("Try lower learning rates, since nothing trained to its end", "sweep_uniform.lr.max")]
    return [*_on_answer(study, choice, scaling, setting), *_on_rest(edge, choice, scaling, setting)][:MOST]


def _on_answer(study: Summary, choice: Choice, scaling: Scaling, setting: Mapping[str, Any]) -> Iterator[Advice]:
    steps, target = setting["sweep_bayes"]["steps"], setting["train"]["steps"]
    for one in choice.border_warnings:
        words = f"Search {label(one.hyperparameter)} from {span(one.wider.min, one.wider.max)}"
        why = f"the selected {num(one.value)} lies at the {one.border} end of its range"
        yield Advice(f"{words}: {why}", f"sweep_bayes.space.{one.hyperparameter}")
    if scaling.lr is None and target != steps:
        yield Advice(f"Train proxies of other lengths: what is best for {steps} steps need not be so for {target}", "scale")
    elif scaling.law and not scaling.law.followed:
        yield Advice("Add proxies of other lengths, since those that were trained contradict each other", "scale.steps")
    elif scaling.law and (times := _width(scaling.law.lr)) > WIDE:
        runs, wide = setting["scale"]["runs"], _wide(times)
        words = f"Give each proxy {2 * runs} runs instead of {runs}: the interval of the learning rate for {target} steps {wide}"
        yield Advice(words, "scale.runs")
    if study.ended_by == TRIALS and study.ending_gain is not None:
        yield Advice("Allow more trials, since the last ones still promised a gain", "sweep_bayes.trials")


def _on_rest(edge: Edge, choice: Choice, scaling: Scaling, setting: Mapping[str, Any]) -> Iterator[Advice]:
    if setting["trainer"] and not edge.spikes_count:
        words = "Log the gradient norm at each step, so that spikes count where training breaks"
        yield Advice(words, "trainer.curve.grad_norm")
    if edge.refined and edge.max_stable_lr and (times := _width(edge.max_stable_lr)) > WIDE:
        yield Advice(f"Add runs about the maximum stable learning rate: its interval {_wide(times)}", "edge.refine.breaks")
    if choice.lower_lr is not None and scaling.lr is None:
        lr = choice.candidates[choice.lower_lr].lr
        words = f"Train at {num(lr)} where stability matters more: it is within noise of the selected one"
        yield Advice(words, f"dvc exp run -S lr={plain(lr)}")
    if setting["ablate"] is None and not setting["trainer"]:
        yield Advice("See which parts of the model and of its training matter", "lrsweep preset ablations")


def _width(one: Bounded | Interval) -> float:
    """Give the ratio of the ends of an interval; infinity where an end is open."""
    return one.high / one.low if one.low and one.high else float("inf")


def _wide(times: float) -> str:
    return "is open at an end" if times == float("inf") else f"spans a factor of {times:.1f}"
