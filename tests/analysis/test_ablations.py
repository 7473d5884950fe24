"""The comparison of variants: hand-computed corrections, and planted differences, which the intervals must hold."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lrsweep.analysis.ablations import Moved, Setting, Tried, compare, holm, ratio
from lrsweep.analysis.profile import Interval, Run
from lrsweep.analysis.ranges import Bounded
from lrsweep.analysis.statements import statements
from tests.found import ABLATIONS, NOTHING_ABLATED, SETTING, valley

LADDER = [0.02 * 3.0**power for power in (0, -1, -2, -3, 1, 2, 3)]
FIRST = [*LADDER, 0.02, 0.02]


def by_name(found):
    return {one.name: one for one in found.variants}


def planted(name, best, level, random, noise=0.01, overrides=None):
    """A ladder, two more seeds and five runs about the best LR, of a valley in the log of the loss."""
    lrs = [*FIRST, *(best * math.exp(x) for x in (-0.9, 0.9, 0.5, -0.5, 0.7))]
    losses = [level * math.exp(0.04 * math.log(lr / best) ** 2 + noise * random.standard_normal()) for lr in lrs]
    return Tried(name, overrides or {}, None, [Run(lr, i, loss) for i, (lr, loss) in enumerate(zip(lrs, losses, strict=True))])


def test_holm_by_hand():
    """Of 0.01, 0.02, 0.04: 3 · 0.01, 2 · 0.02, and 0.04; the last is never less than those before."""
    assert holm([0.04, 0.01, 0.02])[0] == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.04, 0.01, 0.02])[1] == pytest.approx([0.05, 0.05 / 3, 0.05 / 2])
    ps, levels = holm([0.01, 0.03, 0.04])
    assert ps == pytest.approx([0.03, 0.06, 0.06])
    assert levels == pytest.approx([0.05 / 3, 0.05 / 2, 0.05 / 2]), "none is decided after one that is kept"
    assert holm([]) == ([], [])


def test_intervals_say_what_holm_decides():
    for one in ABLATIONS.variants:
        if one.difference:
            assert (one.difference.low <= 0 <= one.difference.high) == (one.difference.p > 0.05), one.name
    assert ABLATIONS.compared == 3


def test_the_ratio_of_two_estimates_by_hand():
    """In logs 1 ± 3 less 2 ± 4 is -1 ± 5."""
    one, other = (Interval(*(math.exp(x) for x in (middle, middle - half, middle + half))) for middle, half in ((1, 3), (2, 4)))
    found = ratio(one, other)
    assert [math.log(x) for x in (found.times, found.low, found.high)] == pytest.approx([-1, -6, 4])
    assert ratio(one, Bounded(math.exp(2), math.exp(-2), None)) == replace(found, low=None), "an open end leaves one open"
    assert ratio(one, Bounded(None, 0.1, None)) is None
    assert not found.is_clear and Moved(0.5, None, 0.9).is_clear and not Moved(0.5, 0.3, None).is_clear


def test_what_was_planted_is_found():
    found = by_name(ABLATIONS)
    worse, same = found["no_norm"], found["no_warmup"]
    assert worse.difference.low < 0.4 < worse.difference.high and worse.difference.low > 0.3
    assert worse.best_moved.low < 0.3 < worse.best_moved.high < 1
    assert worse.breaks_moved.high < 1 and worse.breaks_lr.low < 0.036 < worse.breaks_lr.high
    assert same.difference.low < 0 < same.difference.high and same.breaks_moved.times == pytest.approx(1, abs=0.1)
    assert worse.sensitivity_nats.low > found["baseline"].sensitivity_nats.high
    together = found["no_norm + no_warmup"]
    assert together.difference.value == pytest.approx(0.9, abs=0.05)
    (crossed,) = ABLATIONS.interactions
    assert (crossed.first, crossed.second) == ("no_norm", "no_warmup")
    assert crossed.difference.low < 0.5 < crossed.difference.high and crossed.difference.low > 0.4


def test_the_loss_at_the_baselines_lr_is_a_mean_over_seeds():
    """Two runs of each variant at 0.02: of the baseline 2.01 and 2.00 nats."""
    base, worse = by_name(ABLATIONS)["baseline"], by_name(ABLATIONS)["no_norm"]
    assert base.at_lr.value == pytest.approx(2.005) and base.n_at_lr == 2
    borrowed = 2.405 + 0.05 * math.log(0.02 / 0.006) ** 2 - 2.005
    assert worse.difference_at_lr.difference_nats == pytest.approx(borrowed)
    assert worse.difference_at_lr.difference_nats > worse.difference.high, "a borrowed LR makes it look worse than it is"


def test_the_sensitivity_by_hand():
    """Losses 2, 2 and, capped at the untrained 6, 6 at three LRs evenly in log: the mean is 3, and the best 2."""
    runs = [Run(0.002, 0, 2.0), Run(0.02, 1, 2.0), Run(0.2, 2, None), Run(0.006, 3, 2.0), Run(0.06, 4, 2.0)]
    setting = Setting(0.02, (0.002, 0.2), 4.0, 6.0)
    base = compare([Tried("baseline", {}, None, runs)], setting, 0).variants[0]
    area = 4.0 * math.log(0.2 / 0.06) / 2  # the triangle from 0.06 to 0.2
    assert base.sensitivity_nats.value == pytest.approx(area / math.log(100), abs=0.05)


def test_a_variant_that_never_trains_has_no_difference_and_says_so():
    broken = by_name(ABLATIONS)["broken <b>"]
    assert broken.difference is None and broken.profile is None and broken.at_lr is None
    (said,) = [one for one in statements(ABLATIONS) if one.startswith("broken <b> (grad_clip 1e+09): ")]
    assert "3 of its 3 runs broke, from an LR of 0.002 on" in said and "raise ablate.below" in said


def test_statements():
    worse, same, both, _, crossed = statements(ABLATIONS)
    assert worse.startswith("no_norm (norm none): training breaks from an LR of 0.03 (0.016 to 0.055) on")
    assert "the baseline's from 0.15" in worse and "nats worse; at the baseline's LR, 0.02, the difference is +0.47" in worse
    assert "no clear change from the baseline's" in same and "not shown to differ" in same and "baseline's LR the" not in same
    assert both.startswith("no_norm + no_warmup (norm none, warmup_steps 0): ")
    assert crossed.startswith("no_norm and no_warmup together are 0.50") and crossed.endswith("nats worse than the sum of both")
    assert statements(NOTHING_ABLATED) == []


def test_a_baseline_that_never_trains_leaves_nothing_to_compare():
    dead = Tried("baseline", {}, None, [Run(lr, i, None) for i, lr in enumerate(LADDER)])
    found = compare([dead, Tried("other", {"a": 1}, None, valley(0.02, 2.0, 0.2))], SETTING, 0)
    assert found.compared == 0 and found.variants[1].difference is None and found.variants[1].profile
    said = statements(found)
    assert said[0].startswith("The baseline has no best LR: 7 of its 7 runs broke") and "it is not compared" in said[1]


def test_families_of_intervals_hold_planted_differences():
    """Three variants without a difference and one with it, in 25 studies: a twentieth of these may find one that is none."""
    random, wrong, missed, setting = np.random.default_rng(1), 0, 0, Setting(0.02, (LADDER[3], LADDER[-1]), 5.0, 6.0)
    for study in range(25):
        bests = np.exp(random.normal(math.log(0.02), 0.5, 4))
        tried = [planted("baseline" if not i else str(i), best, 2.0, random) for i, best in enumerate(bests)]
        tried.append(planted("worse", 0.02, 2.12, random))
        found = by_name(compare(tried, setting, study))
        wrong += any(found[str(i)].difference.p <= 0.05 for i in range(1, 4))
        missed += found["worse"].difference.p > 0.05
    assert wrong <= 3
    assert missed <= 3, "a difference of 6 times the noise between seeds is found"
