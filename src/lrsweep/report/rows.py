"""The rows of the report's tables, and its warnings."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from lrsweep.analysis.ablations import Ablations, Corrected, Moved
from lrsweep.analysis.assessment import Assessment
from lrsweep.analysis.clusters import Clusters
from lrsweep.analysis.comparison import Comparison, Losses, mean_of
from lrsweep.analysis.crossings import CURVATURE, WARM_UP, Measured
from lrsweep.analysis.edge import Edge
from lrsweep.analysis.profile import Interval
from lrsweep.analysis.ranges import agreement
from lrsweep.analysis.rules import Rule
from lrsweep.analysis.scaling import Scaling
from lrsweep.analysis.selection import Choice as Chosen
from lrsweep.analysis.statements import bounded
from lrsweep.analysis.words import counted, listed
from lrsweep.figures.drawing import label
from lrsweep.report.formats import nats, num, share, span
from lrsweep.search.metric import weight_ratio
from lrsweep.search.trial import COMPLETE
from lrsweep.space import Choice, Int, Space, Value

Row = dict[str, Any]

KAPPAS = (1.01, 1.015, 1.02, 1.03, 1.05, 1.10)  # as in the write-up
WRITE_UP_TERMS = 195  # 200 evals, window 5
LEANINGS = (  # least share of the weight that the last half of the terms has
    (0.99, "the end alone"),
    (0.9, "mostly the end"),
    (0.6, "leans to the end"),
    (0.0, "nearly a plain mean"),
)


def kappa_rows(terms: int, window: int, own: float) -> list[Row]:
    """Give what a kappa means, for this study's number of terms and for the write-up's; `own` is the study's kappa.

    Each has the weight of the last term of M_u over the first, and the share of the weight that the last half of the terms has.
    """
    counts = {"here": terms, "write_up": WRITE_UP_TERMS}
    rows = []
    for kappa in sorted({*KAPPAS, own}):
        ratios = {name: weight_ratio(kappa, n + window, window) for name, n in counts.items()}
        meanings = {f"{name}_means": _leaning(kappa, n) for name, n in counts.items()}
        rows.append({"kappa": kappa, "own": kappa == own, **ratios, **meanings})
    return rows


def _leaning(kappa: float, terms: int) -> str:
    """Say how far weights kappa^i lean to the end: by the share of the last half of n terms, 1 / (1 + kappa^-(n / 2))."""
    late = 1 / (1 + kappa ** (-terms / 2))
    return f"{next(words for least, words in LEANINGS if late >= least)}: the last half has {share(late)}"


def rung_rows(rungs: pd.DataFrame) -> list[Row]:
    """Give for each rung: trials that reached it, trials stopped there, and the threshold of the last comparison."""
    rows = []
    for rung, part in rungs.sort_values("trial").groupby("rung"):
        thresholds = part["threshold"].dropna()
        last = float(thresholds.iloc[-1]) if len(thresholds) else None
        rows.append({"rung": int(rung), "reached": len(part), "stopped": int(part["stopped"].sum()), "threshold": last})
    return rows


def range_rows(space: Space) -> list[tuple[str, str, str]]:
    """Give for each name of a space: the name in words, its range or its choices, and its scale."""
    found = []
    for name, one in space.dimensions.items():
        if isinstance(one, Choice):
            found.append((label(name), ", ".join(map(num, one.choices)), "choices"))
        else:
            kind = "whole numbers, " if isinstance(one, Int) else ""
            found.append((label(name), span(one.min, one.max), f"{kind}{'logarithmic' if one.is_log else 'linear'}"))
    return found


def cluster_rows(clusters: Clusters) -> list[Row]:
    """Give the clusters with their centres as texts; a choice comes with the share of the trials that have it."""
    rows = []
    for one in clusters.clusters:
        common = {name: f" ({share(part)})" for name, part in one.shares.items()}
        rows.append({**vars(one), "values": {name: num(value) + common.get(name, "") for name, value in one.values.items()}})
    return rows


def candidate_rows(choice: Chosen) -> list[Row]:
    """Give the candidates with their names, and whether the noise separates them from the selected one."""
    rows = []
    for one in choice.candidates:
        chosen = one.candidate == choice.candidate
        rows.append(
            {
                **vars(one),
                "name": f"candidate {one.candidate}" if one.candidate else "default",
                "label": f"{one.candidate} (trial {one.trial})" if one.candidate else "default",
                "n_of": f"{one.n} of {one.n + one.n_diverged}" if one.n_diverged else str(one.n),
                "chosen": chosen,
                "within": "selected" if chosen else "yes" if one.candidate in choice.within_noise else "no",
            }
        )
    return rows


def raced_columns(space: Space, name: str) -> list[list[Any]]:
    """Give the columns of the candidates for a name: its own, and that of the plain value in the race where it has one."""
    own = [label(name), ["values", name], "value"]
    return [own, [label(space.plain[name].name), ["plain", space.plain[name].name], "value"]] if name in space.plain else [own]


def carried_rows(space: Space, choice: Chosen, trained: Mapping[str, Value]) -> list[Row]:
    """Give each name that a run turns into a plain one: both in words, and the plain values of the race and of the final run."""
    return [
        {
            "name": label(name),
            "plain": label(plain.name),
            "value": choice.selected[name],
            "default": choice.candidates[0].plain[plain.name],
            "selected": choice.chosen.plain[plain.name],
            "final": trained[plain.name],
        }
        for name, plain in space.plain.items()
    ]


def changed_rows(space: Space, choice: Chosen, trained: Mapping[str, Value]) -> list[Row]:
    """Give the plain names, but the LR, whose values are others in the final training than those that were selected."""
    names = [name for name in space if name != "lr" and trained.get(name, choice.selected[name]) != choice.selected[name]]
    return [{"name": label(name), "selected": choice.selected[name], "final": trained[name]} for name in names]


def crossing_rows(measured: Measured, edge: Edge) -> list[Row]:
    """Give a row per crossing, with how it lies to the maximum stable LR."""
    said = {"below": "below the maximum stable one", "above": "above the maximum stable one", "within": "intervals overlap"}
    return [
        {**vars(one), **vars(one.lr), "compared": said.get(agreement(one.lr, edge.max_stable_lr) or "", "n/a")}
        for one in measured.crossings
    ]


def rise_row(measured: Measured, edge: Edge) -> Row | None:
    """Give where the gradient norm rises, None where it is not known, and how that lies to three other LRs.

    They are the largest near-optimal one, the maximum stable one, and the one at which the curvature crosses its threshold in
    warm-up.
    """
    if edge.norm_rise is None or edge.norm_rise.lr.lr is None:
        return None
    rise = edge.norm_rise.lr
    crossed = [one.lr for one in measured.crossings if (one.quantity, one.part) == (CURVATURE, WARM_UP)]
    others = {"near": edge.near_optimal_lr, "stable": edge.max_stable_lr, "curvature": crossed[0] if crossed else None}
    return {**vars(rise), **{name: agreement(rise, one) for name, one in others.items()}}


def messages(edge: Edge, assessment: Assessment, choice: Chosen) -> list[str]:
    """Give the warnings of the analyses, first that of a metric that ranks the wrong way."""
    return [*assessment.warnings, *(found.message for found in (edge.valley, choice) if found.message is not None)]


def final_messages(state: str, steps: int, lr: float, selected_lr: float) -> list[str]:
    """Say, where the final training diverged, what follows and what to change: one line, or none."""
    if state == COMPLETE:
        return []
    remedy = "lower it" if lr != selected_lr else "set a lower one"
    hint = f" (the selected one is {num(selected_lr)})" if lr > selected_lr else ""
    return [
        f"The final training diverged after {steps} steps at a maximum learning rate of {num(lr)}, so it has no"
        f" loss and no completions: {remedy} with lr in params.yaml{hint}, and train again"
    ]


def text_messages(held_out: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say, where documents held out stand in training too, what that means and what to change: a line for each such text."""
    return [
        f"{found['in_training']} of {counted(found['documents'], f'{side} document')}"
        f" {'stands' if found['in_training'] == 1 else 'stand'} in the training text too, so losses are"
        " lower than on new text: corpus.repeated: drop in params.yaml leaves repeated documents out"
        for side, found in held_out.items()
        if found["in_training"]
    ]


def flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Give parameters by their key paths, as params.yaml spells them: {"sweep_uniform.lr.max": "0.1"}."""
    found: dict[str, str] = {}
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = "null" if value is None else str(value)
    return found


def link_rows(comparison: Comparison, the_default: str) -> list[Row]:
    """Give the steps from the default to the final training: what each changes, the loss after it, and what it gained."""
    return [
        {
            "step": ", ".join(f"{label(name)} {num(one.values[name])}" for name in one.changed) or the_default,
            "loss": nats(one.mean_nats) if one.mean_nats is not None else f"{one.losses_nats.count(None)} diverged",
            "gain": nats(one.gain_nats) if one.changed else "",
        }
        for one in comparison.links
    ]


def parts(comparison: Comparison) -> list[str]:
    """Give the gain of each step in words: "0.190 nats by the learning rate"; none where one of them is not known.

    A step that gains no more than the noise says so.
    """
    steps, noise = [one for one in comparison.links if one.changed], comparison.noise_nats
    if any(one.gain_nats is None for one in steps):
        return []
    told = []
    for one in steps:
        lost = noise is not None and one.gain_nats is not None and abs(one.gain_nats) <= noise
        by = listed(map(label, one.changed))
        told.append(f"{nats(one.gain_nats)} nats by {by}{', which may be noise' if lost else ''}")
    return told


def rule_rows(rules: Iterable[Rule], losses: Mapping[str, Losses]) -> list[tuple[str, str, str]]:
    """Give the rules for the final training's LR, as rows of `quantities`: what each came to, and where it is from.

    losses: of the rules that were trained, by their names.
    """
    means = {name: mean_of(found) for name, found in losses.items()}
    least = min((mean for mean in means.values() if mean is not None), default=None)
    rows = []
    for one in rules:
        found, mean = losses.get(one.name, ()), means.get(one.name)
        diverged = found.count(None)
        ended = f"diverged in {diverged} of {counted(len(found), 'run')}" if diverged else None
        if mean is not None and least is not None:
            above = "the least" if mean == least else f"{nats(mean - least)} nats above the least"
            ended = f"{nats(mean)} nats after the final training's steps, {above}"
        parts = (ended, one.source, one.note)
        rows.append((one.name, num(one.values["lr"] if one.values else None), "; ".join(part for part in parts if part)))
    return rows


def law_rows(scaling: Scaling) -> list[tuple[str, str, str]]:
    """Give the exponents of the law, as rows of `quantities`."""
    exponents = scaling.law.exponents if scaling.law else {}
    return [
        (f"exponent of {label(name)}", num(one.value), f"95 % interval {span(one.low, one.high)}")
        for name, one in exponents.items()
    ]


def ablation_rows(found: Ablations) -> list[Row]:
    """Give the variants as rows of texts: each number with its interval; n/a where it is not known."""
    rows = []
    for one in found.variants:
        far, own = one.difference_at_lr, one.profile
        rows.append(
            {
                "name": one.name,
                "best": _interval(own.lr if own else None),
                "near_optimal": _interval(own.near_optimal_lr if own else None),
                "breaks": bounded(one.breaks_lr),
                "loss": _interval(own.loss_nats if own else None, nats),
                "loss_at_lr": _interval(one.at_lr, nats) + (f", {one.broken_at_lr} broke" if one.broken_at_lr else ""),
                "difference": _corrected(one.difference),
                "difference_at_lr": f"{nats(far.difference_nats)} ({span(far.low_nats, far.high_nats, nats)})" if far else "n/a",
                "sensitivity": _interval(one.sensitivity_nats, nats),
                "near_optimal_moved": _moved(one.near_optimal_moved),
                "breaks_moved": _moved(one.breaks_moved),
            }
        )
    return rows


def _corrected(gap: Corrected | None) -> str:
    if gap is None:
        return "n/a"
    p = "p below 0.001" if gap.p < 0.001 else f"p {gap.p:.2g}"
    return f"{nats(gap.value)} ({span(gap.low, gap.high, nats)}), {p}"


def _moved(one: Moved | None) -> str:
    if one is None:
        return "n/a"
    times, *ends = (value and float(f"{value:.2g}") for value in (one.times, one.low, one.high))
    return f"{num(times)} ({span(*ends)})"


def _interval(one: Interval | None, written: Any = num) -> str:
    if one is None:
        return "n/a"
    rounded = [float(f"{value:.3g}") if written is num else value for value in (one.value, one.low, one.high)]
    return f"{written(rounded[0])} ({span(rounded[1], rounded[2], written)})"
