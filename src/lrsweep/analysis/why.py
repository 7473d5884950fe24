"""Why a trial spiked or broke: which step it is, which weights moved first, and what the counter-tests say.

A counter-test trains the trial again from a state shortly before, with one thing changed. At a high LR rounding alone moves a
spike to another step within some twenty steps. So besides one run on the recorded batches there are several on other batches, and
what a change is worth is told by how many of these spike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact

from lrsweep.analysis import settings

LEAD = 5  # steps before the one in question, at which counter-tests start
LEVEL = 0.05  # of the test whether spikes are rarer

# The counter-tests. The first four start LEAD steps before and the others at the step itself, but EARLIER takes its batch there.
RECORDED, HALF_LR, SHORT_MEMORY, PRECISE = "as recorded", "half the LR", "a tenth of beta2's memory", "higher precision"
OTHER_BATCH, EARLIER, PRECISE_NOW = "another batch", f"the same batch {LEAD} steps before", "higher precision at this step"

Cause = Literal[
    "no spike", "first step", "not reproduced", "rounding", "batch", "batch and state", "learning rate", "second moment", "state"
]


@dataclass(frozen=True)
class Rise:
    """The step in question: its gradient norm against the median of the `window` steps before it.

    kind: a break is a step whose loss or gradient is not finite, and so has no norm.
    """

    step: int
    kind: Literal["spike", "break", "rise"]
    grad_norm: float | None
    median: float | None
    window: int
    multiple: float | None


@dataclass(frozen=True)
class Part:
    """A weight of the model: from which step on its gradient rose, None where it did not; gradient and update against usual.

    layer: number of the block; None outside the blocks. Each multiple is the norm at the step in question by the median of the
    steps before it.
    """

    group: str
    layer: int | None
    since: int | None
    gradient: float | None
    update: float | None

    def __str__(self) -> str:
        return self.group if self.layer is None else f"{self.group} of block {self.layer}"


@dataclass(frozen=True)
class Test:
    """A counter-test: the highest norm of its steps by the recorded median, and how many runs on other batches spiked.

    multiple: None where training broke; the median over other batches for OTHER_BATCH. spikes: whether any of its steps spikes, a
    little earlier or later too; for OTHER_BATCH whether more than half of the batches do. runs: 0 where there are none.
    """

    name: str
    multiple: float | None
    spikes: bool
    runs: int
    spiking: int


@dataclass(frozen=True)
class Batch:
    """The batch of the step, before its update: its loss, the losses of other batches at the same weights, and its worst text.

    A loss is None where it is not finite.
    """

    loss_nats: float | None
    others_nats: tuple[float | None, ...]
    worst_nats: float | None
    text: str

    @classmethod
    def of(cls, loss_nats: float, others_nats: Sequence[float], worst_nats: float, text: str) -> "Batch":
        """Make a batch of losses that may not be finite."""
        return cls(_known(loss_nats), tuple(map(_known, others_nats)), _known(worst_nats), text)


@dataclass(frozen=True)
class Verdict:
    """What the evidence says."""

    cause: Cause
    says: str


def find(curve: Mapping[str, np.ndarray], diverged: bool, steps: int, step: int | None, section: settings.Edge) -> Rise:
    """Find the step to explain: where training broke, else the greatest rise of the gradient norm; or take `step`.

    curve: `loss_nats` and `grad_norm`, a value for each step from 1. A trial that diverged with a finite last step was ended by
    an eval, and breaks at the next of its `steps`. Norms are judged as in spikes.py, at the start by the steps there are. A norm
    of 0 measures nothing: weights are so large there that no gradient comes back.
    """
    losses, norms = (np.asarray(curve[name], dtype=float) for name in ("loss_nats", "grad_norm"))
    if diverged and np.isfinite(losses).all() and np.isfinite(norms).all() and len(norms) < steps:
        norms = np.append(norms, np.nan)
    known = pd.Series(norms, index=range(1, len(norms) + 1)).where(np.isfinite(norms) & (norms > 0))
    median = known.rolling(section.spike_window, min_periods=1).median().shift(1)
    multiples = known / median
    whole = multiples.loc[section.spike_window + 1 :]  # the steps with a full window
    if step is None:
        judged = multiples if whole.isna().all() else whole
        step = len(known) if diverged or judged.isna().all() else int(judged.idxmax())
    window, usual = min(section.spike_window, step - 1), _known(median[step])
    if diverged and step == len(known):
        return Rise(step, "break", None, usual, window, None)
    multiple = _known(multiples[step])
    kind: Literal["spike", "rise"] = "spike" if multiple is not None and multiple > section.spike_factor else "rise"
    return Rise(step, kind, _known(known[step]), usual, window, multiple)


def parts(norms: pd.DataFrame, rise: Rise, section: settings.Edge) -> tuple[Part, ...]:
    """Give the weights, first those whose gradient rose first: above the root of spike_factor, and up to the step in question.

    norms: rows of group, layer, order, step, gradient, update. Of weights that rose at the same step the one next to the loss
    comes first, since back-propagation reached it first and carried the rise on.
    """
    found = []
    for (group, layer), rows in norms.groupby(["group", "layer"], dropna=False, sort=False):
        rows = rows.set_index("step").sort_index().loc[: rise.step]
        before = rows.loc[rows.index < rise.step]
        gradients, updates = (rows[name] / before[name].median() for name in ("gradient", "update"))
        calm = gradients.index[gradients <= section.spike_factor**0.5]
        since = int(gradients.index[0]) if calm.empty else int(calm[-1]) + 1
        at = (_known(one.get(rise.step)) for one in (gradients, updates))
        own = None if pd.isna(layer) else int(layer)
        found.append((Part(str(group), own, since if since <= rise.step else None, *at), int(rows["order"].iloc[-1])))
    never = rise.step + 1
    return tuple(part for part, _ in sorted(found, key=lambda one: (one[0].since or never, one[1])))


def tests(outcomes: pd.DataFrame, rise: Rise, section: settings.Edge) -> tuple[Test, ...]:
    """Judge the counter-tests: rows of test, run, step, grad_norm, each run up to its end or its first step that is not finite.

    Run 0 is on the recorded batches; those of OTHER_BATCH are from 1 on.
    """
    limit = section.spike_factor * rise.median if rise.median else np.finfo(float).max
    found = []
    for name, rows in outcomes.groupby("test", sort=False):
        over = ~(rows["grad_norm"] <= limit)  # so that NaN is over
        spiking = over[rows["run"] > 0].groupby(rows["run"]).any()
        others, own = name == OTHER_BATCH, rows.loc[rows["run"] == 0, "grad_norm"]
        norm = _known(rows["grad_norm"].median() if others else own.max(skipna=False))
        spikes = bool(spiking.mean() > 0.5 if others else over[own.index].any())
        multiple = norm / rise.median if norm is not None and rise.median else None
        found.append(Test(str(name), multiple, spikes, len(spiking), int(spiking.sum())))
    return tuple(found)


def judge(rise: Rise, judged: Sequence[Test]) -> Verdict:
    """Say what the counter-tests leave as the cause.

    A batch that spikes at other weights too is to blame by itself. Large models were seen to spike where a batch met a certain
    state of the weights, and not on the same batch at an earlier state (Chowdhery et al. 2022, arXiv 2204.02311, section 5.1),
    and some steps after AdamW's second moment was out of date (Wortsman et al. 2023, arXiv 2304.13013), for which a shorter
    memory is tried here.
    """
    if rise.kind == "rise":
        times = f", {rise.multiple:.3g} times the median before it" if rise.multiple is not None else ""
        return Verdict("no spike", f"no spike: the gradient norm of step {rise.step} is not far above the others{times}")
    if rise.window == 0:
        return Verdict("first step", "training broke at its first step, so nothing before it can be changed")
    by_name = {test.name: test for test in judged}
    if not by_name[RECORDED].spikes:
        return Verdict("not reproduced", f"trained again, step {rise.step} does not spike, so nothing more can be said")
    if not by_name[PRECISE_NOW].spikes:
        return Verdict("rounding", "rounding: in higher precision the same batch at the same weights does not spike")
    cause, says = _any_batch(by_name) if by_name[OTHER_BATCH].spikes else _this_batch(by_name)
    says += _rates(by_name)
    if not by_name[PRECISE].spikes:
        chance = f"in higher precision from {LEAD} steps before none spikes, so that one run with a change says little"
        says += f". Chance chose the step: {chance}"
    return Verdict(cause, says)


def _any_batch(by_name: Mapping[str, Test]) -> tuple[Cause, str]:
    spikes, half, earlier = "at these weights most batches spike", by_name[HALF_LR], by_name[EARLIER]

    def mends(test: Test) -> bool:  # where rounding prevents the spike too, one run that does not spike shows nothing
        return not test.spikes and (by_name[PRECISE].spikes or _rarer(by_name[RECORDED], test))

    if mends(half):
        return "learning rate", f"the learning rate: {spikes}, but none of it is left after {LEAD} steps at half the LR"
    if mends(by_name[SHORT_MEMORY]):
        return "second moment", f"AdamW's second moment: {spikes}, but not where its memory is shorter for {LEAD} steps"
    if half.spikes and not earlier.spikes:
        return "learning rate", f"the learning rate: {spikes}, but not {LEAD} steps before; half of it is still too high"
    return "state", f"the weights: {spikes}" + (f", and so they did {LEAD} steps before" if earlier.spikes else "")


def _this_batch(by_name: Mapping[str, Test]) -> tuple[Cause, str]:
    if by_name[EARLIER].spikes:
        return "batch", f"the batch: it spikes at the weights of {LEAD} steps before too, and most others do not"
    return "batch and state", "this batch at these weights: most others do not spike, nor does this one at earlier weights"


def _rates(by_name: Mapping[str, Test]) -> str:
    recorded, said = by_name[RECORDED], list[str]()
    for test in (by_name[HALF_LR], by_name[SHORT_MEMORY]):
        rarer = "rarer" if _rarer(recorded, test) else "not clearly rarer"
        said.append(f"{test.spiking} with {test.name}, which is {rarer}")
    runs = f"Of {recorded.runs} runs on other batches from {LEAD} steps before"
    return f". {runs}, {recorded.spiking} spike soon; {', '.join(said)}"


def _rarer(recorded: Test, test: Test) -> bool:
    """Say whether fewer runs on other batches spike, by Fisher's exact test."""
    table = [[one.spiking, one.runs - one.spiking] for one in (recorded, test)]
    return bool(fisher_exact(table, alternative="greater").pvalue < LEVEL)


def _known(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
