"""The ending: the rule by which a study knows that more trials do not pay.

Each proposal has its expected gain: what its trial is expected to improve on the best there is, which is the maximum of the
acquisition. The study ends when that is small. This is the rule of Xie et al. (2025, arXiv 2507.12453, "Cost-aware stopping for
Bayesian optimization"): end when no expected improvement is worth the cost of its evaluation. But a loss has no price in steps.
So the worth is measured as by Makarova et al. (2022, "Automatic termination for hyperparameter optimization"): against the noise,
here the standard deviation between seeds. Unlike there, one small gain is not enough, since each is averaged over a few kernels.

The rule reads what trial k has in sight and nothing else, so the same trials are trained in whatever order they end.
"""

from collections.abc import Mapping, Sequence

from lrsweep.search.settings import Ending, SweepBayes
from lrsweep.search.study import sight

Promises = Sequence[float | None]  # of proposals in trial order


def has_ended(promises: Promises, rule: Ending) -> bool:
    """Say whether the last `patience` of these proposals promise at most `gain` each, in shares of the noise between seeds.

    A proposal without a promise, as one of the Sobol sequence, may gain anything.
    """
    last = promises[-rule.patience :]
    return len(last) == rule.patience and all(one is not None and one <= rule.gain for one in last)


def ended_at(promises: Mapping[int, float | None], section: SweepBayes) -> int | None:
    """Give the trial that is not started since the rule has fired in its sight, or `trials`; None while that is not known.

    promises: by trial, of the trials after the block that have ended.
    """
    known = section.first_block  # trials below this have ended
    for k in range(section.first_block, section.trials if section.ending else 0):
        seen = sight(k, section)
        while known < seen.stop:
            if known not in promises:
                return None
            known += 1
        if section.ending and has_ended([promises[j] for j in seen[-section.ending.patience :]], section.ending):
            return k
    return section.trials
