"""The ends of the trials of phase 1: final loss, recovery, catapult, and whether training broke."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lrsweep.analysis import settings
from lrsweep.analysis.features import above
from lrsweep.search.trial import COMPLETE, DIVERGED


@dataclass(frozen=True)
class Catapult:
    """The largest rise of the eval loss near the peak LR, and whether a later eval fell below it; None where nothing rose.

    rise_nats is None where the LR of the evals is not known.
    """

    rise_nats: float | None
    recovered: bool | None


@dataclass(frozen=True)
class Ending(Catapult):
    """The end of a trial; a loss of None means that it diverged.

    spikes and unstable are None where they are not known: no gradient norm could be judged, and nothing else shows instability.
    broke_by_loss: it diverged, never recovered, or had a loss far over that of the untrained model.
    """

    trial: int
    lr: float
    state: str
    final_loss_nats: float | None
    never_recovered: bool
    spikes: int | None
    spike_rate: float | None
    unstable: bool | None
    broke_by_loss: bool

    @property
    def learned(self) -> bool:
        """Whether the trial ended below the loss at the end of warm-up."""
        return self.state == COMPLETE and not self.never_recovered


@dataclass(frozen=True)
class Counts:
    """The number of trials by how they ended; a catapult counts from a rise of `tolerance` of the final loss."""

    trials: int
    diverged: int
    never_recovered: int
    catapults: int


@dataclass(frozen=True)
class Instability:
    """The LRs at which training breaks, where trials diverge, never recover or spike often; far above those of a worse loss.

    first_lr is the lowest LR of a broken trial, calm_below_lr the highest calm LR below it, last_calm_lr the highest calm LR.
    unknown counts the trials that did not break by their loss, and whose gradient norms were not logged.
    """

    trials: int
    first_lr: float | None
    calm_below_lr: float | None
    last_calm_lr: float | None
    unknown: int


def describe_endings(
    trials: pd.DataFrame,
    evals: pd.DataFrame,
    marked: pd.DataFrame,
    warmup_steps: int,
    section: settings.Edge,
    initial: float | None,
) -> tuple[Ending, ...]:
    """Describe the trials in order of LR. `marked`: steps with their spikes; `initial`: loss of the untrained model in nats."""
    spikes, judged = (marked.groupby("trial")[name].sum() for name in ("spike", "judged"))
    curves = dict(iter(evals.sort_values("step").groupby("trial")))
    rows = []
    for row in trials[trials["state"].isin([COMPLETE, DIVERGED])].sort_values(["lr", "trial"]).itertuples():
        curve = curves.get(row.trial, evals.iloc[:0])
        final = float(row.final_loss_nats) if row.state == COMPLETE else None
        lost = final is not None and _never_recovered(final, curve, warmup_steps, initial)
        after = curve.loc[curve["step"] > 0, "loss_nats"]
        rose = initial is not None and len(after) > 0 and float(after.max()) > above(initial, section.unstable_rise)
        broke = final is None or lost or rose
        n, of = int(spikes.get(row.trial, 0)), int(judged.get(row.trial, 0))
        rise = catapult(curve["lr"].to_numpy(), curve["loss_nats"].to_numpy(), float(row.lr), section.near_peak)
        rows.append(
            Ending(
                trial=int(row.trial),
                lr=float(row.lr),
                state=row.state,
                final_loss_nats=final,
                never_recovered=lost,
                spikes=n if of else None,
                spike_rate=n / of if of else None,
                unstable=broke or (n > section.unstable_spikes * of if of else None),
                broke_by_loss=broke,
                **vars(rise),
            )
        )
    return tuple(rows)


def _never_recovered(final: float, curve: pd.DataFrame, warmup_steps: int, initial: float | None) -> bool:
    """Say whether the final loss is at least the loss at the end of warm-up, or at least that of the untrained model."""
    before = curve.loc[curve["step"] <= warmup_steps, "loss_nats"]
    return (initial is not None and final >= initial) or (len(before) > 0 and final >= float(before.iloc[-1]))


def catapult(lrs: np.ndarray, losses: np.ndarray, max_lr: float, near_peak: float) -> Catapult:
    """Find the largest rise of the eval loss over the least loss before it, in nats (Lewkowycz et al. 2020, arXiv 2003.02218).

    Only evals count whose LR is at least near_peak times the maximum.
    """
    if len(lrs) and np.isnan(lrs.astype(float)).all():
        return Catapult(None, None)
    least = np.minimum.accumulate(losses)
    near = [i for i in range(1, len(losses)) if lrs[i] >= near_peak * max_lr]
    peak = max(near, key=lambda i: losses[i] - least[i - 1], default=None)
    if peak is None or losses[peak] <= least[peak - 1]:
        return Catapult(0.0, None)
    later = losses[peak + 1 :]
    return Catapult(float(losses[peak] - least[peak - 1]), bool((later < least[peak - 1]).any()))


def judge(endings: Sequence[Ending]) -> tuple[list[tuple[float, bool]], bool]:
    """Give the LR of each run and whether it broke, and whether spikes count for that.

    They count where they are known of all runs. Otherwise losses alone count, for all runs alike: among the runs of which all is
    known those that broke would be too many.
    """
    spikes_count = all(row.unstable is not None for row in endings)
    return [(row.lr, bool(row.unstable if spikes_count else row.broke_by_loss)) for row in endings], spikes_count


def find_instability(endings: Sequence[Ending]) -> Instability:
    """Find the LRs at which training breaks."""
    broken, calm, unknown = ([row.lr for row in endings if row.unstable is kind] for kind in (True, False, None))
    first = min(broken, default=None)
    below = [lr for lr in calm if first is None or lr < first]
    return Instability(len(broken), first, max(below, default=None), max(calm, default=None), len(unknown))


def count_endings(endings: Sequence[Ending], tolerance: float) -> Counts:
    """Count how the trials ended."""
    ended = [(row, row.final_loss_nats) for row in endings if row.final_loss_nats is not None]
    catapults = sum((row.rise_nats or 0.0) > tolerance * abs(final) for row, final in ended)
    return Counts(len(endings), len(endings) - len(ended), sum(row.never_recovered for row, _ in ended), catapults)
